"""What `kubectl explain` tells of the image API: of streams and images always, of the others it may not."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from support.waiting import eventually

if TYPE_CHECKING:
    from conftest import Kubectl
    from localrun import FacadeProcess

_STORED = {
    "is.spec.tags": ("KIND:       ImageStream", "importPolicy"),
    "images": ("KIND:       Image", "dockerImageLayers"),
}


def test_explain_knows_streams_and_images(facade: FacadeProcess, kubectl: Kubectl) -> None:
    """At v1 and by the short name, whoever serves v1."""
    assert facade.alive

    def explained(path: str, expected: tuple[str, ...]) -> bool:
        # What kubectl asks first, which resources there are, may be of before v1 changed hands.
        printed = kubectl.run("explain", path, "--api-version=image.openshift.io/v1").stdout
        return all(text in printed for text in expected)

    for path, expected in _STORED.items():
        eventually(functools.partial(explained, path, expected), within=30, what=f"explain {path}")
