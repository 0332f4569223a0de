"""How long ago something was, in the words of the original's tables: "About an hour ago". Pure.

The words are those of docker's go-units (HumanDuration), which `oc describe` uses, too. Used by
imageapi.tables.
"""

from __future__ import annotations

import datetime as dt

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24
_WEEK = 7 * _DAY
_MONTH = 30 * _DAY
_YEAR = 365 * _DAY


def human_duration(seconds: float) -> str:
    """Spell a duration; what lies in the future is less than a second."""
    if seconds < 1:
        return "Less than a second"
    if seconds < _MINUTE:
        return "1 second" if seconds < 2 else f"{int(seconds)} seconds"
    if seconds < _HOUR:
        return "About a minute" if seconds < 2 * _MINUTE else f"{int(seconds // _MINUTE)} minutes"
    # Hours are rounded, and so is all that is reckoned from them, but for years.
    hours = int(seconds / _HOUR + 0.5)
    if hours == 1:
        return "About an hour"
    for below, unit, name in (
        (2 * _DAY, 1, "hours"),
        (2 * _WEEK, _DAY, "days"),
        (2 * _MONTH, _WEEK, "weeks"),
        (2 * _YEAR, _MONTH, "months"),
    ):
        if hours < below:
            return f"{hours // unit} {name}"
    return f"{int(seconds / _HOUR) // _YEAR} years"


def ago(time: str, now: dt.datetime) -> str:
    """Say how long before `now` (aware) an RFC 3339 time was; "" for none, and for what is no time."""
    moment = _moment(time)
    return "" if moment is None else f"{human_duration((now - moment).total_seconds())} ago"


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
