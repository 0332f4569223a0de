"""Trying again what somebody else wrote in between: how often, and how long to wait before.

Used by whoever writes guarded by a resourceVersion: stream_tags, forcing, mappings, signatures, imports.
"""

from __future__ import annotations

import asyncio

TRIES = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
"""Seconds between two tries: whoever writes a status again and again is given time to end."""


async def pause_before(attempt: int) -> None:
    """Wait before a try, the first of which is number 0 and is not waited for."""
    if attempt:
        await asyncio.sleep(min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE))
