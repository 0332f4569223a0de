"""Whether another replica is there when one ends: the last one hands v1 back, the others leave it.

A replica that is well names itself in its answers (imageapi.server); one that ends does so no more, and
closes each connection after its answer, so that the API server connects anew, to any of them. So whoever ends
asks through the API server, as anybody would. No right is needed for it, and no leader. Run by facade.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TRIES = 30
"""How often it is asked: the API server may have kept 25 connections, and the last asks are on new ones."""
_APART = 0.03
_WITHIN = 4.0


async def another_answers(replica: Callable[[], Awaitable[str]]) -> bool:
    """Tell whether another replica answers for v1, within seconds; `replica` asks who does, "" for nobody."""
    try:
        async with asyncio.timeout(_WITHIN):
            for _ in range(TRIES):
                if await replica():
                    return True
                await asyncio.sleep(_APART)
    except TimeoutError:
        # An API server that is this slow may not know better; whoever is well takes v1 again.
        pass
    return False
