"""The operator as tests run it: what it says is kept, to be searched for secrets when the run is over."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from localrun import FacadeProcess, OperatorProcess
from support import secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class OverheardOperator(OperatorProcess):
    """An operator whose log and metrics are searched, also for its own token."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *,
        settings: Mapping[str, str] | None = None,
        becoming: Sequence[str] = (),
    ) -> None:
        """The arguments are those of OperatorProcess; the log begins anew."""
        super().__init__(kubeconfig, log, settings=settings, becoming=becoming)
        log.unlink(missing_ok=True)
        secrecy.keep_kubeconfig(kubeconfig)
        secrecy.hear("log", log)

    def metrics(self) -> str:
        """Read its /metrics."""
        found = super().metrics()
        secrecy.hear("metrics", found)
        return found

    def terminate(self, *, within: float = 10.0) -> tuple[int, float]:
        """End it, after a last look at its metrics; one that is only starting serves none yet."""
        with contextlib.suppress(OSError):
            self.metrics()
        return super().terminate(within=within)


class OverheardFacade(OverheardOperator, FacadeProcess):
    """An image API whose log and metrics are searched in the same way."""
