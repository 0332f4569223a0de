"""The registry that wants credentials: Basic, and Bearer with its token service."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from support.faults import FaultRegistry, TokenOptions

MANIFEST = "/v2/team/app/manifests/1"
SCOPE = "repository:team/app:pull"


@pytest.fixture
def basic() -> Iterator[FaultRegistry]:
    """Serve a registry behind Basic with two users."""
    with FaultRegistry(auth="basic", users={"ana": "right", "bob": "good"}) as started:
        started.put_image("team/app", "1")
        yield started


@pytest.fixture
def bearer() -> Iterator[FaultRegistry]:
    """Serve a registry behind Bearer with two users."""
    with FaultRegistry(auth="bearer", users={"ana": "right", "bob": "good"}) as started:
        started.put_image("team/app", "1")
        yield started


def token(
    registry: FaultRegistry, auth: tuple[str, str] | None = None, scope: str = SCOPE
) -> requests.Response:
    """Ask the token service for a token by GET."""
    url, parameters = f"http://{registry.token_host}/token", {"service": "fault-registry", "scope": scope}
    return requests.get(url, params=parameters, auth=auth, timeout=2)


def pull(registry: FaultRegistry, bearer_token: str | None = None) -> requests.Response:
    """GET the manifest, with a token where one is given."""
    headers = {} if bearer_token is None else {"Authorization": f"Bearer {bearer_token}"}
    return requests.get(f"{registry.url}{MANIFEST}", headers=headers, timeout=2)


def posted(registry: FaultRegistry, **form: str) -> requests.Response:
    """Ask the token service for a token by POST."""
    return requests.post(f"http://{registry.token_host}/token", data={"scope": SCOPE, **form}, timeout=2)


def test_basic_challenges(basic: FaultRegistry) -> None:
    """Without a credential, and with a wrong one, the answer is 401 with a Basic challenge."""
    url = f"{basic.url}{MANIFEST}"
    for auth in (None, ("ana", "wrong"), ("nobody", "right")):
        answer = requests.get(url, auth=auth, timeout=2)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")

    assert requests.get(url, auth=("ana", "right"), timeout=2).status_code == 200
    assert [record.right for record in basic.requests] == [None, False, False, True]


def test_basic_rights(basic: FaultRegistry) -> None:
    """A restricted repository is denied to other users with 403, a public one is open to everyone."""
    url = f"{basic.url}{MANIFEST}"
    basic.restrict("team/app", ["bob"])
    denied = requests.get(url, auth=("ana", "right"), timeout=2)
    assert (denied.status_code, denied.json()["errors"][0]["code"]) == (403, "DENIED")
    assert requests.get(url, auth=("bob", "good"), timeout=2).status_code == 200

    basic.make_public("team/app")
    assert requests.get(url, timeout=2).status_code == 200


def test_password_changes(basic: FaultRegistry) -> None:
    """After a change of password the old one is wrong and the new one right."""
    basic.change_password("ana", "newer")

    url = f"{basic.url}/v2/"
    assert requests.get(url, auth=("ana", "right"), timeout=2).status_code == 401
    assert requests.get(url, auth=("ana", "newer"), timeout=2).status_code == 200


def test_bearer_challenge_names_the_service(bearer: FaultRegistry) -> None:
    """The challenge has the realm, the service and the scope that a client needs."""
    answer = pull(bearer)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="http://{bearer.token_host}/token",service="fault-registry",scope="{SCOPE}"'
    )


def test_bearer_dance(bearer: FaultRegistry) -> None:
    """A user's token opens the repository that it was asked for; both requests are recorded as right."""
    answer = token(bearer, ("ana", "right"))

    assert (answer.json()["expires_in"], "access_token" in answer.json()) == (300, False)
    assert pull(bearer, answer.json()["token"]).status_code == 200
    seen = [(record.kind, record.repository, record.scheme, record.right) for record in bearer.requests]
    assert seen == [("token", "team/app", "basic", True), ("manifest-get", "team/app", "bearer", True)]


def test_wrong_password_at_the_token_service(bearer: FaultRegistry) -> None:
    """The token service answers 401 to a wrong password, and the record says so."""
    assert token(bearer, ("ana", "wrong")).status_code == 401
    assert bearer.requests[0].right is False


