"""Who may do what through the image API: every verb of every resource, for five kinds of people."""

from __future__ import annotations

import contextlib
import json
import secrets
from typing import TYPE_CHECKING

import pytest

from conftest import Kubectl
from e2e.imageapi.asking import CLUSTERED, OFFERED, STREAM, TAG, question, questions
from e2e.reading import current
from localcluster import Publisher
from localcluster import images as contents
from support.manifests import stream, tag
from support.oc import Rest
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster
    from localrun import FacadeProcess, OperatorProcess

_READ = {"get", "list", "watch"}
_VIEWED = {"imagestreams", "imagestreams/status", "imagestreamtags", "imagetags", "imagestreamimages"}
_EDITED = {"imagestreams", "imagestreamtags", "imagetags", "imagestreamimages", "imagestreammappings"}


def _allowed(person: str, resource: str, verb: str) -> bool:
    """Say who may: as the original's roles, which deploy/base/rights/users.yaml ships."""
    if person == "admin":
        return True
    if resource in CLUSTERED or person in {"nobody", "neighbour"}:
        return False
    if person == "viewer":
        return resource in _VIEWED and verb in _READ
    return (
        resource in _EDITED
        or (
            resource in {"imagestreams/status", "imagestreams/layers", "imagestreams/secrets"}
            and verb == "get"
        )
        or (resource == "imagestreamimports" and verb == "create")
    )


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """A namespace with an imported stream and its people, and the digest that its tag leads to."""
    name = f"rights-{secrets.token_hex(4)}"
    admin = Kubectl(cluster)
    for namespace in (name, f"{name}-next"):
        admin("create", "namespace", namespace)
    for role, person, namespace in (
        ("edit", "editor", name),
        ("view", "viewer", name),
        ("edit", "neighbour", f"{name}-next"),
    ):
        admin(
            "-n",
            namespace,
            "create",
            "rolebinding",
            person,
            f"--clusterrole={role}",
            f"--user={name}-{person}",
        )
    kubectl = Kubectl(cluster, name)
    with Publisher(cluster.registry) as publisher:
        digest = publisher.push(f"{name}/app", "1", contents.image({"f": contents.File(name.encode())}))
    kubectl.apply(stream(STREAM, tag(TAG, f"{cluster.registry}/{name}/app:1")))
    yield name, digest
    admin("delete", "namespace", name, f"{name}-next", "--wait=false")


@pytest.mark.parametrize("person", ["admin", "editor", "viewer", "nobody", "neighbour"])
def test_each_may_do_what_their_role_says_and_no_more(
    operator: OperatorProcess, facade: FacadeProcess, cluster: Cluster, shop: tuple[str, str], person: str
) -> None:
    """What a role allows is answered, whatever the answer is; all else is refused as Forbidden."""
    assert operator.alive
    assert facade.alive
    namespace, digest = shop
    eventually(lambda: current(Kubectl(cluster, namespace), STREAM, TAG), within=20, what="the image")
    user = "" if person == "admin" else f"{namespace}-{person}"
    found, expected = {}, {}
    with contextlib.closing(Rest(cluster.kubeconfig, user=user)) as rest:
        for each in questions(namespace, digest):
            answer = rest(each.method, each.path, each.body, content_type=each.content_type, query=each.query)
            key = f"{each.verb} {each.resource}"
            assert answer.code < 500, f"{key}: {answer}"
            found[key] = answer.code != 403 and (answer.body is not None or each.verb == "watch")
            expected[key] = _allowed(person, each.resource, each.verb)
            if answer.code == 403:
                assert answer.reason == "Forbidden", answer
                assert user in answer.message, answer
    assert expected == found
    assert len(found) == sum(map(len, OFFERED.values()))


def test_a_verb_that_is_not_offered_is_refused_as_such(
    facade: FacadeProcess, cluster: Cluster, shop: tuple[str, str]
) -> None:
    """A client learns that the server has no such verb: 405, for whoever may ask."""
    assert facade.alive
    namespace, digest = shop
    with contextlib.closing(Rest(cluster.kubeconfig)) as rest:
        for resource, verb in (
            ("imagestreamimages", "delete"),
            ("imagestreamtags", "deletecollection"),
        ):
            each = question(resource, verb, namespace, digest)
            answer = rest(each.method, each.path, each.body, query=each.query)
            assert (405, "MethodNotAllowed") == (answer.code, answer.reason), json.dumps(answer.body)
