"""The same registry in a process of its own, for benchmarks.

In the client's process the registry and the client share Python's lock, and a benchmark would measure both.
Here the methods are called over a pipe; faults, records and digests are values and travel well.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from multiprocessing import get_context, parent_process
from multiprocessing.managers import BaseManager, BaseProxy
from threading import Thread
from typing import Any, cast

from .registry import FaultRegistry

ATTRIBUTES = frozenset(
    {"host", "url", "token_host", "username", "password", "identity_token", "requests", "sent"}
)
METHODS = frozenset(
    name for name in vars(FaultRegistry) if not name.startswith("_") and name not in ATTRIBUTES
)


class _Proxy(BaseProxy):
    """Passes attributes and method calls on to the registry in the other process."""

    _exposed_ = ("__getattribute__", *METHODS)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return self._method(name)
        if name in ATTRIBUTES:
            return self._callmethod("__getattribute__", (name,))
        raise AttributeError(name)

    def _method(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._callmethod(name, args, kwargs)

        return call


class _Manager(BaseManager):
    """Starts the process."""


_Manager.register("registry", FaultRegistry, _Proxy)


@contextlib.contextmanager
def separate_registry(**options: Any) -> Iterator[FaultRegistry]:
    """Run a `FaultRegistry` with these options in a process of its own, which ends with the context.

    What is yielded has the registry's methods and attributes; each call costs about 0.1 ms, and `requests` is
    a copy.
    """
    manager = _Manager(ctx=get_context("spawn"))
    manager.start(_end_with_parent)
    try:
        registry = cast("FaultRegistry", manager.registry(**options))  # type: ignore[attr-defined]
        registry.start()
        try:
            yield registry
        finally:
            registry.stop()
    finally:
        manager.shutdown()


def _end_with_parent() -> None:
    """End this process when its parent is gone, however it ended: no server outlives a killed test run."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        os._exit(0)

    Thread(target=watch, daemon=True).start()