def test_token_for_another_repository_is_insufficient(bearer: FaultRegistry) -> None:
    """A token for another repository, or without the right, is answered with insufficient_scope."""
    other = token(bearer, ("ana", "right"), "repository:team/other:pull").json()["token"]
    bearer.restrict("team/app", ["bob"])
    without_right = token(bearer, ("ana", "right")).json()["token"]

    for useless in (other, without_right):
        answer = pull(bearer, useless)
        assert answer.status_code == 401
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_anonymous_tokens_open_public_repositories(bearer: FaultRegistry) -> None:
    """An anonymous token pulls what is public and nothing else."""
    assert pull(bearer, token(bearer).json()["token"]).status_code == 401

    bearer.make_public("team/app")
    assert pull(bearer).status_code == 401
    assert pull(bearer, token(bearer).json()["token"]).status_code == 200


def test_anonymous_can_be_refused() -> None:
    """With refuse_anonymous the token service itself denies a repository that is not public."""
    with FaultRegistry(auth="bearer", tokens=TokenOptions(refuse_anonymous=True)) as registry:
        registry.put_image("team/app", "1")
        assert token(registry).status_code == 403
        registry.make_public("team/app")
        assert token(registry).status_code == 200


def test_tokens_end(bearer: FaultRegistry) -> None:
    """A revoked or made-up token is answered 401 with invalid_token."""
    given = token(bearer, ("ana", "right")).json()["token"]
    assert pull(bearer, given).status_code == 200
    bearer.revoke_tokens()

    for dead in (given, "made-up"):
        answer = pull(bearer, dead)
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_tokens_expire() -> None:
    """A token whose life is over is refused without being revoked."""
    with FaultRegistry(auth="bearer", tokens=TokenOptions(expires_in=0)) as registry:
        registry.put_image("team/app", "1")
        answer = token(registry, (registry.username, registry.password))
        assert answer.json()["expires_in"] == 0
        assert pull(registry, answer.json()["token"]).status_code == 401


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        (TokenOptions(field="access_token"), {"access_token", "expires_in"}),
        (TokenOptions(field="both", expires_in=None), {"access_token", "token"}),
    ],
    ids=["access_token", "both-without-life"],
)
def test_token_fields(options: TokenOptions, keys: set[str]) -> None:
    """The token comes under the names asked for, with or without its life."""
    with FaultRegistry(auth="bearer", tokens=options) as registry:
        assert set(token(registry).json()) == keys


def test_token_service_on_a_port_of_its_own() -> None:
    """The realm can be another host, which survives a restart and serves nothing but tokens on demand."""
    with FaultRegistry(auth="bearer", tokens=TokenOptions(separate_port=True)) as registry:
        before = registry.token_host
        assert before != registry.host
        registry.stop()
        registry.start()
        assert registry.token_host == before
        assert f'realm="http://{before}/token"' in pull(registry).headers["WWW-Authenticate"]
        assert token(registry, (registry.username, registry.password)).status_code == 200


@pytest.mark.parametrize("grant", ["password", "refresh_token"])
def test_tokens_by_post(bearer: FaultRegistry, grant: str) -> None:
    """A password and an identity token buy an access token by POST; wrong ones get 401."""
    right: dict[str, Any] = {
        "password": {"username": "ana", "password": "right"},
        "refresh_token": {"refresh_token": bearer.identity_token},
    }[grant]

    answer = posted(bearer, grant_type=grant, **right)
    assert pull(bearer, answer.json()["access_token"]).status_code == 200
    wrong = dict.fromkeys(right, "wrong")
    assert posted(bearer, grant_type=grant, **wrong).status_code == 401
    assert [record.right for record in bearer.matching(kind="token")] == [True, False]
    assert posted(bearer, grant_type="other").status_code == 400


def test_offline_token_is_the_identity_token(bearer: FaultRegistry) -> None:
    """A GET with offline_token=true also gives the refresh token that POST accepts."""
    url, parameters = f"http://{bearer.token_host}/token", {"scope": SCOPE, "offline_token": "true"}

    answer = requests.get(url, params=parameters, auth=("ana", "right"), timeout=2)

    assert answer.json()["refresh_token"] == bearer.identity_token
