"""In which order images roll out: what the annotations `rollout` and `max-rollouts` say. Pure.

Off unless somebody writes them. Who wanted care and slipped gets the most of it, not none: see
`after_ready` and `most_rollouts`; what is wrong is told where it is written. Used by triggering and by
importing.cautions.
"""

from __future__ import annotations

from imagestreams.errors import InvalidError

AFTER_READY = "after-ready"
_MOST = 10_000


def read_rollout_order(text: str) -> bool:
    """Read `imagestreams.dev/rollout`: whether the next image waits for the rollout that runs.

    Raises InvalidError, which shows the text and what there is.
    """
    if text not in {"", AFTER_READY}:
        raise InvalidError(f'"{text[:40]}" is not "{AFTER_READY}", the one value there is')
    return bool(text)


def after_ready(text: str) -> bool:
    """Say the same of any text: what cannot be read counts as after-ready."""
    try:
        return read_rollout_order(text)
    except InvalidError:
        return True


def read_max_rollouts(text: str) -> int | None:
    """Read `imagestreams.dev/max-rollouts`; None where there is no limit.

    Raises InvalidError, which shows the text and how to write it.
    """
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST)) else 0
    if not 1 <= number <= _MOST:
        raise InvalidError(f'"{text[:40]}" is not a number from 1 to {_MOST}')
    return number


def most_rollouts(text: str) -> int | None:
    """Say the same of any text: what cannot be read counts as 1."""
    try:
        return read_max_rollouts(text)
    except InvalidError:
        return 1
