"""A real Kubernetes and real registries on this machine, for tests, demos and work on the operator.

`Cluster` is a whole cluster, `Registry` one more registry, `images` and `Publisher` make images and push
them. The command line is `python -m localcluster`.
"""

from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.publishing import Publisher
from localcluster.registries import Registry

__all__ = ["Cluster", "LocalClusterError", "Publisher", "Registry"]
