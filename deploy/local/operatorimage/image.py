"""The operator's image: three layers, and the settings that the Dockerfile gives its own."""

import json
import shlex
from typing import Any

from localcluster import images
from localcluster.images import Manifest, Platform
from localcluster.progress import Progress, silent
from localcluster.state import PROJECT
from operatorimage.debian import architecture, base_layer
from operatorimage.python import package_layer, requirements_layer

# The Dockerfile has it from its base image.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def operator_image(progress: Progress = silent) -> Manifest:
    """Return the image of the operator as it is in the tree now, for this machine's kind.

    Takes seconds when base and requirements are in the cache, under a minute when not. Raises
    LocalClusterError with what apt or pip said.
    """
    below = (base_layer(progress), requirements_layer(progress), package_layer())
    settings = dockerfile_settings((PROJECT / "Dockerfile").read_text())
    return images.image({}, below=below, platform=Platform(architecture()), **settings)


def dockerfile_settings(text: str) -> dict[str, Any]:
    """Return what a Dockerfile's last stage says of running it, as arguments of `images.image`.

    Each instruction has to be on one line, ENTRYPOINT and CMD have to be lists.
    """
    settings: dict[str, Any] = {"environment": {"PATH": _PATH}, "ports": []}
    for line in text[text.rindex("\nFROM ") :].splitlines():
        word, _, rest = line.partition(" ")
        match word:
            case "ENV":
                settings["environment"] |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "EXPOSE":
                settings["ports"] += [f"{port}/tcp" for port in rest.split()]
            case "USER":
                settings["user"] = rest
            case "ENTRYPOINT":
                settings["entrypoint"] = json.loads(rest)
            case "CMD":
                settings["command"] = json.loads(rest)
    return settings
