"""What is known of the cluster: the newer reading wins, whatever the order of telling."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from imagestreams.model.reference import parse_reference
from imagestreams.model.stream import Stream, StreamKey
from imagestreams.registry.authorities import CaBundle
from imagestreams.registry.credentials import Credential, Login
from imagestreams.registry.names import place_of
from imagestreams.registry.rules import parse_rules
from imagestreams.watching.access_reading import PullSecret, RegistriesConfig
from imagestreams.watching.store import Seen, Store

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
    store.secrets.put(("shop", "pull"), Seen(PullSecret(logins()), "s-1", "7"))

    assert {KEY: ("u-1", "5")} == store.known()
    assert {("shop", "pull"): ("s-1", "7")} == store.secrets.known()


def put(store: Store, secret: str, *users: str, version: str = "", namespace: str = "shop") -> bool:
    """Let a store know of a pull secret with logins of these users."""
    content = PullSecret(tuple(login for user in users for login in logins(user)))
    return store.secrets.put((namespace, secret), Seen(content, "s-1", version))


def test_logins_are_those_of_the_namespace_by_name_of_the_secret() -> None:
    """Secrets of other namespaces give nothing; the order is that of the names, not of the telling."""
    store = Store()
    put(store, "b", "second")
    put(store, "a", "first")
    put(store, "a", "stranger", namespace="other")

    assert ["first", "second"] == users(store.access("shop").logins)
    assert [] == users(store.access("nowhere").logins)


def test_linked_secrets_come_before_the_others() -> None:
    """What the default service account pulls with comes first, each group by name."""
    store = Store()
    for name in "dcba":
        put(store, name, name)
    store.linked.put(("shop", "default"), Seen(("d", "c", "missing")))
    store.linked.put(("other", "default"), Seen(("b",)))

    assert ["c", "d", "a", "b"] == users(store.access("shop").logins)


def test_a_secret_that_changed_is_news_and_the_same_again_is_not() -> None:
    """Who asks again because of a secret does so only when it says something else."""
    store = Store()

    assert put(store, "pull", "user", version="1")
    assert not put(store, "pull", "user", version="2")
    assert put(store, "pull", "other", version="3")
    assert not put(store, "pull", "user", version="2")
    assert ["other"] == users(store.access("shop").logins)
    assert put(store, "pull", version="4")
    assert [] == users(store.access("shop").logins)


def test_a_secret_that_is_gone_is_news_once() -> None:
    """A deleted secret gives no logins any more; an unknown one is no news."""
    store = Store()
    put(store, "pull", "user")

    assert store.secrets.drop(("shop", "pull"))
    assert not store.secrets.drop(("shop", "pull"))
    assert not store.secrets.drop(("nowhere", "pull"))
    assert [] == users(store.access("shop").logins)
    assert {} == store.secrets.known()


def test_the_operators_own_config_counts_for_all() -> None:
    """CAs add up; rules are those of the operator's namespace, whatever others write."""
    store = Store(own_namespace="system")
    mine = RegistriesConfig(
        CaBundle((("", "all"),)), parse_rules("registrySources: {blockedRegistries: [a.io]}")
    )
    theirs = RegistriesConfig(
        CaBundle((("", "theirs"),)), parse_rules("registrySources: {allowedRegistries: [b.io]}")
    )
    store.configs.put(("system", "imagestreams-registries"), Seen(mine))
    store.configs.put(("shop", "imagestreams-registries"), Seen(theirs))
    place = place_of(parse_reference("r.io/app"))

    found = {name: store.access(name) for name in ("system", "shop", "elsewhere")}
    assert {"system": "all", "shop": "all\ntheirs", "elsewhere": "all"} == {
        name: access.authorities(place) for name, access in found.items()
    }
    assert {mine.rules} == {access.rules for access in found.values()}
