"""Pull secrets: how they are read, for whom a credential is, and what is never shown of it."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.credentials import (
    TYPE_DOCKERCFG,
    TYPE_DOCKERCONFIGJSON,
    Credential,
    Login,
    choose,
    parse_secret,
)
from imagestreams.registry.names import place_of
from unit.model.arbitrary import anything, nearly, words

NO_JSON = "is not the JSON that `docker login` writes"
SECRET_TEXTS = ("user-xyz", "pass-xyz", "token-xyz")


def encode(text: str | bytes) -> str:
    """Encode as base64."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def auth(username: str = "user-xyz", password: str = "pass-xyz") -> dict[str, Any]:  # noqa: S107
    """Make an entry as `kubectl create secret docker-registry` writes it."""
    return {"username": username, "password": password, "auth": encode(f"{username}:{password}")}


def read(auths: Any, name: str = "pull") -> tuple[Login, ...]:
    """Read a secret of type dockerconfigjson with these entries."""
    return parse_secret(
        name, TYPE_DOCKERCONFIGJSON, {".dockerconfigjson": encode(json.dumps({"auths": auths}))}
    )


def chosen(reference: str, *auths: dict[str, Any]) -> list[str]:
    """Tell the users that a reference is asked for as; secrets are named s0, s1, ..."""
    logins = [login for number, each in enumerate(auths) for login in read(each, f"s{number}")]
    return [credential.username for credential in choose(logins, place_of(parse_reference(reference)))]


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        (auth("u", "p"), ("u", "p", "")),
        ({"username": "u", "password": "p"}, ("u", "p", "")),
        ({"auth": encode("u:p")}, ("u", "p", "")),
        ({"auth": encode("u:p:with:colons")}, ("u", "p:with:colons", "")),
        ({"auth": encode("u:pässwörd")}, ("u", "pässwörd", "")),
        ({"auth": encode("u:p\x00\x00")}, ("u", "p", "")),
        ({"auth": encode("u:")}, ("u", "", "")),
        ({"username": "old", "password": "old", "auth": encode("u:p")}, ("u", "p", "")),
        ({"auth": "", "username": "u", "password": "p"}, ("u", "p", "")),
        ({"auth": encode("u:"), "identitytoken": "t"}, ("u", "", "t")),
        ({"identitytoken": "t"}, ("", "", "t")),
        ({"username": "u", "password": "p", "email": "x@y", "extra": 1}, ("u", "p", "")),
    ],
)
def test_an_entry_is_read_as_a_credential(entry: dict[str, Any], credential: tuple[str, str, str]) -> None:
    """`auth` wins over user name and password; an identity token stands beside either."""
    (login,) = read({"r.io": entry})

    found = login.credential
    assert credential == (found.username, found.password, found.identity_token)
    assert "pull" == found.secret


@pytest.mark.parametrize(
    "entry", [{}, {"auth": ""}, {"username": ""}, {"email": "x@y"}, {"auth": encode(":p")}]
)
def test_an_entry_that_names_nobody_is_left_out(entry: dict[str, Any]) -> None:
    """`docker logout` leaves empty entries: they are no credentials, and no error."""
    assert () == read({"r.io": entry})


def test_a_dockercfg_secret_is_read() -> None:
    """The older type has the entries at the top."""
    data = {".dockercfg": encode(json.dumps({"https://r.io": auth("u", "p")}))}

    assert (Login("r.io", "", Credential("pull", "u", "p")),) == parse_secret("pull", TYPE_DOCKERCFG, data)


@pytest.mark.parametrize(
    ("server", "host", "path"),
    [
        ("r.io", "r.io", ""),
        ("R.io", "r.io", ""),
        ("r.io:5000", "r.io:5000", ""),
        ("https://r.io", "r.io", ""),
        ("http://r.io/", "r.io", ""),
        ("https://r.io/v1/", "r.io", ""),
        ("https://r.io/v2", "r.io", ""),
        ("r.io/team", "r.io", "team"),
        ("https://r.io/team/app/", "r.io", "team/app"),
        ("https://index.docker.io/v1/", "docker.io", ""),
        ("docker.io", "docker.io", ""),
        ("registry-1.docker.io", "docker.io", ""),
        ("*.r.io", "*.r.io", ""),
        ("[::1]:5000", "[::1]:5000", ""),
    ],
)
def test_a_server_is_read_as_host_and_path(server: str, host: str, path: str) -> None:
    """Scheme, API version, case and Docker Hub's spellings make no difference."""
    (login,) = read({server: auth()})

    assert (host, path) == (login.host, login.path)


