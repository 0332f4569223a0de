"""The image API's certificate, shared by its replicas through one Secret, and renewed by whichever is first.

What is due is decided by serving.rotation, when it may be done by serving.trust, whose Kept this is. The
Secret (kube.own_secret) is written guarded: of two replicas one is first, and the other takes what is there.
What is wrong with it is mended from what is served; what somebody else puts in its place is served as the
next one of a renewal is, when it is trusted. Without the right to it a replica has a certificate of
its own in memory, which is enough for one.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Protocol

from imagestreams.errors import ConflictError, GoneError, InvalidError, RefusedError
from imagestreams.serving.certificates import (
    RENEWED_AFTER,
    Identity,
    issue,
    read_authority,
    read_identity,
    serve,
    server_context,
)
from imagestreams.serving.rotation import Step, due

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from imagestreams.kube.own_secret import Found

_log = logging.getLogger(__name__)
_TRIES = 3
_PARTS = ("ca.crt", "tls.crt", "tls.key")
_NEXT = tuple(f"next-{part}" for part in _PARTS)
_FORMER = "former-ca.crt"
_KEYS = (*_PARTS, *_NEXT, _FORMER)


class Store(Protocol):
    """The Secret (kube.own_secret)."""

    async def read(self) -> Found | None:
        """Read it; None where there is none. Raises ClusterError."""

    async def write(self, data: Mapping[str, bytes | None], found: Found | None) -> Found:
        """Write these keys, None to remove one, if nobody else did. Raises ConflictError, ClusterError."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shared:
    """What the Secret holds."""

    current: Identity
    following: Identity | None = None
    former: bytes = b""
    """The CA of the certificate before, PEM; empty where nobody serves it any more."""


def read_shared(data: Mapping[str, bytes], names: Sequence[str], now: dt.datetime) -> Shared:
    """Read what is stored, without what of it is of no use.

    Raises InvalidError where the certificate itself cannot be served under these names now.
    """
    authority, certificate, key = (data.get(name, b"") for name in _PARTS)
    current = read_identity(authority, certificate, key, names, now)
    try:
        authority, certificate, key = (data.get(name, b"") for name in _NEXT)
        following = read_identity(authority, certificate, key, names, now)
    except InvalidError:
        following = None
    return Shared(current, following, read_authority(data.get(_FORMER, b"")))


def stored(shared: Shared) -> dict[str, bytes | None]:
    """Write it as keys of the Secret, None for one that must not be there."""
    found: dict[str, bytes | None] = dict.fromkeys(_KEYS)
    for names, identity in ((_PARTS, shared.current), (_NEXT, shared.following)):
        if identity is not None:
            parts = (identity.authority, identity.certificate, identity.key)
            found.update(zip(names, parts, strict=True))
    found[_FORMER] = shared.former or None
    return found


