"""What the registry was asked: one record a request, in the order of arrival.

Tests count requests to prove what a client does not do. A record is added before the first byte of the answer
is sent, so a client that has its answer finds its record. No secret is kept, only how it was presented.
"""

from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

Kind = Literal["ping", "manifest-head", "manifest-get", "blob", "tags", "token", "handshake", "other"]


@dataclass(frozen=True, slots=True)
class Record:
    """One request.

    `time` is time.monotonic() in seconds (the same clock in every process of the machine). `status` is 0
    where no answer was given. `scheme` is the Authorization scheme in lower case, or "". `right` says whether
    the credential was accepted as such (rights aside); None where none was sent or nobody looked.
    `connection` numbers the TCP connections from 1. `kind` "handshake" is a TCP connection on which no HTTP
    request could be read: TLS refused by the client, or TLS spoken to a plain port, or the reverse.
    """

    time: float
    kind: Kind
    method: str
    path: str
    repository: str
    status: int
    scheme: str
    right: bool | None
    user_agent: str
    connection: int


@dataclass(slots=True)
class Records:
    """All records, and bytes `sent`, since the last reset; safe to use from many threads."""

    sent: int = 0
    _records: list[Record] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, record: Record) -> None:
        """Append one record."""
        self._records.append(record)

    def add_sent(self, size: int) -> None:
        """Count bytes sent."""
        with self._lock:
            self.sent += size

    def matching(
        self,
        kind: Kind | None = None,
        repository: str | None = None,
        method: str | None = None,
        status: int | None = None,
    ) -> list[Record]:
        """Return a copy of the records that match every filter given, in the order of arrival."""
        return [
            record
            for record in list(self._records)
            if (kind is None or record.kind == kind)
            and (repository is None or record.repository == repository)
            and (method is None or record.method == method)
            and (status is None or record.status == status)
        ]

    def reset(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._records = []
            self.sent = 0
