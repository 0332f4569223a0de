"""One certificate for several replicas: who is first, how it is renewed without a gap, what is mended.

In virtual time, with a Secret that is guarded as the API server guards it (which tests/integration shows).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from imagestreams.errors import ClusterError, ConflictError, GoneError, RefusedError
from imagestreams.kube.own_secret import Found
from imagestreams.serving.certificates import RENEWED_AFTER, VALID, issue
from imagestreams.serving.sharing import Shared, SharedCertificates, stored
from imagestreams.serving.trust import EVERY, KNOWN_AFTER, Trust

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from imagestreams.serving.certificates import Identity
    from imagestreams.serving.sharing import Store

NAMES = ["imagestreams-api.imagestreams-system.svc", "localhost", "127.0.0.1"]
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_CURRENT = ("ca.crt", "tls.crt", "tls.key")


class Secret:
    """The Secret as an API server keeps it; `error` is what reading comes to, `refused` what writing does."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] | None = None
        self.version = 0
        self.writes = 0
        self.error: Exception | None = None
        self.refused: Exception | None = None

    def hold(self, data: Mapping[str, bytes | None]) -> None:
        """Hold this, whoever wrote it."""
        self.data = {key: value for key, value in data.items() if value is not None}
        self.version += 1

    async def read(self) -> Found | None:
        """Read it; others may come in between."""
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return None if self.data is None else Found(str(self.version), dict(self.data))

    async def write(self, data: Mapping[str, bytes | None], found: Found | None) -> Found:
        """Write it, guarded."""
        await asyncio.sleep(0)
        if self.refused is not None:
            raise self.refused
        known = None if self.data is None else str(self.version)
        if (None if found is None else found.version) != known:
            raise ConflictError("somebody was first", status=409)
        self.hold({**(self.data or {}), **data})
        self.writes += 1
        assert self.data is not None
        return Found(str(self.version), dict(self.data))

    @property
    def authority(self) -> bytes:
        """The CA of what is to be served."""
        assert self.data is not None
        return self.data["ca.crt"]


class Registered:
    """What the API server trusts."""

    def __init__(self) -> None:
        self.bundle = b""

    async def trust(self, bundle: bytes) -> bool:
        """Trust these CAs."""
        written, self.bundle = bundle != self.bundle, bundle
        return written


class Served(ssl.SSLContext):
    """What a replica serves with; it counts the certificates that it is given."""

    given = 0

    def load_cert_chain(self, *arguments: Any, **named: Any) -> None:
        """Serve another certificate from now on."""
        self.given += 1
        super().load_cert_chain(*arguments, **named)


def shake_hands(certificates: SharedCertificates, bundle: bytes) -> bool:
    """Tell whether a client that trusts these CAs accepts what is served now, by TLS in memory.

    Certificates are of the virtual time, which the verifier does not know: it looks at who signed.
    """
    context = ssl.create_default_context(cadata=bundle.decode())
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=NAMES[0])
    server = certificates.context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return client.version() is not None