class SharedCertificates:
    """What is served, as it is stored; `context` has a certificate after the first `renew`."""

    def __init__(self, store: Store, names: Sequence[str]) -> None:
        self.context = server_context()
        self._store = store
        self._names = tuple(names)
        self._found: Found | None = None
        self._shared: Shared | None = None
        self._serving: Identity | None = None
        self._alone = False
        self._told = ""

    @property
    def bundle(self) -> bytes:
        """The CAs of what any replica serves, or will serve; PEM, in the same order for all of them."""
        if self._shared is None:
            return b""
        following = self._shared.following
        authorities = {self._shared.current.authority, self._shared.former}
        return b"".join(sorted(authorities | ({following.authority} if following else set())))

    @property
    def renewing(self) -> bool:
        """Tell whether a step of a renewal waits until the bundle is known."""
        return self._shared is not None and bool(self._shared.following or self._shared.former)

    async def renew(self, now: dt.datetime) -> bool:
        """Take what is stored, after mending it or adding to it where that is due; tells whether it is news.

        Raises ClusterError where it cannot be known what is stored.
        """
        before = self._shared
        for left in reversed(range(_TRIES)):
            try:
                await self._take(now)
            except (RefusedError, GoneError) as error:
                self._stay_alone(error, now)
            except ConflictError:
                # Another replica was first.
                if not left:
                    raise
                continue
            break
        return self._shared != before

    async def go_on(self) -> bool:
        """Take the step that waited; tells whether another certificate is served now. Raises ClusterError."""
        shared = self._shared
        if shared is None:
            return False
        step = _due(shared, shared.current.made, settled=True)
        if step is Step.SERVE and shared.following is not None:
            after = Shared(shared.following, former=shared.current.authority)
        elif step is Step.FORGET:
            after = Shared(shared.current)
        else:
            return False
        try:
            await self._write(after)
        except ConflictError:
            # Another replica was first; what it stored is taken at the next look.
            return False
        except RefusedError as error:
            self._tell(f"the certificate of the image API is not renewed: {error}")
            return False
        self._adopt(after)
        return step is Step.SERVE

    async def _take(self, now: dt.datetime) -> None:
        self._found = await self._store.read()
        self._alone = False
        if self._found is None:
            await self._mend("is not there", now)
            return
        try:
            shared = read_shared(self._found.data, self._names, now)
        except InvalidError as error:
            await self._mend(str(error), now)
            return
        wanted = self._announced(self._in_turn(shared, now), now)
        if stored(wanted) != {key: self._found.data.get(key) for key in _KEYS}:
            try:
                await self._write(wanted)
            except RefusedError as error:
                # What is there can be served, and is the same for all replicas.
                self._tell(f"the certificate of the image API is not renewed: {error}")
                wanted = shared
        self._adopt(wanted)

    def _in_turn(self, found: Shared, now: dt.datetime) -> Shared:
        """Put what nobody announced behind what is served, so that it is trusted before it is served."""
        serving = self._serving if self._served(now) is not None else None
        if serving is None or serving in {found.current, found.following}:
            return found
        if found.former == serving.authority:
            # Another replica has taken the step that this one had still to take.
            return found
        _log.info(
            "the Secret of the image API's certificate holds another one; it is served when it is trusted"
        )
        return Shared(serving, found.current, found.former)

    async def _mend(self, wrong: str, now: dt.datetime) -> None:
        served = self._served(now)
        shared = served or Shared(issue(self._names, now))
        if served is not None and served.following is None:
            # Whoever takes it away may want another one: it comes as any other does, without a gap.
            shared = dataclasses.replace(shared, following=issue(self._names, now))
        await self._write(shared)
        _log.log(
            logging.INFO if served is None and self._found is None else logging.WARNING,
            "the Secret of the image API's certificate %s; it is written",
            wrong,
        )
        self._adopt(shared)

    def _stay_alone(self, error: Exception, now: dt.datetime) -> None:
        self._alone = True
        self._tell(
            f"the image API's certificate cannot be shared: {error}; it has one of its own, with which it "
            "must be the only replica (the right to the Secret is in deploy/overlays/openshift-api)"
        )
        shared = self._served(now) or Shared(issue(self._names, now))
        self._adopt(self._announced(shared, now))

    def _announced(self, shared: Shared, now: dt.datetime) -> Shared:
        if _due(shared, now, settled=False) is Step.ANNOUNCE:
            return dataclasses.replace(shared, following=issue(self._names, now))
        return shared

    def _served(self, now: dt.datetime) -> Shared | None:
        """Give what is served, if it can be served on."""
        serves = self._serving is not None and now < self._serving.ends
        return self._shared if serves else None

    async def _write(self, shared: Shared) -> None:
        if not self._alone:
            self._found = await self._store.write(stored(shared), self._found)

    def _adopt(self, shared: Shared) -> None:
        # One that is the next of a renewal is trusted, and served already: by whoever was first.
        if self._serving is None or self._serving not in {shared.current, shared.following}:
            serve(self.context, shared.current)
            self._serving = shared.current
        self._shared = shared

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            _log.warning("%s", problem)


def _due(shared: Shared, now: dt.datetime, *, settled: bool) -> Step:
    return due(
        (now - shared.current.made).total_seconds(),
        RENEWED_AFTER.total_seconds(),
        following=shared.following is not None,
        former=bool(shared.former),
        settled=settled,
    )
