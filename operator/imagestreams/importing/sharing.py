"""Asking once what several want to know: at the same time, or within their intervals.

The unit of work is a question: a place, a version, a credential. It is asked in a thread; who wants to know
the same meanwhile waits for that answer, and who follows the tag takes one younger than their interval.
Below importing.asking, which knows where to ask and with what.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar, cast

from imagestreams.errors import LimitedError, RegistryError, Retry, UnreachableError
from imagestreams.importing.plan import Priority
from imagestreams.registry.memory import Memory
from imagestreams.registry.question import Resolution

if TYPE_CHECKING:
    from collections.abc import Callable

    from imagestreams.importing.gate import Gate
    from imagestreams.importing.plan import Ask
    from imagestreams.importing.tools import Threads
    from imagestreams.metrics import Metrics
    from imagestreams.model.reference import Reference
    from imagestreams.registry.manifests import Platform
    from imagestreams.registry.names import Place
    from imagestreams.registry.question import Question

_Answer = TypeVar("_Answer")

_ANSWERS = 50_000


@dataclasses.dataclass(frozen=True, slots=True)
class Matter:
    """What is to be known of which reference, wherever it is asked for."""

    reference: Reference
    home: Place
    """Where the reference says that it is."""
    platform: Platform | None = None
    """Which child of an index is meant; None: the index itself."""
    insecure: bool = False
    token: str = ""
    """A request made by hand: it joins no question that began before it."""
    fresh: float = 0.0
    """How many seconds old a Resolution may be that was got for somebody else."""
    priority: Priority = Priority.SCHEDULED
    known: Resolution | None = None
    """What is known of it already (registry.client)."""


def known_of(reference: Reference, ask: Ask) -> Resolution | None:
    """Say what the status of a tag tells of its reference already; None for nothing."""
    newest = ask.known.newest if ask.known is not None else None
    # An image that a source of another kind brought says nothing of the registry.
    if ask.known is None or newest is None or newest.reference != reference.at(newest.image):
        return None
    return Resolution(newest.image, ask.known.index)


class Sharing:
    """Puts questions to registries, in threads of others, from one event loop."""

    def __init__(self, threads: Threads, gate: Gate, metrics: Metrics) -> None:
        """`gate` is told of hosts that limit us, that answer well, and that do not answer."""
        self._threads = threads
        self._gate = gate
        self._metrics = metrics
        self._answers: Memory[bytes, Resolution] = Memory(_ANSWERS)
        self._questions: dict[tuple[Any, bytes, str], asyncio.Future[Any]] = {}
        metrics.under_way.set_function(lambda: len(self._questions))

    async def put(
        self, question: Question, matter: Matter, do: Callable[[Question], _Answer]
    ) -> _Answer | RegistryError:
        """Have `do` answer a question in a thread, or give the answer that somebody else got.

        A request made by hand joins no question that began before it: its answer may be from before the push.
        """
        fingerprint = question.fingerprint
        kept = self._answers.get(fingerprint) if matter.fresh else None
        # The same sum as plan's, or a tag might be due and its answer fresh, for ever.
        if kept is not None and kept.asked + matter.fresh > asyncio.get_running_loop().time():
            # Whoever uses it is next due an interval after it was asked for: soon all ask in the same moment.
            return cast("_Answer", kept)
        key = (do, fingerprint, matter.token)
        if (under_way := self._questions.get(key)) is not None:
            joined: _Answer | RegistryError = await asyncio.shield(under_way)
            return joined
        shared = self._questions[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await self._ask(question, do)
            if isinstance(answer, Resolution):
                self._keep(fingerprint, answer)
                if answer != question.known:
                    # So it will be asked by who has learnt the answer.
                    self._keep(dataclasses.replace(question, known=answer).fingerprint, answer)
        except Exception as error:
            # A bug of ours ends the question for all who share it; cancelled, they would never know.
            shared.set_exception(error)
            # There may be nobody else who reads it.
            shared.exception()
            raise
        except BaseException:
            # The end of the process, or of the request that all who share it belong to.
            shared.cancel()
            raise
        else:
            shared.set_result(answer)
            return answer
        finally:
            del self._questions[key]

    def _keep(self, fingerprint: bytes, answer: Resolution) -> None:
        kept = self._answers.get(fingerprint)
        # A request made by hand joins none that is under way: the older of the two may come last.
        if kept is None or kept.asked <= answer.asked:
            self._answers.put(fingerprint, answer)

    async def _ask(self, question: Question, do: Callable[[Question], _Answer]) -> _Answer | RegistryError:
        host = question.place.host
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            answer = await self._threads.run(do, question)
        except RegistryError as error:
            if isinstance(error, LimitedError):
                self._gate.narrow(host, error.wait)
            if isinstance(error, UnreachableError) and error.of_host:
                self._gate.silent(host)
            else:
                self._gate.heard(host)
            if error.retry is Retry.PERMANENT:
                # A refusal, but answered as well as any.
                self._gate.widen(host)
            return error
        else:
            self._gate.heard(host)
            self._gate.widen(host)
            return answer
        finally:
            self._metrics.took(host, loop.time() - started)