class Replicas:
    """Several replicas that look at one Secret; the wall clock follows the virtual time, from `began`."""

    def __init__(self, secret: Secret, began: dt.datetime) -> None:
        self.secret = secret
        self.registered = Registered()
        self.all: list[SharedCertificates] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._shaken: set[tuple[Served, int, bytes]] = set()
        self.began = began - dt.timedelta(seconds=asyncio.get_running_loop().time())

    def now(self) -> dt.datetime:
        """Tell the wall clock's time."""
        return self.began + dt.timedelta(seconds=asyncio.get_running_loop().time())

    async def join(self, store: Store | None = None) -> SharedCertificates:
        """Start one, as facade does."""
        certificates = SharedCertificates(store or self.secret, NAMES)
        certificates.context = Served(ssl.PROTOCOL_TLS_SERVER)
        await certificates.renew(self.now())
        self.all.append(certificates)
        trust = Trust(certificates, self.registered, now=self.now, what="the image API")
        self._tasks.append(asyncio.create_task(trust.run()))
        return certificates

    async def watch(self, seconds: float) -> None:
        """Let time pass, and see at each second that whatever is served is trusted."""
        seen, since = None, 0
        for second in range(int(seconds)):
            await asyncio.sleep(1)
            state = (self.secret.version, self.registered.bundle)
            since = second if state != seen else since
            seen = state
            # Later than at its next look no replica changes anything.
            if second <= since + EVERY + 1:
                assert all(self._trusted(each) for each in self.all)

    def _trusted(self, certificates: SharedCertificates) -> bool:
        """Tell whether what is served now is trusted now; of the same two that need not be tried again."""
        served = certificates.context
        assert isinstance(served, Served)
        now = (served, served.given, self.registered.bundle)
        if now not in self._shaken and shake_hands(certificates, self.registered.bundle):
            self._shaken.add(now)
        return now in self._shaken

    async def leave(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@contextlib.asynccontextmanager
async def three() -> AsyncIterator[Replicas]:
    """Run three, whose certificate is to be renewed ten minutes after the first was started."""
    secret = Secret()
    found = Replicas(secret, BEGAN)
    secret.hold(stored(Shared(issue(NAMES, BEGAN - RENEWED_AFTER + dt.timedelta(minutes=10)))))
    for _ in range(3):
        await found.join()
        await asyncio.sleep(7)
    try:
        yield found
    finally:
        await found.leave()


pytestmark = [pytest.mark.asyncio, pytest.mark.looptime(noop_cycles=2)]


async def test_of_many_that_start_at_once_one_is_first() -> None:
    """All serve the one certificate that was stored first, and it was written once."""
    secret = Secret()
    replicas = Replicas(secret, BEGAN)
    await asyncio.gather(*(replicas.join() for _ in range(5)))
    assert 1 == secret.writes
    assert {secret.authority} == {each.bundle for each in replicas.all}
    await replicas.watch(300)
    assert (1, secret.authority) == (secret.writes, replicas.registered.bundle)
    await replicas.leave()


async def test_a_renewal_leaves_no_gap() -> None:
    """At every second each replica serves what the API server trusts; three writes, and one CA in the end."""
    async with three() as replicas:
        first = replicas.secret.authority
        await replicas.watch(600 - 4 * EVERY)
        assert 0 == replicas.secret.writes
        await replicas.watch(EVERY * 6)
        both = replicas.registered.bundle
        assert (2, True) == (both.count(b"BEGIN"), first in both)
        assert first == replicas.secret.authority
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert 3 == replicas.secret.writes
        assert both.replace(first, b"") == replicas.secret.authority == replicas.registered.bundle
        assert set(_CURRENT) == (replicas.secret.data or {}).keys()
        await replicas.watch(600)
        assert 3 == replicas.secret.writes


@pytest.mark.parametrize("after", [EVERY, KNOWN_AFTER + 2 * EVERY, 2 * KNOWN_AFTER + 2 * EVERY])
async def test_whoever_comes_and_goes_in_the_middle_it_goes_on(after: float) -> None:
    """Two end and one starts while a renewal is under way: it ends, and nothing that is served is unknown."""
    async with three() as replicas:
        await replicas.watch(600 + after)
        await replicas.leave()
        replicas.all.clear()
        await replicas.join()
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert replicas.secret.authority == replicas.registered.bundle
        assert set(_CURRENT) == (replicas.secret.data or {}).keys()


async def test_an_api_server_that_is_away_holds_a_renewal_up() -> None:
    """What cannot be read is not renewed; what is served is served on."""
    async with three() as replicas:
        await replicas.watch(600 + EVERY)
        replicas.secret.error = ClusterError("the API server did not answer")
        await replicas.watch(1200)
        assert 1 == replicas.secret.writes
        replicas.secret.error = None
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert 3 == replicas.secret.writes


def without_names(now: dt.datetime) -> dict[str, bytes | None]:
    """A certificate of somebody else."""
    return stored(Shared(issue(["elsewhere.svc"], now)))


def of_two(now: dt.datetime) -> dict[str, bytes | None]:
    """A certificate with the key of another."""
    return {**stored(Shared(issue(NAMES, now))), "tls.key": issue(NAMES, now).key}


def signed_by_another(now: dt.datetime) -> dict[str, bytes | None]:
    """A certificate beside a CA that did not sign it."""
    return {**stored(Shared(issue(NAMES, now))), "ca.crt": issue(NAMES, now).authority}


def encrypted(now: dt.datetime) -> dict[str, bytes | None]:
    """A key with a password."""
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"password"),
    )
    return {**stored(Shared(issue(NAMES, now))), "tls.key": key}


