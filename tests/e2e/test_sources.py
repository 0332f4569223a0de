"""The sequences of the seeds with tags that follow other tags, on a live cluster."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from e2e.reading import condition, items, tag_status
from localcluster import images
from support.manifests import stream, tag
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Kubectl
    from localcluster import Cluster, Publisher
    from localrun import OperatorProcess


