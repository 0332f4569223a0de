"""The search for secrets in what the operator said, and what is kept to be searched for."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from support import secrecy
from support.faults import FaultRegistry

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "cDdVbGd2c0pQ"
TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkJQ.eyJhdWQiOlsi"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of its own, as the one that keeps what the other tests make."""
    monkeypatch.setenv(secrecy.FOLDER, str(tmp_path))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"asked with {SECRET}, refused", "a secret of this run of 12 characters"),
        (f"https://user:{SECRET}@registry/v2/", "a secret of this run of 12 characters"),
        ("GET /v2/ Authorization: none", "an Authorization header"),
        ("{'authorization': 'anything'}", "an Authorization header"),
        ('{"Authorization": "anything"}', "an Authorization header"),
        ("sent Bearer eyJ.", "a bearer token"),
        (f"the token {TOKEN} is over", "a JSON Web Token or a pull secret"),
        (base64.b64encode(b'{"auths":{"r.io":{}}}').decode(), "a JSON Web Token or a pull secret"),
        (f"sent Basic {base64.b64encode(b'user:password').decode()}", "a Basic credential"),
    ],
)
def test_a_planted_secret_is_found(text: str, what: str) -> None:
    """What must not be said is found wherever it stands; the finding names the place and not the secret."""
    (found,) = secrecy.leaks(
        [("clean", "all is well"), ("log", f"before {text} after")], {SECRET, "unseen-one"}
    )

    assert found.startswith(f"log: {what}")
    assert SECRET not in found
    assert TOKEN not in found


@pytest.mark.parametrize(
    "text",
    [
        'refused the credential of secret "pull"; put a valid user name and password into it',
        "wants Basic authentication or a Bearer token",
        '{"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}',
        "",
    ],
)
def test_what_only_speaks_of_secrets_is_no_leak(text: str) -> None:
    """The names of schemes, headers and Secrets may be told."""
    assert [] == secrecy.leaks([("log", text)], {SECRET})


@pytest.mark.usefixtures("run")
def test_what_a_registry_gives_out_is_kept() -> None:
    """Passwords, their Basic form, tokens and identity tokens are looked for, also those made later."""
    with FaultRegistry(auth="bearer", users={"ana": "the-first-password"}) as registry:
        registry.change_password("ana", "the-second-password")
        identity = registry.identity_token
    basic = base64.b64encode(b"ana:the-first-password").decode()

    assert {"the-first-password", basic, "the-second-password", identity} < secrecy.kept()


@pytest.mark.usefixtures("run")
def test_what_kubectl_sends_is_kept() -> None:
    """A password on its command line and every value of a Secret are looked for, in all their forms."""
    secrecy.keep_sent(["create", "secret", "--docker-username=ana", "--docker-password=on-the-line"], None)
    entry = {"auth": "YW5hOmluLWF1dGg=", "password": "in-a-pull-secret", "identitytoken": "an-identity"}
    pull = json.dumps({"auths": {"r.io": entry}})
    data = base64.b64encode(b"in-the-data").decode()
    written = {"kind": "Secret", "data": {"a": data}, "stringData": {".dockerconfigjson": pull}}
    other = {"kind": "ConfigMap", "data": {"a": "no secret at all"}}
    secrecy.keep_sent(["apply"], json.dumps({"kind": "List", "items": [written, other]}))
    secrecy.keep_sent(["apply"], "kind: Secret, in a form that is not read here")

    assert {
        "on-the-line",
        base64.b64encode(b"ana:on-the-line").decode(),
        data,
        "in-the-data",
        pull,
        *entry.values(),
    } == secrecy.kept()


@pytest.mark.usefixtures("run")
def test_a_file_is_searched_as_it_is_at_the_end(tmp_path: Path) -> None:
    """What a log got after it was named is heard, and a log that was named twice is heard once."""
    log = tmp_path / "log"
    secrecy.hear("log", log)
    secrecy.hear("log", log)
    secrecy.hear("metrics", "up 1")
    log.write_text("said later")

    assert {f"log {log}": "said later", "metrics": "up 1"} == dict(secrecy.heard())
    assert 2 == len(list(secrecy.heard()))


@pytest.mark.usefixtures("run")
def test_a_short_secret_is_not_looked_for() -> None:
    """Under eight characters a text is found by chance."""
    secrecy.keep("seven77", "eight888")

    assert {"eight888"} == secrecy.kept()


def test_nothing_is_kept_outside_of_a_run() -> None:
    """Who makes secrets in a benchmark leaves none behind."""
    secrecy.keep("a-secret-of-nobody")
    secrecy.hear("log", "a text of nobody")
