"""Where a reference is asked for."""

from __future__ import annotations

import pytest

from imagestreams.model.reference import parse_reference
from imagestreams.registry.names import Place, canonical_host, place_of

HUB = "registry-1.docker.io"


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("nginx", Place("docker.io", HUB, "library/nginx")),
        ("nginx:1.25", Place("docker.io", HUB, "library/nginx")),
        ("bitnami/nginx", Place("docker.io", HUB, "bitnami/nginx")),
        ("docker.io/nginx", Place("docker.io", HUB, "library/nginx")),
        ("docker.io/library/nginx", Place("docker.io", HUB, "library/nginx")),
        ("index.docker.io/nginx", Place("docker.io", HUB, "library/nginx")),
        ("registry-1.docker.io/library/nginx", Place("docker.io", HUB, "library/nginx")),
        ("Docker.IO/nginx", Place("docker.io", HUB, "library/nginx")),
        ("quay.io/nginx", Place("quay.io", "quay.io", "nginx")),
        ("Quay.IO/org/app", Place("quay.io", "quay.io", "org/app")),
        ("localhost/app", Place("localhost", "localhost", "app")),
        ("localhost:5000/a/b/c", Place("localhost:5000", "localhost:5000", "a/b/c")),
        ("[::1]:5000/app", Place("[::1]:5000", "[::1]:5000", "app")),
        ("host:443/app", Place("host:443", "host:443", "app")),
    ],
)
def test_a_reference_is_asked_for_at_its_registry(reference: str, place: Place) -> None:
    """No registry means Docker Hub, a bare name there its library; all else is asked for where it says."""
    assert place == place_of(parse_reference(reference))


def test_a_place_is_named_as_people_do() -> None:
    """A place reads as host and repository."""
    assert "docker.io/library/nginx" == str(place_of(parse_reference("nginx")))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("index.docker.io", "docker.io"),
        ("INDEX.Docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("hub.docker.com", "hub.docker.com"),
        ("R.io:5000", "r.io:5000"),
        ("docker.io:443", "docker.io:443"),
    ],
)
def test_a_host_has_one_name(host: str, name: str) -> None:
    """Docker Hub's spellings are one host, letters lower case; a port makes another host."""
    assert name == canonical_host(host)