WRONG: dict[str, Callable[[dt.datetime], dict[str, bytes | None]]] = {
    "emptied": lambda _: {},
    "garbage": lambda _: dict.fromkeys(_CURRENT, b"\xff garbage \x00"),
    "half of it": lambda now: {"tls.crt": stored(Shared(issue(NAMES, now)))["tls.crt"]},
    "names": without_names,
    "key": of_two,
    "CA": signed_by_another,
    "password": encrypted,
    "expired": lambda now: stored(Shared(issue(NAMES, now - VALID))),
    "of tomorrow": lambda now: stored(Shared(issue(NAMES, now + dt.timedelta(days=1)))),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_mended_from_what_is_served(
    wrong: Callable[[dt.datetime], dict[str, bytes | None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody misses a request: what is served is stored again, once, with a line in the log."""
    async with three() as replicas:
        await replicas.watch(100)
        served = replicas.secret.authority
        replicas.secret.hold(wrong(replicas.now()))
        await replicas.watch(EVERY)
        assert served == replicas.secret.authority
        # A replica that starts now takes it too.
        await replicas.join()
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert 3 == replicas.secret.writes
        told = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert [True] == ["the Secret of the image API's certificate holds" in each for each in told]
        assert not any("PRIVATE" in each or "garbage" in each for each in told)


async def test_a_secret_that_is_deleted_is_another_one_soon() -> None:
    """Deleting it renews the certificate, without a gap."""
    async with three() as replicas:
        await replicas.watch(100)
        before = replicas.secret.authority
        replicas.secret.data = None
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert before != replicas.secret.authority == replicas.registered.bundle


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_replica_that_starts_with_what_is_wrong_makes_it_anew(
    wrong: Callable[[dt.datetime], dict[str, bytes | None]],
) -> None:
    """It is served and trusted at once, as if nothing had been stored."""
    secret = Secret()
    secret.hold(wrong(BEGAN))
    replicas = Replicas(secret, BEGAN)
    await asyncio.gather(replicas.join(), replicas.join())
    await replicas.watch(EVERY)
    assert 1 == secret.writes
    await replicas.leave()


async def test_what_is_beside_it_is_tidied_or_left() -> None:
    """A broken next certificate or former CA is removed; a key of somebody else's stays."""
    async with three() as replicas:
        assert replicas.secret.data is not None
        extra = {"next-tls.crt": b"x", "next-tls.key": b"x", "former-ca.crt": b"x", "mine": b"y"}
        replicas.secret.hold({**replicas.secret.data, **extra})
        await replicas.watch(4 * EVERY)
        assert {*_CURRENT, "mine"} == replicas.secret.data.keys()
        assert 1 == replicas.secret.writes


def put(replicas: Replicas, theirs: Identity) -> None:
    """Put a certificate of one's own in the place of what is served, as kubectl does: the rest stays."""
    found = {key: value for key, value in stored(Shared(theirs)).items() if key in _CURRENT}
    replicas.secret.hold({**(replicas.secret.data or {}), **found})


SERVE, FORGET = KNOWN_AFTER + 2 * EVERY, 2 * (KNOWN_AFTER + 2 * EVERY)


@pytest.mark.parametrize(
    ("after", "beside"),
    [(-300, set()), (EVERY, {"next-ca.crt"}), (SERVE, {"former-ca.crt"}), (FORGET, set())],
)
async def test_what_somebody_else_stored_well_is_served_when_it_is_trusted(
    after: float, beside: set[str]
) -> None:
    """A certificate that an administrator put there, for these names, whenever: no request fails."""
    async with three() as replicas:
        await asyncio.sleep(600 - 21 + after)
        ours, writes = replicas.secret.authority, replicas.secret.writes
        assert beside == {"next-ca.crt", "former-ca.crt"} & (replicas.secret.data or {}).keys()
        theirs = issue(NAMES, replicas.now())
        put(replicas, theirs)
        await replicas.watch(EVERY)
        assert theirs.authority in replicas.registered.bundle
        assert theirs.authority != replicas.secret.authority
        assert ours == replicas.secret.authority
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert theirs.authority == replicas.secret.authority == replicas.registered.bundle
        assert writes + 3 == replicas.secret.writes
        assert set(_CURRENT) == (replicas.secret.data or {}).keys()


async def test_whoever_puts_it_there_again_gets_it_all_the_same() -> None:
    """A tool that insists is answered at each look, and what it wants is served a minute later."""
    async with three() as replicas:
        theirs = issue(NAMES, replicas.now())
        for _ in range(8):
            put(replicas, theirs)
            await replicas.watch(20)
        assert theirs.authority == replicas.secret.authority
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert theirs.authority == replicas.registered.bundle
        assert set(_CURRENT) == (replicas.secret.data or {}).keys()


class Line:
    """The way of one replica to the Secret, which may be cut."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self.cut = False

    async def read(self) -> Found | None:
        """Read it."""
        if self.cut:
            raise ClusterError("the API server did not answer")
        return await self._secret.read()

    async def write(self, data: Mapping[str, bytes | None], found: Found | None) -> Found:
        """Write it."""
        return await self._secret.write(data, found)


async def test_a_replica_that_missed_a_renewal_comes_back_without_a_quarrel() -> None:
    """What it serves is trusted once more until it serves what the others do; then all is still."""
    async with three() as replicas:
        line = Line(replicas.secret)
        late = await replicas.join(line)
        line.cut = True
        replicas.all.remove(late)
        await asyncio.sleep(600 + 4 * (KNOWN_AFTER + EVERY))
        served = replicas.secret.authority
        assert not shake_hands(late, replicas.registered.bundle)
        line.cut = False
        await asyncio.sleep(EVERY + 1)
        assert shake_hands(late, replicas.registered.bundle)
        replicas.all.append(late)
        await replicas.watch(4 * (KNOWN_AFTER + EVERY))
        assert served == replicas.secret.authority == replicas.registered.bundle
        assert 6 == replicas.secret.writes
        await asyncio.sleep(600)
        assert 6 == replicas.secret.writes


@pytest.mark.parametrize(
    "error",
    [RefusedError("may not", status=403), GoneError("no such namespace", status=404)],
    ids=["no right", "no namespace"],
)
async def test_without_the_right_one_replica_does_without(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """It has a certificate of its own, renewed as any, tells that once, and shares it when it can."""
    secret = Secret()
    secret.error = error
    replicas = Replicas(secret, BEGAN)
    await replicas.join()
    first = replicas.all[0].bundle
    await replicas.watch(100)
    replicas.began += RENEWED_AFTER
    await replicas.watch(4 * (KNOWN_AFTER + EVERY))
    assert first != replicas.registered.bundle
    told = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert [True] == [f"cannot be shared: {error}" in each for each in told]
    secret.error = None
    await replicas.watch(2 * EVERY)
    assert secret.authority in replicas.registered.bundle
    await replicas.leave()


async def test_a_right_to_read_alone_serves_what_is_there(caplog: pytest.LogCaptureFixture) -> None:
    """The certificate is served on by all, not renewed, and that is told once."""
    async with three() as replicas:
        replicas.secret.refused = RefusedError("may not patch", status=403)
        first = replicas.secret.authority
        await replicas.watch(600 + 300)
        assert first == replicas.registered.bundle
        told = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
        assert ["the certificate of the image API is not renewed: may not patch"] * 3 == told


async def test_two_that_never_agree_are_told_of() -> None:
    """Where somebody writes at every moment it is an error, not a hang."""
    secret = Secret()
    secret.refused = ConflictError("somebody was first", status=409)
    with pytest.raises(ConflictError):
        await SharedCertificates(secret, NAMES).renew(BEGAN)


async def test_no_key_is_shown() -> None:
    """What is stored and what was found do not show their keys when they are printed."""
    shared = Shared(issue(NAMES, BEGAN), issue(NAMES, BEGAN))
    found = Found("1", {key: value for key, value in stored(shared).items() if value is not None})
    assert not any("PRIVATE" in text for text in (repr(shared), repr(found), str(found)))
