"""Reads the JSON of a list while it comes in, object by object: a long one is never there as a whole. Pure.

Beside memory it saves time: what is read, shown and forgotten one by one is never walked by the garbage
collector. Used by kube.upstream.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHITE = " \t\r\n"
_VALUE_MOST = 8 * 1024 * 1024
"""An object is 3 MiB at most; JSON may take more."""
_decode = json.JSONDecoder().raw_decode


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """Some objects of a list, one after the other."""

    items: Iterator[dict[str, Any]]
    """Decoded when they are asked for; to be used up before the next piece is."""
    metadata: dict[str, Any] | None = None
    """What is told of the list; with its last piece alone."""


class ListReader:
    """Reads one list; it is fed with what has come, and gives what of it is whole."""

    def __init__(self) -> None:
        self.beside: dict[str, Any] = {}
        """What is told beside the items, such as the metadata of the list; all of it is there at the end."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._enough = 0
        self._field: str | None = None
        self._sign = "{"
        """What has to come next, where that is known."""
        self._among_items = self._done = False

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Read on: the items that are whole now, each decoded when it is asked for.

        They are to be used up before the next is fed. Raises ValueError for what is no list.
        """
        self._text = self._text[self._at :] + self._utf8.decode(chunk)
        self._at = 0
        # What was not whole is tried again when there is twice as much of it, so that a long one is not read
        # from its beginning for each part that comes.
        return self._items() if len(self._text) >= self._enough else iter(())

    def end(self) -> Iterator[dict[str, Any]]:
        """Read the rest. Raises ValueError where the list is not whole."""
        self._text += self._utf8.decode(b"", final=True)
        yield from self._items()
        if not self._done:
            raise ValueError("the list is cut off")

    def _items(self) -> Iterator[dict[str, Any]]:
        while (sign := self._next()) and not self._done:
            if sign == ",":
                self._at += 1
            elif self._among_items:
                if sign == "]":
                    self._among_items = False
                    self._at += 1
                    continue
                if not (found := self._value()):
                    break
                if not isinstance(found[0], dict):
                    raise ValueError("an item is no object")
                yield found[0]
            elif not self._read_beside(sign):
                break
        left = len(self._text) - self._at
        if left > _VALUE_MOST:
            raise ValueError("an object is too large")
        self._enough = 2 * left

    def _read_beside(self, sign: str) -> bool:
        """Read on outside of the items; gives whether there is enough to go on."""
        if sign == self._sign:
            self._at += 1
            self._sign = ""
        elif self._sign:
            raise ValueError("no JSON object")
        elif sign == "}":
            self._done = True
        elif self._field == "items" and sign == "[":
            self._field, self._among_items = None, True
            self._at += 1
        elif not (found := self._value()):
            return False
        elif self._field is not None:
            self.beside[self._field] = found[0]
            self._field = None
        elif isinstance(found[0], str):
            self._field, self._sign = found[0], ":"
        else:
            raise ValueError("no JSON object")
        return True

    def _next(self) -> str:
        """Give the next character that means something, "" where it has not come yet."""
        while (sign := self._text[self._at : self._at + 1]) and sign in _WHITE:
            self._at += 1
        return sign

    def _value(self) -> tuple[Any] | None:
        """Read a value that is whole; None where that is not known yet."""
        try:
            value, end = _decode(self._text, self._at)
        except json.JSONDecodeError:
            return None
        if end == len(self._text):
            # A number may go on.
            return None
        self._at = end
        return (value,)
