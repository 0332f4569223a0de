"""A memory that does not grow without end: what was used longest ago is forgotten first.

What is remembered of registries (challenges, tokens, manifests, which of them speak plain HTTP) comes from
them, and there may be as many as users name. Used by registry.auth, registry.exchange and registry.client.
"""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Key = TypeVar("_Key", bound="Hashable")
_Value = TypeVar("_Value")


class Memory(Generic[_Key, _Value]):
    """Keeps values by key, up to a weight in all. Thread-safe."""

    def __init__(self, capacity: int, weigh: Callable[[_Key, _Value], int] = lambda _key, _value: 1) -> None:
        """`capacity` is what all that is kept may weigh, by default a count; what is heavier is not kept."""
        self._capacity = capacity
        self._weigh = weigh
        self._lock = threading.Lock()
        self._kept: collections.OrderedDict[_Key, tuple[_Value, int]] = collections.OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """What all that is kept weighs."""
        return self._weight

    def get(self, key: _Key) -> _Value | None:
        """Give what is kept under a key, which counts as a use; None when there is nothing."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def items(self) -> list[tuple[_Key, _Value]]:
        """Give all that is kept, which counts as no use."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._kept.items()]

    def put(self, key: _Key, value: _Value) -> None:
        """Keep a value, and forget those that were used longest ago as far as there is no room."""
        weight = self._weigh(key, value)
        with self._lock:
            self._drop(key)
            self._kept[key] = value, weight
            self._weight += weight
            while self._weight > self._capacity:
                self._drop(next(iter(self._kept)))

    def forget(self, key: _Key) -> None:
        """Forget what is kept under a key, if anything."""
        with self._lock:
            self._drop(key)

    def forget_where(self, over: Callable[[_Value], bool]) -> None:
        """Forget every value of which `over` is true."""
        with self._lock:
            for key in [key for key, (value, _) in self._kept.items() if over(value)]:
                self._drop(key)

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= kept[1]
