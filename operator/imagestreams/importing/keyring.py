"""Which of several credentials to show to a registry first, and which not again for a while.

The one that last worked comes first, so that those who hold it ask the same question and share its answer. A
password that was refused is not sent again until its secret holds another or ten minutes have passed: many
registries lock an account after a few wrong ones. For who asks by hand it is sent once more. Used by
importing.asking, in one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import TYPE_CHECKING

from imagestreams.errors import BasicRefusedError, InvalidError, PasswordError, UnauthorizedError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.memory import Memory
from imagestreams.registry.names import place_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from imagestreams.errors import RegistryError
    from imagestreams.registry.access import Access
    from imagestreams.registry.credentials import Credential
    from imagestreams.registry.names import Place

REFUSED_FOR = 600.0
"""For how many seconds a refused password is not sent again."""
TRIED = 5
"""How many credentials are tried for one question, at the most."""
_REMEMBERED = 20_000
_HEARD_LATELY = 30.0
_HEARD_ANEW = 20
"""For how many repositories of one request a refusal is heard anew: namespaces may have many logins."""


class Keyring:
    """Remembers what registries thought of credentials, by fingerprints."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._worked: Memory[Place, str] = Memory(_REMEMBERED)
        self._good: Memory[tuple[str, str], bool] = Memory(_REMEMBERED)
        self._refused: Memory[tuple[str, str], tuple[float, type[UnauthorizedError], str]] = Memory(
            _REMEMBERED
        )
        self._proofs: dict[tuple[str, str], asyncio.Future[None]] = {}

    def in_order(self, place: Place, credentials: Sequence[Credential]) -> list[Credential]:
        """Put the one that last worked for a repository first; no more than five."""
        first = self._worked.get(place)
        return sorted(credentials, key=lambda credential: credential.key != first)[:TRIED]

    def refusal(self, place: Place, credential: Credential) -> UnauthorizedError | None:
        """Give the refusal that still holds, in the registry client's own words; None where there is none."""
        for scope in (place.host, str(place)):
            known = self._refused.get((scope, credential.key))
            if known is not None and self._clock() < known[0]:
                return known[1](known[2])
        return None

    def worked(self, place: Place, credential: Credential) -> None:
        """Note that a credential opened a repository."""
        self._worked.put(place, credential.key)
        self._good.put((place.host, credential.key), True)
        for scope in (place.host, str(place)):
            self._refused.forget((scope, credential.key))

    def forget_refusals(self, references: Iterable[str], access: Access) -> None:
        """Let somebody who asks for these by hand hear anew what their registries think of what they have.

        Once for each request, not for each tag of it: what is refused then is refused for ten minutes. What
        was refused a moment ago is not asked anew, or a script of many imports would lock the account.
        """
        old = self._clock() + REFUSED_FOR - _HEARD_LATELY
        scopes = {scope for (scope, _), (until, _, _) in self._refused.items() if until <= old}
        if not scopes:
            return
        found = dict.fromkeys(place for text in references for place in _places(text, access))
        concerned = (place for place in found if not scopes.isdisjoint((place.host, str(place))))
        for place in itertools.islice(concerned, _HEARD_ANEW):
            for credential in access.credentials(place):
                for scope in (place.host, str(place)):
                    known = self._refused.get((scope, credential.key))
                    if known is not None and known[0] <= old:
                        self._refused.forget((scope, credential.key))

    def failed(self, place: Place, credential: Credential, error: RegistryError) -> None:
        """Note what a credential was answered; only refusals count."""
        if not isinstance(error, UnauthorizedError) or not error.another_may_see:
            return
        known = (place.host, credential.key)
        everywhere = isinstance(error, PasswordError)
        if isinstance(error, BasicRefusedError) and self._good.get(known):
            # It opened another repository, so it may be a right that is missing here.
            everywhere = False
        elif everywhere:
            self._good.forget(known)
        scope = place.host if everywhere else str(place)
        # Not the error itself: it holds on to all that was at hand when it was raised.
        until = self._clock() + REFUSED_FOR
        self._refused.put((scope, credential.key), (until, type(error), error.words))

    @contextlib.asynccontextmanager
    async def proving(self, place: Place, credential: Credential) -> AsyncIterator[None]:
        """Let the first question with a credential go ahead alone: a wrong password is then sent once."""
        key = (place.host, credential.key)
        if self._good.get(key):
            yield
        elif key in self._proofs:
            await asyncio.shield(self._proofs[key])
            yield
        else:
            proof = self._proofs[key] = asyncio.get_running_loop().create_future()
            try:
                yield
            finally:
                del self._proofs[key]
                proof.set_result(None)


def _places(reference: str, access: Access) -> tuple[Place, ...]:
    try:
        return tuple(access.rules.places(place_of(parse_reference(reference))))
    except InvalidError:
        return ()
