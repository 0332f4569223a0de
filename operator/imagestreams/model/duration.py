"""Durations as people write them in Kubernetes: "90s", "15m", "1h30m".

The grammar is that of Go's time.ParseDuration without signs and units under a second.
Read by model.stream for `imagestreams.dev/interval`, and by settings.
"""

from __future__ import annotations

import re

from imagestreams.errors import InvalidError

_LENGTH_MOST = 32
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([hms])", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration; the answer is in seconds.

    Raises InvalidError, which shows the text and how to write it.
    """
    parts = _PART.findall(text) if len(text) <= _LENGTH_MOST else []
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidError(f'"{text[:40]}" is not a duration; write it like 30s, 15m or 1h30m')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def say_duration(seconds: float) -> str:
    """Say a duration as people do: "5 s", "15 min", "60 min", "2 h"."""
    if seconds >= 7200 and seconds % 3600 == 0:
        return f"{seconds / 3600:.0f} h"
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s"