@pytest.mark.parametrize(
    ("server", "reference", "fits"),
    [
        ("r.io", "r.io/a/b:1", True),
        ("r.io", "R.io/a/b:1", True),
        ("r.io", "r.io:5000/a", False),
        ("r.io:5000", "r.io:5000/a", True),
        ("r.io", "evil-r.io/a", False),
        ("r.io", "sub.r.io/a", False),
        ("r.io/team", "r.io/team/app", True),
        ("r.io/team", "r.io/team", True),
        ("r.io/team", "r.io/team-b/app", False),
        ("r.io/team", "r.io/other/team", False),
        ("r.io/Team", "r.io/team/app", False),
        ("https://index.docker.io/v1/", "nginx", True),
        ("https://index.docker.io/v1/", "docker.io/org/app", True),
        ("docker.io/org", "org/app", True),
        ("docker.io/org", "nginx", False),
        ("*.r.io", "eu.r.io/a", True),
        ("*.r.io", "r.io/a", False),
        ("*.r.io", "a.eu.r.io/a", False),
        ("*.r.io", "evil.io/r.io", False),
        ("*.io", "eu.r.io/a", False),
        ("eu.*.io", "eu.r.io/a", True),
        ("r?.io", "r1.io/a", True),
        ("r?.io", "r12.io/a", False),
        ("*", "r.io/a", False),
        ("*.*", "r.io/a", True),
        ("*.r.io", "eu.r.io:5000/a", False),
        ("*.r.io:5000", "eu.r.io:5000/a", True),
        ("*.io:*", "r.io:5000/a", False),
        ("[::1]:5000", "[::1]:5000/a", True),
        ("[ab].r.io", "a.r.io/app", False),
    ],
)
def test_a_credential_goes_to_its_own_registry_alone(server: str, reference: str, fits: bool) -> None:
    """Host and port must match, a glob within one label of the name, a path by whole components."""
    assert fits is bool(chosen(reference, {server: auth()}))


def test_the_more_specific_credential_comes_first() -> None:
    """A longer path is before a shorter, a plain host before a glob, then secrets by name."""
    auths = [
        {"*.r.io": auth("glob")},
        {"eu.r.io": auth("host-b")},
        {"eu.r.io/team": auth("team")},
        {"eu.r.io/team/app": auth("app")},
        {"eu.r.io": auth("host-c")},
    ]

    assert ["app", "team", "host-b", "host-c", "glob"] == chosen("eu.r.io/team/app", *auths)
    assert ["team", "host-b", "host-c", "glob"] == chosen("eu.r.io/team/web", *auths)
    assert ["host-b", "host-c", "glob"] == chosen("eu.r.io/web", *auths)


def test_one_credential_under_several_servers_is_tried_once() -> None:
    """The same credential that fits twice is one."""
    assert ["u"] == chosen("r.io/team/a", {"r.io": auth("u"), "https://r.io/v1/": auth("u")})


