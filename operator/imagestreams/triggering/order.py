"""Which rollouts have to wait, and for what: after-ready of a workload, max-rollouts of a stream. No cluster.

What rolls out is told by the workloads' own status each time they are seen, so that after a restart it is
known again; only since when a rollout has not got on is remembered. One that does not get on for ten minutes,
and one that its own controller has given up, holds nobody up any more: a thousand workloads must not wait for
one that never gets ready, and its own next image may be what mends it.
Used by triggering.apply and triggering.follow, which tell the time (in seconds of any clock).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imagestreams.model.rollout_policy import after_ready
from imagestreams.triggering.rollouts import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from imagestreams.model.stream import StreamKey
    from imagestreams.triggering.workload import Workload, WorkloadKey

PATIENCE = 600.0
"""For how many seconds a rollout that does not get on holds up others; the default of Deployments, too."""
_NAMED = 3


@dataclasses.dataclass(frozen=True, slots=True)
class _Rolling:
    uid: str
    progress: tuple[int, ...]
    timed: bool
    since: float
    been: frozenset[tuple[int, ...]] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class Hold:
    """Why a move waits, and whether it has only begun to."""

    words: str
    begun: bool


class Order:
    """Who rolls out, and who waits."""

    def __init__(self, followers: Callable[[StreamKey], AbstractSet[WorkloadKey]]) -> None:
        self._followers = followers
        self._rolling: dict[WorkloadKey, _Rolling] = {}
        self._writing: set[WorkloadKey] = set()
        self._waiting: dict[WorkloadKey, Mapping[StreamKey, int]] = {}
        self._blind: set[WorkloadKey] = set()
        self._complete = False
        """Whether all workloads are known: until then nobody can say how many roll out."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def blind(self) -> bool:
        """Tell whether anybody waits until all workloads are known."""
        return bool(self._blind)

    def all_known(self) -> list[WorkloadKey]:
        """Note that all workloads are known from now on; name who has waited for that."""
        self._complete = True
        return list(self._blind)

    def seen(self, workload: Workload, now: float) -> bool:
        """Note how a workload's rollout is; tell whether it has ended with that."""
        key, rollout = workload.key, workload.rollout
        if rollout.phase is not Phase.RUNNING:
            return self._rolling.pop(key, None) is not None
        known = self._rolling.get(key)
        progress = rollout.progress
        if known is None or (known.uid, known.progress[:1]) != (workload.uid, progress[:1]):
            self._rolling[key] = _Rolling(workload.uid, progress, rollout.timed, now, frozenset({progress}))
        elif progress not in known.been:
            been = known.been | {progress}
            self._rolling[key] = _Rolling(workload.uid, progress, rollout.timed, now, been)
        elif known.timed != rollout.timed:
            self._rolling[key] = dataclasses.replace(known, timed=rollout.timed)
        return False

    def drop(self, key: WorkloadKey) -> None:
        """Forget a workload."""
        self._rolling.pop(key, None)
        self.content(key)

    def content(self, key: WorkloadKey) -> None:
        """Note that a workload waits for nothing any more."""
        self._waiting.pop(key, None)
        self._blind.discard(key)

    def writing(self, key: WorkloadKey) -> None:
        """Note that a workload is being given its image, which counts as a rollout."""
        self.content(key)
        self._writing.add(key)

    def wrote(self, key: WorkloadKey) -> None:
        """Note that the write is over: what its status says counts again."""
        self._writing.discard(key)

    def hold(
        self, workload: Workload, limits: Mapping[StreamKey, int], now: float, *, corrects: bool = False
    ) -> Hold | None:
        """Tell whether a workload's move has to wait; `limits` are those of the streams that move it.

        What `corrects` an image that no tag put there does not wait for the rollout of that one, which may
        never end.
        """
        key = workload.key
        words, under = "", limits
        if not corrects and after_ready(workload.order) and self._rolls(key, now):
            words, under = f"its own rollout is to be done first: {workload.rollout.words}", {}
        else:
            words = next(filter(None, (self._over(key, *limit, now) for limit in limits.items())), "")
        if not words:
            self.content(key)
            return None
        begun = key not in self._waiting or key in self._blind
        self._waiting[key] = under
        if blind := not self._complete and bool(under):
            self._blind.add(key)
        else:
            self._blind.discard(key)
        return Hold(words, begun and not blind)

    def due(self, now: float) -> list[WorkloadKey]:
        """Name who waits and may go now, in the order in which they may."""
        free: dict[StreamKey, int] = {}
        found: list[WorkloadKey] = []
        for key in sorted(self._waiting):
            limits = self._waiting[key]
            for stream, limit in limits.items():
                if stream not in free:
                    free[stream] = limit - len(self._busy(stream, now))
            rolls = self._rolls(key, now)
            if not rolls if not limits else (rolls or all(free[stream] > 0 for stream in limits)):
                found.append(key)
                if not rolls:
                    free.update({stream: free[stream] - 1 for stream in limits})
        return found

    def _over(self, key: WorkloadKey, stream: StreamKey, limit: int, now: float) -> str:
        """Say who has to be done first, "" when the limit of a stream leaves room."""
        if not self._complete:
            return "it is not known yet what else rolls out"
        busy = self._busy(stream, now)
        others = sorted(busy - {key})
        if len(others) < limit and key not in busy:
            # Who came first in the order goes first; who rolls out already takes no other's place.
            before = (other for other in self._waiting if other < key and other not in busy)
            others += [
                other
                for other in before
                if stream in self._waiting[other] and self._is_free(other, stream, now)
            ]
        if len(others) < limit:
            return ""
        named = ", ".join(str(other) for other in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        return (
            f"{stream} lets {limit} roll out at once (imagestreams.dev/max-rollouts); "
            f"before it come {named}{more}"
        )

    def _is_free(self, key: WorkloadKey, but: StreamKey, now: float) -> bool:
        # Who waits for another stream, too, keeps nobody from this one.
        limits = self._waiting[key].items()
        return all(len(self._busy(one, now) - {key}) < limit for one, limit in limits if one != but)

    def _busy(self, stream: StreamKey, now: float) -> set[WorkloadKey]:
        followers = self._followers(stream)
        rolling = {key for key in self._rolling.keys() & followers if self._rolls(key, now)}
        return rolling | (self._writing & followers)

    def _rolls(self, key: WorkloadKey, now: float) -> bool:
        rolling = self._rolling.get(key)
        return rolling is not None and (rolling.timed or now < rolling.since + PATIENCE)
