"""What must stay secret in a test run, what the operator said in it, and the search for one in the other.

Who makes a secret calls `keep`: the registries of support.faults, kubectl of the tests' conftest, who writes
a kubeconfig. Who knows what the operator said calls `hear`. Both append to files in the folder of the run,
which its variable names to xdist's workers and to processes that tests start; outside of a run, in
benchmarks say, nothing is kept. e2e/test_secrecy.py searches when all else is over.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

FOLDER = "IMAGESTREAMS_TESTS_SECRECY"
LEAST = 8
"""A shorter secret is found anywhere, by chance."""
_AROUND = 60
_PASSWORD = "--docker-password="
_USER = "--docker-username="

# What looks like a credential, whoever made it. A JSON Web Token begins so, and so does a pull secret.
_SUSPECTS = {
    "an Authorization header": re.compile(r"\bauthorization[\"']?\s*:", re.IGNORECASE),
    "a bearer token": re.compile(r"\bbearer\s+ey", re.IGNORECASE),
    "a JSON Web Token or a pull secret": re.compile(r"\beyJ[A-Za-z0-9_-]{12}"),
}
_BASIC = re.compile(r"\bbasic\s+([A-Za-z0-9+/]{8,}={0,2})", re.IGNORECASE)


def keep(*secrets: str) -> None:
    """Have these looked for at the end of the run."""
    _append("secrets", secrets)


def keep_login(user: str, password: str) -> None:
    """Have a password looked for, alone and as Basic sends it and pull secrets hold it."""
    keep(password, base64.b64encode(f"{user}:{password}".encode()).decode())


def keep_kubeconfig(path: Path) -> None:
    """Have the token in a kubeconfig looked for; it is JSON, as localcluster writes it."""
    for user in json.loads(path.read_text())["users"]:
        keep(user["user"]["token"])


def keep_sent(arguments: Iterable[str], text: str | None) -> None:
    """Have looked for what kubectl is given: a password on its command line, a manifest with Secrets."""
    given = list(arguments)
    user = next((each.removeprefix(_USER) for each in given if each.startswith(_USER)), "")
    for password in (each.removeprefix(_PASSWORD) for each in given if each.startswith(_PASSWORD)):
        keep_login(user, password)
    if text is not None:
        keep(*_in_manifest(_json(text)))


def hear(source: str, said: str | Path) -> None:
    """Have a text of the operator searched, or a file that it writes, as it is at the end of the run."""
    _append("said", [[source, str(said), isinstance(said, Path)]])


def kept() -> set[str]:
    """Give every secret of the run that is long enough to be found for what it is."""
    return {secret for secret in _lines("secrets") if len(secret) >= LEAST}


def heard() -> Iterator[tuple[str, str]]:
    """Give everything the operator said: where, and what. A file is read once."""
    files = set()
    for source, said, is_file in _lines("said"):
        if not is_file:
            yield source, said
        elif said not in files and Path(said).exists():
            files.add(said)
            yield f"{source} {said}", Path(said).read_text(errors="replace")


def leaks(said: Iterable[tuple[str, str]], secrets: Collection[str]) -> list[str]:
    """Give one line for each secret in each text, and for what looks like one, without the secret."""
    found = []
    for source, text in said:
        found += [
            _told(source, "a secret of this run", text, at, at + len(secret))
            for secret in secrets
            if (at := text.find(secret)) >= 0
        ]
        found += [
            _told(source, what, text, *match.span())
            for what, suspect in _SUSPECTS.items()
            if (match := suspect.search(text))
        ]
        found += [
            _told(source, "a Basic credential", text, *match.span(1))
            for match in _BASIC.finditer(text)
            if _is_login(match[1])
        ]
    return found


def _told(source: str, what: str, text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - _AROUND) : start], text[end : end + 1]
    return f"{source}: {what} of {end - start} characters after {before!r}, before {after!r}"


def _is_login(text: str) -> bool:
    try:
        return b":" in base64.b64decode(text, validate=True)
    except binascii.Error:
        return False


def _in_manifest(manifest: Any) -> Iterator[str]:
    """Give what the Secrets of a manifest hold: each value, decoded too, and the parts of a pull secret."""
    if not isinstance(manifest, dict):
        return
    for item in manifest.get("items") or []:
        yield from _in_manifest(item)
    if manifest.get("kind") != "Secret":
        return
    for value in (manifest.get("data") or {}).values():
        yield value
        yield from _in_value(base64.b64decode(value).decode(errors="replace"))
    for value in (manifest.get("stringData") or {}).values():
        yield from _in_value(value)


def _in_value(value: str) -> Iterator[str]:
    yield value
    pull = _json(value)
    auths = pull.get("auths") if isinstance(pull, dict) else None
    for entry in (auths or {}).values():
        for key in ("password", "auth", "identitytoken"):
            yield entry.get(key, "")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _append(name: str, values: Iterable[Any]) -> None:
    folder = os.environ.get(FOLDER)
    if folder:
        lines = "".join(json.dumps(value) + "\n" for value in values)
        with (Path(folder) / name).open("a") as file:
            file.write(lines)


def _lines(name: str) -> Iterator[Any]:
    path = Path(os.environ[FOLDER]) / name
    if path.exists():
        with path.open() as lines:
            yield from map(json.loads, lines)
