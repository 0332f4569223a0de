"""The one error of the local cluster tool.

Everything that can go wrong here is for a person to read: a missing tool, a component that does not
come up, a machine that does not allow containers. The message says what happened and what to do.
"""


class LocalClusterError(Exception):
    """The local cluster could not do what was asked; the message says why and what to do."""
