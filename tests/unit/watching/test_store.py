"""What is known of the cluster: the newer reading wins, whatever the order of telling."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.credentials import Credential, Login
from imagestreams.watching.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = StreamKey("shop", "app")


def stream(version: str, uid: str = "u-1") -> Stream:
    """Make a reading of a stream."""
    return Stream(KEY, uid, version, 1)


def logins(user: str = "user") -> tuple[Login, ...]:
    """Make what a pull secret holds."""
    return (Login("r.io", "", Credential("pull", user, "password")),)


def users(found: Sequence[Login]) -> list[str]:
    """Tell whose logins these are."""
    return [login.credential.username for login in found]


@pytest.mark.parametrize(
    ("known", "told", "kept"),
    [
        (None, stream("5"), True),
        (stream("5"), stream("6"), True),
        (stream("5"), stream("5"), False),
        (stream("6"), stream("5"), False),
        (stream("9"), stream("10"), True),
        (stream("10"), stream("9"), False),
        (stream("5"), stream("6", "u-2"), True),
        (stream("6", "u-2"), stream("5", "u-1"), False),
        (stream("x"), stream("y"), True),
    ],
    ids=[
        "first",
        "newer",
        "same",
        "older",
        "longer",
        "shorter",
        "made anew",
        "late of a predecessor",
        "no numbers",
    ],
)
def test_the_newer_reading_is_kept(known: Stream | None, told: Stream, kept: bool) -> None:
    """A reading is kept unless it, or a newer one, is known, of this stream or of its successor."""
    store = Store()
    if known is not None:
        assert store.put(known)

    assert kept is store.put(told)
    assert (told if kept else known) is store.stream(KEY)


def test_any_order_of_readings_ends_at_the_newest() -> None:
    """Readings told in any order leave the newest."""
    chance = random.Random(1)
    for _ in range(50):
        readings = [stream(str(version)) for version in range(8, 13)]
        chance.shuffle(readings)
        store = Store()
        for reading in readings:
            store.put(reading)
        found = store.stream(KEY)
        assert found is not None
        assert "12" == found.resource_version


def test_a_stream_is_forgotten_by_its_uid() -> None:
    """Told that the old one is gone, its successor stays; without a uid, whoever is known goes."""
    store = Store()
    store.put(stream("5", "u-2"))

    assert not store.drop(KEY, "u-1")
    assert 1 == len(store)
    assert store.drop(KEY, "u-2")
    assert store.stream(KEY) is None
    assert not store.drop(KEY)
    store.put(stream("1"))
    assert store.drop(KEY)
    assert 0 == len(store)


def test_what_is_known_is_listed_for_the_sweep() -> None:
    """Streams and pull secrets are listed with uid and resourceVersion."""
    store = Store()
    store.put(stream("5"))
    store.put_secret("shop", "pull", logins(), uid="s-1", version="7")

    assert {KEY: ("u-1", "5")} == store.known()
    assert {("shop", "pull"): ("s-1", "7")} == store.known_secrets()


def test_logins_are_those_of_the_namespace_by_name_of_the_secret() -> None:
    """Secrets of other namespaces give nothing; the order is that of the names, not of the telling."""
    store = Store()
    store.put_secret("shop", "b", logins("second"))
    store.put_secret("shop", "a", logins("first"))
    store.put_secret("other", "a", logins("stranger"))

    assert ["first", "second"] == users(store.logins("shop"))
    assert [] == users(store.logins("nowhere"))


def test_a_secret_that_changed_is_news_and_the_same_again_is_not() -> None:
    """Who asks again because of a secret does so only when it says something else."""
    store = Store()

    assert store.put_secret("shop", "pull", logins(), uid="s-1", version="1")
    assert not store.put_secret("shop", "pull", logins(), uid="s-1", version="2")
    assert store.put_secret("shop", "pull", logins("other"), uid="s-1", version="3")
    assert not store.put_secret("shop", "pull", logins(), uid="s-1", version="2")
    assert ["other"] == users(store.logins("shop"))
    assert store.put_secret("shop", "pull", (), uid="s-1", version="4")
    assert [] == users(store.logins("shop"))


def test_a_secret_that_is_gone_is_news_once() -> None:
    """A deleted secret gives no logins any more; an unknown one is no news."""
    store = Store()
    store.put_secret("shop", "pull", logins())

    assert store.drop_secret("shop", "pull")
    assert not store.drop_secret("shop", "pull")
    assert not store.drop_secret("nowhere", "pull")
    assert [] == users(store.logins("shop"))
    assert {} == store.known_secrets()
