"""Comparing resourceVersions of one object, to keep the newer of two readings.

Kubernetes guarantees since 1.35 that they are integers that grow; before that they were so in fact.
"""


def is_older(version: str, other: str) -> bool:
    """Tell whether a version is older than another; versions that are no numbers are never older."""
    if version.isdecimal() and other.isdecimal():
        return int(version) < int(other)
    return False
