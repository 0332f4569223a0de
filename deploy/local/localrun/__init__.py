"""Running the operator outside a cluster, with exactly the rights that `deploy/base` ships.

`install` applies the CRDs and the rights, `OperatorProcess` is a running operator. Shared by `make run`,
the demo and the tests, so that the shipped rights are the proven ones.
"""

from localrun.install import ACCOUNT, NAMESPACE, account_kubeconfig, install
from localrun.process import OperatorProcess

__all__ = ["ACCOUNT", "NAMESPACE", "OperatorProcess", "account_kubeconfig", "install"]
