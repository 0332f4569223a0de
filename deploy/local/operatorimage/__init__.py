"""The operator as a pod of a local cluster: its image, made without Docker, and what to apply.

`operator_image` makes the image out of Debian packages, the locked requirements and this project, with the
settings of the Dockerfile; `prepare` pushes it to a cluster's registry and writes the kustomization that
deploys it there. The command line is `python -m operatorimage`.
"""

from operatorimage.image import operator_image
from operatorimage.overlay import prepare

__all__ = ["operator_image", "prepare"]