@pytest.mark.parametrize(
    ("type_", "data", "why"),
    [
        (
            TYPE_DOCKERCONFIGJSON,
            {},
            'secret "pull" of type kubernetes.io/dockerconfigjson has no key .dockerconfigjson',
        ),
        (TYPE_DOCKERCONFIGJSON, {".dockerconfigjson": None}, "has no key .dockerconfigjson"),
        (
            TYPE_DOCKERCFG,
            {".dockerconfigjson": "e30="},
            "of type kubernetes.io/dockercfg has no key .dockercfg",
        ),
        ("Opaque", {".dockerconfigjson": "e30="}, "of type Opaque has no key .dockerconfigjson"),
        ("", {}, "of type (none) has no key .dockerconfigjson"),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": "pass-xyz!"},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": encode("pass-xyz")},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": encode(b"\xff\xfe")},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": encode("[" * 100_000)},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": encode('["pass-xyz"]')},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCONFIGJSON,
            {".dockerconfigjson": encode('{"auths": "pass-xyz"}')},
            NO_JSON,
        ),
        (
            TYPE_DOCKERCFG,
            {".dockercfg": encode("null")},
            NO_JSON,
        ),
    ],
    ids=[
        "none",
        "null",
        "other key",
        "opaque",
        "untyped",
        "no base64",
        "no json",
        "no text",
        "deep",
        "list",
        "auths",
        "dockercfg",
    ],
)
def test_a_secret_that_cannot_be_read_is_named_and_not_shown(
    type_: str, data: dict[str, Any], why: str
) -> None:
    """The message names the secret and what is wrong with it, and shows nothing of its content."""
    with pytest.raises(InvalidError) as refused:
        parse_secret("pull", type_, data)

    assert why in str(refused.value)
    assert 'secret "pull"' in str(refused.value)
    assert "xyz" not in str(refused.value)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("pass-xyz", 'the entry for "r.io" is not an object'),
        (None, 'the entry for "r.io" is not an object'),
        ({"auth": "pass-xyz!"}, '"auth" for "r.io" is not base64 of user:password'),
        ({"auth": encode(b"\xffpass-xyz")}, '"auth" for "r.io" is not base64 of user:password'),
        ({"auth": 7}, '"auth" for "r.io" is not base64 of user:password'),
        ({"auth": ["pass-xyz"]}, '"auth" for "r.io" is not base64 of user:password'),
        ({"username": 7, "password": "pass-xyz"}, 'user name and password for "r.io" are not text'),
        ({"username": "user-xyz", "password": None}, 'user name and password for "r.io" are not text'),
        ({"username": "user-xyz", "password": "\ud800"}, 'user name and password for "r.io" are not text'),
        ({"identitytoken": ["token-xyz"]}, 'user name and password for "r.io" are not text'),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_and_not_shown(entry: Any, why: str) -> None:
    """The message names secret and server and what is wrong there, and shows nothing of the credential."""
    with pytest.raises(InvalidError) as refused:
        read({"r.io": entry})

    assert f'secret "pull": {why}' == str(refused.value)


def test_no_representation_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Neither repr nor str nor a log line of a credential or a login tells what is in it."""
    credential = Credential("pull", *SECRET_TEXTS)
    login = Login("r.io", "", credential)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("%s %r %s", credential, login, [login])
    shown = f"{credential} {credential!r} {login} {login!r} {credential.key} {caplog.text}"

    assert "pull" in shown
    assert [] == [text for text in SECRET_TEXTS if text in shown]
    assert encode("user-xyz:pass-xyz") not in shown


def test_a_fingerprint_tells_credentials_apart() -> None:
    """Other user, password or token is another key; the secret's name is none of its parts."""
    keys = {
        Credential("s", "u", "p").key,
        Credential("s", "up", "").key,
        Credential("s", "u", "p", "t").key,
        Credential("s", "u", "pt").key,
    }

    assert 4 == len(keys)
    assert Credential("s", "u", "p").key == Credential("t", "u", "p").key


def test_the_basic_header_is_that_of_the_rfc() -> None:
    """User and password are joined by a colon, in UTF-8."""
    assert f"Basic {encode('u:p:ä')}" == Credential("s", "u", "p:ä").basic


_ENTRY = nearly(username=words, password=words, auth=words | words.map(encode), identitytoken=words)


@given(
    nearly(auths=st.dictionaries(words, _ENTRY, max_size=3)) | anything,
    st.sampled_from([TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON]),
)
def test_arbitrary_content_is_read_or_refused(content: Any, type_: str) -> None:
    """Whatever a secret holds, it is read as logins that can be used, or refused with InvalidError."""
    data = {f".{type_.partition('/')[2]}": encode(json.dumps(content))}
    try:
        logins = parse_secret("pull", type_, data)
    except InvalidError:
        return
    for login in logins:
        assert login.credential.basic.startswith("Basic ")
        assert isinstance(login.fits(place_of(parse_reference("r.io/a"))), bool)
