"""Running the operator outside a cluster, with exactly the rights that `deploy/base` ships.

`install` applies the CRDs and the rights, `install_webhook` the admission webhook, `OperatorProcess` is a
running operator. Shared by `make run`, the demo and the tests, so that what is shipped is what is proven.
"""

from localrun.install import (
    ACCOUNT,
    NAMESPACE,
    account_kubeconfig,
    install,
    install_image_api,
    install_webhook,
    remove_webhook,
)
from localrun.process import API_ACCOUNT, FacadeProcess, OperatorProcess

__all__ = [
    "ACCOUNT",
    "API_ACCOUNT",
    "NAMESPACE",
    "FacadeProcess",
    "OperatorProcess",
    "account_kubeconfig",
    "install",
    "install_image_api",
    "install_webhook",
    "remove_webhook",
]
