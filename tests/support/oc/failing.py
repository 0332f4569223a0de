"""How a command of the original's command line fails: with its own word, or with the server's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.oc.rest import Answer


class CommandError(Exception):
    """A command ended with exit code 1; the text stands on stderr, `output` is what it printed before."""

    def __init__(self, text: str, output: str = "") -> None:
        """Keep both."""
        super().__init__(text)
        self.output = output


def failed(text: str) -> CommandError:
    """Fail as the client does by itself."""
    return CommandError(f"error: {text}\n")


def told(answer: Answer) -> CommandError:
    """Fail as the client does when the server refused."""
    if answer.reason == "Invalid":
        return CommandError(f"{_invalid(answer)}\n")
    return CommandError(f"Error from server ({answer.reason}): {answer.message}\n")


def checked(answer: Answer) -> Answer:
    """Fail unless it was done."""
    if not answer.ok:
        raise told(answer)
    return answer


def _invalid(answer: Answer) -> str:
    details = answer.body.get("details", {})
    causes = [
        f"{cause.get('field', '')}: {cause.get('message', '')}"
        if cause.get("field")
        else cause.get("message", "")
        for cause in details.get("causes", ())
    ]
    what = f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    if not causes:
        return f"{what}: {answer.message}"
    return f"{what}: {causes[0]}" if len(causes) == 1 else "\n* ".join([f"{what}: ", *causes])
