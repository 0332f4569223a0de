"""May the operator start here? Asked once, before anything is watched or written.

Where somebody else serves image.openshift.io (OpenShift itself), we touch nothing. Called by app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagestreams.errors import ClusterError, GoneError, StartError
from imagestreams.kube.resources import APISERVICES, CRDS, GROUP, OWN_VERSION, PART_OF_LABEL, SERVED_VERSION

if TYPE_CHECKING:
    from typing import Any

    from imagestreams.kube.api import Api


def check_cluster(api: Api) -> None:
    """Raise StartError when this cluster is not ours to serve, or is not prepared."""
    try:
        _check_apiservices(api)
        for plural in ("imagestreams", "images"):
            _check_crd(api, f"{plural}.{GROUP}")
    except ClusterError as error:
        raise StartError(f"the cluster cannot be examined: {error}") from error


def _check_apiservices(api: Api) -> None:
    for version in (SERVED_VERSION, OWN_VERSION):
        name = f"{version}.{GROUP}"
        try:
            found = api.request("GET", APISERVICES.path(name=name))
        except GoneError:
            continue
        service = found.get("spec", {}).get("service")
        if service and not _is_ours(found):
            raise StartError(
                f"{GROUP} is served already, by service {service.get('namespace')}/{service.get('name')} "
                f"(APIService {name}). On OpenShift image streams are built in and this operator has nothing "
                "to do: it starts only where nobody else serves them. Nothing was changed."
            )


def _check_crd(api: Api, name: str) -> None:
    try:
        found = api.request("GET", CRDS.path(name=name))
    except GoneError:
        raise StartError(
            f"the CustomResourceDefinition {name} is not installed; apply crds/ first: kubectl apply -f crds/"
        ) from None
    if not _is_ours(found):
        raise StartError(
            f"the CustomResourceDefinition {name} is somebody else's: it has no label "
            f"{PART_OF_LABEL[0]}={PART_OF_LABEL[1]}. Nothing was changed."
        )
    versions = {version["name"] for version in found["spec"]["versions"] if version.get("served")}
    if OWN_VERSION not in versions:
        raise StartError(
            f"the CustomResourceDefinition {name} does not serve {OWN_VERSION}, which the operator reads; "
            "apply crds/ of this release: kubectl apply -f crds/"
        )


def _is_ours(found: dict[str, Any]) -> bool:
    label, value = PART_OF_LABEL
    return bool((found["metadata"].get("labels") or {}).get(label) == value)
