"""Lists as they are sent: written in parts, and with a turn for everybody else after each of them.

A list of thousands takes longer to write than others should wait, and more memory than one answer should
have. So an object is decoded, shown, written and forgotten before the next is looked at. What is told of the
list, which the API server says last, comes last here, too. Used by imageapi.server.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from imagestreams.imageapi.negotiation import ListForm
    from imagestreams.kube.list_reading import Piece

AT_ONCE = 25
"""So many objects are written in one turn: of streams with five tags some 150 KB."""
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


async def written(pieces: AsyncGenerator[Piece], form: ListForm) -> AsyncGenerator[bytes]:
    """Write a list as JSON. Raises StatusError where the list cannot be had, or not to its end."""
    metadata: dict[str, object] = {}
    before = f'{_encode(form.head)[:-1]},"{form.field}":['
    # Closed here, so that what is read goes with who reads it.
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            while some := [form.each(item) for item in itertools.islice(piece.items, AT_ONCE)]:
                yield (before + _encode(some)[1:-1]).encode()
                before = ","
                await asyncio.sleep(0)
            if piece.metadata is not None:
                metadata = piece.metadata
    before = "" if before == "," else before
    yield f'{before}],"metadata":{_encode(metadata)}}}'.encode()
