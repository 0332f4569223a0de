"""The handlers of imagestreamtags and imagetags at a real API server: each request edits the stored stream.

Nobody imports here, so what is written is all that changes. What a write means is in
tests/unit/imageapi/test_tag_edits.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from kubernetes.config import kube_config

from imagestreams.errors import StatusError
from imagestreams.imageapi.asking import Answer, Ask, User
from imagestreams.imageapi.listing import written
from imagestreams.imageapi.negotiation import Form, Wish, list_form
from imagestreams.imageapi.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from imagestreams.imageapi.stream_tags import TagHandler, tag_handlers
from imagestreams.kube.upstream import Upstream
from support.admission import DIGEST, Admission, admission, stream, tag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from localcluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio]


@pytest.fixture
def api(quiet_cluster: Cluster) -> Iterator[Admission]:
    """A namespace for one test."""
    with admission(quiet_cluster) as found:
        yield found


@dataclasses.dataclass(frozen=True)
class Tags:
    """Asks the handlers as the server does."""

    api: Admission
    handlers: dict[str, TagHandler]

    async def __call__(self, verb: str, name: str = "", body: Any = None, **more: Any) -> Answer:
        """Ask for ImageStreamTags, or for what `resource` names."""
        resource = more.pop("resource", "imagestreamtags")
        ask = Ask(
            verb=verb,
            resource=resource,
            user=User("ann"),
            namespace=self.api.namespace,
            name=name,
            body=b"" if body is None else json.dumps(body).encode(),
            user_agent="oc/4.20",
            **more,
        )
        answer = await self.handlers[resource].answer(ask)
        if isinstance(answer, Answer):
            return answer
        form = list_form(answer.kind, Wish(Form.PLAIN), resource, dt.datetime.now(dt.UTC))
        return Answer(json.loads(b"".join([part async for part in written(answer.pieces, form)])))

    async def refused(self, verb: str, name: str = "", body: Any = None, **more: Any) -> tuple[int, str]:
        """Ask for what is refused: give its code and its words."""
        with pytest.raises(StatusError) as caught:
            await self(verb, name, body, **more)
        return caught.value.code, str(caught.value)

    def spec(self, name: str = "app") -> list[dict[str, Any]]:
        """Read what is stored."""
        tags: list[dict[str, Any]] = self.api.get("is", name)["spec"].get("tags", [])
        return tags

    def store(self, manifest: dict[str, Any]) -> None:
        """Store a stream as Git does."""
        self.api.ok("create", "-f", "-", stdin=manifest)

    def remember(self, *names: str) -> None:
        """Write a status as the operator does when it has imported tags."""
        status = {
            "tags": [
                {
                    "tag": name,
                    "items": [
                        {
                            "created": "2026-01-01T00:00:00Z",
                            "dockerImageReference": f"r.io/app@{DIGEST}",
                            "image": DIGEST,
                            "generation": 1,
                        }
                    ],
                    "intent": {"kind": "DockerImage", "name": f"r.io/app:{name}", "importMode": "Legacy"},
                }
                for name in names
            ]
        }
        patch = json.dumps({"status": status})
        self.api.ok("patch", "is", "app", "--subresource=status", "--type=merge", f"--patch={patch}")


@pytest_asyncio.fixture
async def tags(
    api: Admission, quiet_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Tags]:
    """The handlers, in front of the cluster."""
    # $KUBECONFIG is read when the library is imported.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(quiet_cluster.kubeconfig))
    upstream = Upstream(user_agent="test")
    await upstream.open()
    yield Tags(api, tag_handlers(upstream))
    await upstream.close()


def istag(name: str, source: str = "r.io/app:1", **tag_fields: Any) -> dict[str, Any]:
    """Write an ImageStreamTag as `oc tag` does."""
    reference = {
        "name": name.partition(":")[2],
        "from": {"kind": "DockerImage", "name": source},
        **tag_fields,
    }
    return {"kind": "ImageStreamTag", "metadata": {"name": name}, "tag": reference}


async def test_a_put_makes_the_stream_the_tag_and_then_changes_it(tags: Tags) -> None:
    """PUT without a stream creates it (201), with one adds the tag (201), and then replaces it (200)."""
    assert 201 == (await tags("update", "app:a", istag("app:a"))).code
    assert 201 == (await tags("update", "app:b", istag("app:b"))).code
    assert 200 == (await tags("update", "app:a", istag("app:a", "r.io/app:2"))).code
    expected = [
        {"name": "a", "from": {"kind": "DockerImage", "name": "r.io/app:2"}},
        {"name": "b", "from": {"kind": "DockerImage", "name": "r.io/app:1"}},
    ]
    assert expected == tags.spec()
    managers = tags.api.get("is", "app", "--show-managed-fields")["metadata"]["managedFields"]
    assert {"oc"} == {entry["manager"] for entry in managers}


async def test_creating_what_is_there_is_refused(tags: Tags) -> None:
    """POST creates once; the second time it is 409, named as the original names it."""
    assert 201 == (await tags("create", body=istag("app:a"))).code
    expected = (409, 'imagestreamtag.image.openshift.io "app:a" already exists')
    assert expected == await tags.refused("create", body=istag("app:a"))
    other = {"kind": "ImageTag", "metadata": {"name": "app:a"}, "spec": istag("app:a")["tag"]}
    expected = (409, 'imagetags.image.openshift.io "app:a" already exists')
    assert expected == await tags.refused("create", body=other, resource="imagetags")


async def test_what_is_not_there_is_not_found(tags: Tags) -> None:
    """A missing stream is told by its name, a missing tag by its own, a name without a tag is 400."""
    missing = 'imagestreams.image.openshift.io "app" not found'
    for verb in ("get", "delete"):
        assert (404, missing) == await tags.refused(verb, "app:a")
    tags.store(stream(tag("r.io/app:a", tag_name="a")))
    found = (404, 'imagestreamtags.image.openshift.io "app:a" not found')
    assert found == await tags.refused("get", "app:a")
    assert (404, found[1].replace("app:a", "app:b")) == await tags.refused("delete", "app:b")
    expected = (400, "ImageStreamTags must be retrieved with <name>:<tag>")
    assert expected == await tags.refused("get", "app")
    assert 404 == (await tags.refused("get", "../../pods:a"))[0]


async def test_versions_and_uids_are_preconditions(tags: Tags) -> None:
    """A stale resourceVersion is 409, one without a stream 404, another uid 422 or, on deletion, 409."""
    sent = istag("app:a")
    sent["metadata"]["resourceVersion"] = "1"
    assert (404, 'imagestreamtags.image.openshift.io "app:a" not found') == await tags.refused(
        "update", "app:a", sent
    )
    tags.store(stream(tag("r.io/app:a", tag_name="a")))
    code, told = await tags.refused("update", "app:a", sent)
    assert (409, True) == (code, "another caller has updated the resource version to" in told)
    sent["metadata"] = {"name": "app:a", "uid": "other"}
    code, told = await tags.refused("update", "app:a", sent)
    assert (422, True) == (code, "metadata.uid" in told)
    code, told = await tags.refused("delete", "app:a", {"preconditions": {"uid": "other"}})
    assert (409, True) == (code, "the UID precondition was not met" in told)
    assert "r.io/app:a" == tags.spec()[0]["from"]["name"]


async def test_oc_tag_of_the_same_source_asks_for_an_import(tags: Tags) -> None:
    """The generation 0 makes the status forget what the tag was imported for, and nothing else."""
    tags.store(stream(tag("r.io/app:a", tag_name="a"), tag("r.io/app:b", tag_name="b")))
    tags.remember("a", "b")
    before = tags.api.get("is", "app")
    await tags("update", "app:a", istag("app:a", "r.io/app:a", generation=0))
    after = tags.api.get("is", "app")
    assert before["spec"] == after["spec"]
    del before["status"]["tags"][0]["intent"]
    assert before["status"] == after["status"]


async def test_deleting_takes_spec_and_history(tags: Tags) -> None:
    """DELETE leaves neither; a dry run leaves both; the answer is a bare Success."""
    tags.store(stream(tag("r.io/app:a", tag_name="a"), tag("r.io/app:b", tag_name="b")))
    tags.remember("a", "b")
    for options in ({"query": {"dryRun": "All"}}, {"body": {"dryRun": ["All"]}}):
        await tags("delete", "app:a", **options)
        assert ["a", "b"] == [each["name"] for each in tags.spec()]
    answer = await tags("delete", "app:a")
    assert {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"} == answer.body
    after = tags.api.get("is", "app")
    assert (["b"], ["b"]) == (
        [each["name"] for each in after["spec"]["tags"]],
        [each["tag"] for each in after["status"]["tags"]],
    )


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (MERGE_PATCH, {"metadata": {"annotations": {"k": "v"}}}),
        (STRATEGIC_PATCH, {"metadata": {"annotations": {"k": "v"}}}),
        (JSON_PATCH, [{"op": "add", "path": "/metadata/annotations", "value": {"k": "v"}}]),
        (APPLY_PATCH, {"kind": "ImageStreamTag", "metadata": {"annotations": {"k": "v"}}}),
    ],
)
async def test_annotating_by_every_type_of_patch(tags: Tags, content_type: str, patch: Any) -> None:
    """`oc annotate istag` changes the annotations of the spec tag, whichever way it is sent."""
    tags.store(stream(tag("r.io/app:b", tag_name="b"), tag("r.io/app:a", tag_name="a")))
    query = {"fieldManager": "ann"}
    answer = await tags("patch", "app:a", patch, content_type=content_type, query=query)
    assert {"k": "v"} == answer.body["metadata"]["annotations"]
    expected = {"name": "a", "from": {"kind": "DockerImage", "name": "r.io/app:a"}, "annotations": {"k": "v"}}
    assert expected == tags.spec()[1]


async def test_applying_a_tag_makes_it(tags: Tags) -> None:
    """Server-side apply creates a tag that is not there; it needs to know who applies."""
    applied = istag("app:a")
    assert 422 == (await tags.refused("patch", "app:a", applied, content_type=APPLY_PATCH))[0]
    query = {"fieldManager": "git"}
    assert 201 == (await tags("patch", "app:a", applied, content_type=APPLY_PATCH, query=query)).code
    assert ["a"] == [each["name"] for each in tags.spec()]


async def test_lists_are_selected_and_paged(tags: Tags) -> None:
    """Labels, fields and limits select; pages go on where they ended, within a stream and after it."""
    tags.store(stream(*(tag(f"r.io/app:{name}", tag_name=name) for name in "abc")))
    tags.remember("a", "b", "c")
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        body = (await tags("list", query=query)).body
        found += [each["metadata"]["name"] for each in body["items"]]
        if not body["metadata"].get("continue"):
            break
        assert 2 == len(body["items"])
        query = {"limit": "2", "continue": body["metadata"]["continue"]}
    assert ["app:a", "app:b", "app:c"] == found
    body = (await tags("list", query={"fieldSelector": "metadata.name=app:b"})).body
    assert ["app:b"] == [each["metadata"]["name"] for each in body["items"]]
    assert [] == (await tags("list", query={"labelSelector": "no=such"})).body["items"]
    elsewhere = {"fieldSelector": f"metadata.namespace!={tags.api.namespace}"}
    assert [] == (await tags("list", query=elsewhere)).body["items"]


async def test_what_is_invalid_is_told_in_the_originals_words(tags: Tags) -> None:
    """A wrong source is told of the tag, a wrong stream name of the stream; nothing is written."""
    sent = istag("app:a", "r.io/App")
    expected = (
        'ImageStreamTag.image.openshift.io "app:a" is invalid: tag.from.name: Invalid value: "r.io/App": '
        "repository name must be lowercase"
    )
    assert (422, expected) == await tags.refused("create", body=sent)
    code, told = await tags.refused("create", body=istag("APP:a"))
    assert (422, True) == (code, told.startswith('ImageStream.image.openshift.io "APP" is invalid'))
    assert "" == tags.api.ok("get", "is", "-o", "name")
