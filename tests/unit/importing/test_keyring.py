"""Which credential goes first, and which is not shown again for a while."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.errors import (
    BasicRefusedError,
    DeniedError,
    HiddenError,
    PasswordError,
    UnauthorizedError,
    UnwellError,
)
from imagestreams.importing.keyring import Keyring
from imagestreams.model.reference import parse_reference
from imagestreams.registry.access import Access
from imagestreams.registry.credentials import Credential, Login
from imagestreams.registry.exchange import ForeignChallengeError
from imagestreams.registry.names import place_of

APP, OTHER = (place_of(parse_reference(f"r.io/{name}")) for name in ("app", "other"))
ELSEWHERE = place_of(parse_reference("s.io/app"))
A, B, C = (Credential(name, name, "password") for name in "abc")


class Clock:
    """A clock that stands still."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at zero."""
    return Clock()


@pytest.fixture
def keyring(clock: Clock) -> Keyring:
    """An empty keyring."""
    return Keyring(clock)


def test_the_one_that_last_worked_goes_first(keyring: Keyring) -> None:
    """It comes before the others, which keep their order; for each repository by itself."""
    keyring.worked(APP, C)

    assert [C, A, B] == keyring.in_order(APP, (A, B, C))
    assert [A, B, C] == keyring.in_order(OTHER, (A, B, C))
    keyring.worked(APP, B)
    assert [B, A, C] == keyring.in_order(APP, (A, B, C))


def test_no_more_than_five_are_tried_the_good_one_among_them(keyring: Keyring) -> None:
    """However many fit, five are tried; the one that is known to work is not cut off."""
    many = [Credential(f"s{number}", f"u{number}", "p") for number in range(8)]
    assert many[:5] == keyring.in_order(APP, many)
    keyring.worked(APP, many[7])

    assert [many[7], *many[:4]] == keyring.in_order(APP, many)


@pytest.mark.parametrize(
    ("error", "held_back"),
    [
        (PasswordError("x"), {"app", "other"}),
        (BasicRefusedError("x"), {"app", "other"}),
        (UnauthorizedError("x"), {"app"}),
        (DeniedError("x"), set()),
        (HiddenError("x"), set()),
        (UnwellError("x"), set()),
        (ForeignChallengeError("x"), set()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_was_refused_is_held_back(
    keyring: Keyring, error: UnauthorizedError, held_back: set[str]
) -> None:
    """A wrong password for its whole host, a missing right for the repository; nothing else is a refusal."""
    keyring.failed(APP, A, error)

    found = {
        name
        for name, place in (("app", APP), ("other", OTHER), ("elsewhere", ELSEWHERE))
        if keyring.refusal(place, A) is not None
    }
    assert held_back == found
    assert keyring.refusal(APP, B) is None


def test_a_refusal_holds_for_ten_minutes(keyring: Keyring, clock: Clock) -> None:
    """Until then it is told in the same words; then the password may be sent again."""
    keyring.failed(APP, A, PasswordError("the token realm r.io refused (401)"))
    clock.now = 599.9
    told = keyring.refusal(APP, A)

    assert (PasswordError, "the token realm r.io refused (401)") == (type(told), str(told))
    clock.now = 600.0
    assert keyring.refusal(APP, A) is None


def test_another_password_in_the_same_secret_is_another_credential(keyring: Keyring) -> None:
    """A corrected secret is used at once."""
    keyring.failed(APP, A, PasswordError("x"))

    assert keyring.refusal(APP, Credential("a", "a", "corrected")) is None


def test_a_credential_that_opens_one_repository_is_not_held_back_for_its_host(keyring: Keyring) -> None:
    """Some registries answer 401 for a missing right: the repositories it does open stay open."""
    keyring.worked(OTHER, A)
    keyring.failed(APP, A, BasicRefusedError("x"))

    assert keyring.refusal(APP, A) is not None
    assert keyring.refusal(OTHER, A) is None
    keyring.worked(APP, A)
    assert keyring.refusal(APP, A) is None


def test_a_password_that_its_realm_refuses_is_held_back_though_it_was_good(keyring: Keyring) -> None:
    """One that was changed at the registry is sent once, not once for each repository."""
    keyring.worked(OTHER, A)
    keyring.failed(APP, A, PasswordError("x"))

    assert keyring.refusal(OTHER, A) is not None


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_the_first_goes_ahead_alone(keyring: Keyring) -> None:
    """Until it is known whether a password is good, one question carries it; once it is, all go at once."""
    begun: list[tuple[str, float]] = []

    async def ask(name: str, credential: Credential) -> None:
        async with keyring.proving(APP, credential):
            begun.append((name, asyncio.get_running_loop().time()))
            await asyncio.sleep(1)
            keyring.worked(APP, credential)

    async with asyncio.TaskGroup() as group:
        for name in ("first", "second", "third"):
            group.create_task(ask(name, A))
        group.create_task(ask("with another", B))
    await ask("later", A)

    assert [
        ("first", 0.0),
        ("with another", 0.0),
        ("second", 1.0),
        ("third", 1.0),
        ("later", 2.0),
    ] == begun


def test_by_hand_each_repository_is_heard_anew_but_not_what_was_refused_a_moment_ago(
    keyring: Keyring, clock: Clock
) -> None:
    """However many tags of one come first; a refusal of the last half a minute holds beside an older one."""
    access = Access(logins=(Login(APP.host, "", A), Login(ELSEWHERE.host, "", B)))
    mine, other = access.credentials(APP)[0], access.credentials(ELSEWHERE)[0]
    keyring.failed(APP, mine, PasswordError("the old one"))
    keyring.failed(ELSEWHERE, other, PasswordError("wrong"))
    clock.now = 31.0
    keyring.failed(OTHER, mine, UnauthorizedError("just now"))

    keyring.forget_refusals([*(f"r.io/other:{number}" for number in range(30)), "s.io/app:1"], access)

    assert None is keyring.refusal(APP, mine)
    assert None is keyring.refusal(ELSEWHERE, other)
    assert "just now" == str(keyring.refusal(OTHER, mine))
