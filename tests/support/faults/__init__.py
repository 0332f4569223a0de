"""A registry that misbehaves on demand, over real HTTP.

`FaultRegistry` serves content from memory as a good registry does, until `fail` gives it a fault.
`ClosedPort` and `SilentPort` are hosts without a registry; `Authority` issues certificates, good and bad.
`separate_registry` runs the same registry in a process of its own, for benchmarks: there it does not share
Python's lock with the client.

Read in this order: registry (the whole), faults (what can go wrong), content and images (what is served),
authorization (who may pull), listener and connection (HTTP itself).
"""

from .answers import Answer
from .authorization import TokenOptions
from .certificates import Authority, Certificates
from .connection import Request
from .faults import (
    Delay,
    Echo,
    Fault,
    Hang,
    Headers,
    Html,
    Huge,
    LyingDigest,
    NoDigestHeader,
    NotJson,
    Redirect,
    RejectHead,
    ResetMidBody,
    SlowDrip,
    Status,
    WrongType,
)
from .ports import ClosedPort, SilentPort
from .records import Kind, Record
from .registry import FaultRegistry
from .separate import separate_registry

__all__ = [
    "Answer",
    "Authority",
    "Certificates",
    "ClosedPort",
    "Delay",
    "Echo",
    "Fault",
    "FaultRegistry",
    "Hang",
    "Headers",
    "Html",
    "Huge",
    "Kind",
    "LyingDigest",
    "NoDigestHeader",
    "NotJson",
    "Record",
    "Redirect",
    "RejectHead",
    "Request",
    "ResetMidBody",
    "SilentPort",
    "SlowDrip",
    "Status",
    "TokenOptions",
    "WrongType",
    "separate_registry",
]
