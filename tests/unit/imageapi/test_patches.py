"""Patches of all types, applied to what the client saw (imageapi.patches, imageapi.strategic)."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import StatusError
from imagestreams.imageapi import bodies, patches, strategic
from imagestreams.imageapi.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply_patch

_TEXTS = st.sampled_from(["", "a", "b", "name", "tag", "/", "~", "0", "1", "-", "$patch", "tags", "spec"])
_SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | _TEXTS
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)
_WITHOUT_NULLS = st.recursive(
    st.booleans() | st.integers(-3, 3) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_TEXTS, _WITHOUT_NULLS, max_size=4)


@pytest.mark.parametrize(
    ("before", "patch", "expected"),
    [
        ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
        ({"a": 1}, [{"op": "add", "path": "/a", "value": None}], {"a": None}),
        ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
        (
            {"a": {"b": [{"c": 1}]}},
            [{"op": "replace", "path": "/a/b/0/c", "value": 2}],
            {"a": {"b": [{"c": 2}]}},
        ),
        ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
        ({"a": [1, 2]}, [{"op": "move", "from": "/a/0", "path": "/a/1"}], {"a": [2, 1]}),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a/b": 1, "m~n": 2}, [{"op": "remove", "path": "/a~1b"}, {"op": "remove", "path": "/m~0n"}], {}),
        ({"~1": 1}, [{"op": "remove", "path": "/~01"}], {}),
        ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}, {"op": "remove", "path": "/a"}], {}),
        ({"a": 1}, [{"op": "test", "path": "/b", "value": None}], {"a": 1}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 1}}], {"b": 1}),
        ({"a": 1}, [], {"a": 1}),
    ],
)
def test_json_patch(before: Any, patch: Any, expected: Any) -> None:
    """The operations of RFC 6902 are applied one after the other, and the patched object stays as it was."""
    kept = copy.deepcopy(before)
    assert expected == apply_patch(JSON_PATCH, json.dumps(patch).encode(), before, "ImageStream")
    assert kept == before


@pytest.mark.parametrize(
    ("patch", "code", "why"),
    [
        ([{"op": "remove", "path": "/b"}], 422, "remove operation does not apply"),
        ([{"op": "replace", "path": "/b", "value": 1}], 422, 'doc is missing path: "/b"'),
        ([{"op": "add", "path": "/b/c", "value": 1}], 422, 'doc is missing path: "/b/c"'),
        ([{"op": "add", "path": "/a/3", "value": 1}], 422, "missing path"),
        ([{"op": "add", "path": "/a/01", "value": 1}], 422, "missing path"),
        ([{"op": "remove", "path": "/a/-"}], 422, "missing path"),
        ([{"op": "remove", "path": "/a/2"}], 422, "missing path"),
        ([{"op": "add", "path": "b", "value": 1}], 422, "missing path"),
        ([{"op": "copy", "from": "/b", "path": "/c"}], 422, "missing from path"),
        ([{"op": "move", "from": "/a", "path": "/a/0"}], 422, "into itself"),
        ([{"op": "test", "path": "/a/0", "value": True}], 422, "testing value /a/0 failed"),
        ([{"op": "remove", "path": ""}], 422, "not an object"),
        ([{"op": "replace", "path": "", "value": []}], 422, "not an object"),
        ([{"op": "merge", "path": "/a"}], 400, "Unexpected kind: merge"),
        ([{"op": "add", "path": "/a"}], 400, "lacks value"),
        ([{"op": "add", "path": 1, "value": 1}], 400, "lacks path"),
        ([1], 400, "not an object"),
        ({"op": "remove", "path": "/a"}, 400, "array of operations"),
        ([{"op": "test", "path": "/x"}] * 10_001, 413, "10000, got 10001"),
        ([{"op": "copy", "from": "/big", "path": "/a/-"}] * 3, 413, "exceeding the limit 3145728"),
    ],
)
def test_a_json_patch_that_does_not_apply(patch: Any, code: int, why: str) -> None:
    """What is no patch is 400, what does not apply 422, and beyond the bounds 413; each says why."""
    before = {"a": [1, 2], "big": "x" * 1_500_000}
    with pytest.raises(StatusError) as caught:
        apply_patch(JSON_PATCH, json.dumps(patch).encode(), before, "ImageStream")
    assert code == caught.value.code
    told = [str(caught.value), *(cause["message"] for cause in caught.value.details.get("causes", []))]
    assert any(why in text for text in told), told


@pytest.mark.parametrize(
    ("before", "patch", "expected"),
    [
        # The examples of RFC 7386, those whose results are objects.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(before: Any, patch: Any, expected: Any) -> None:
    """A merge patch is applied as RFC 7386 says."""
    assert expected == apply_patch(MERGE_PATCH, json.dumps(patch).encode(), before, "ImageStream")


def tags(*names: str, **more: Any) -> dict[str, Any]:
    """Make a stream with some tags, each of an image of its name."""
    listed = [{"name": name, "from": {"kind": "DockerImage", "name": f"r.io/{name}"}} for name in names]
    return {"spec": {"tags": listed, **more}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        pytest.param(
            {"spec": {"lookupPolicy": {"local": True}}},
            tags("a", "b", lookupPolicy={"local": True}),
            id="what oc set image-lookup sends",
        ),
        pytest.param(
            {"spec": {"tags": [{"name": "b", "importPolicy": {"scheduled": True}}]}},
            {
                "spec": {
                    "tags": [
                        tags("a")["spec"]["tags"][0],
                        {**tags("b")["spec"]["tags"][0], "importPolicy": {"scheduled": True}},
                    ]
                }
            },
            id="an entry is found by its key",
        ),
        pytest.param(
            {
                "spec": {
                    "$setElementOrder/tags": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
                    "tags": tags("c")["spec"]["tags"],
                }
            },
            tags("a", "b", "c"),
            id="what oc apply sends for a new tag",
        ),
        pytest.param(
            {"spec": {"$setElementOrder/tags": [{"name": "b"}], "tags": [{"$patch": "delete", "name": "a"}]}},
            tags("b"),
            id="what oc apply sends for a tag that is gone",
        ),
        pytest.param(
            {"spec": {"$setElementOrder/tags": [{"name": "b"}, {"name": "a"}]}},
            tags("b", "a"),
            id="order alone",
        ),
        pytest.param(
            {"spec": {"tags": [{"$patch": "replace"}, *tags("z")["spec"]["tags"]]}}, tags("z"), id="replace"
        ),
        pytest.param({"spec": {"$patch": "replace", "x": 1}}, {"spec": {"x": 1}}, id="replace an object"),
        pytest.param({"spec": {"$patch": "delete"}}, {"spec": {}}, id="delete an object"),
        pytest.param({"spec": {"tags": None}}, {"spec": {}}, id="null removes"),
        pytest.param(
            {"spec": {"$retainKeys": ["lookupPolicy"], "lookupPolicy": {"local": False}}},
            {"spec": {"lookupPolicy": {"local": False}}},
            id="retain",
        ),
        pytest.param(
            {"spec": {"tags": [{"name": "n", "from": None, "$patch": None}]}},
            {"spec": {"tags": [{"name": "n"}, *tags("a", "b")["spec"]["tags"]]}},
            id="nulls of a new entry are dropped, and it comes first where no order is sent",
        ),
    ],
)
def test_strategic_patch_of_a_stream(patch: Any, expected: Any) -> None:
    """Tags are merged by their name, and the directives of kubectl and oc are obeyed."""
    before = tags("a", "b")
    assert expected == apply_patch(STRATEGIC_PATCH, json.dumps(patch).encode(), before, "ImageStream")
    assert tags("a", "b") == before


@pytest.mark.parametrize(
    ("kind", "before", "patch", "expected"),
    [
        pytest.param(
            "ImageStream",
            {
                "status": {
                    "tags": [{"tag": "a", "items": [1]}],
                    "conditions": [{"type": "Ready", "status": "True"}],
                }
            },
            {
                "status": {
                    "tags": [{"tag": "a", "items": [2]}],
                    "conditions": [{"type": "Ready", "status": "False"}],
                }
            },
            {
                "status": {
                    "tags": [{"tag": "a", "items": [2]}],
                    "conditions": [{"type": "Ready", "status": "False"}],
                }
            },
            id="status: tags by tag, items replaced, conditions by type",
        ),
        pytest.param(
            "Image",
            {"dockerImageMetadata": {"Id": "1", "Os": "x"}, "signatures": [{"name": "s", "type": "t"}]},
            {"dockerImageMetadata": {"Id": "2"}, "signatures": [{"name": "s", "content": "c"}]},
            {"dockerImageMetadata": {"Id": "2"}, "signatures": [{"name": "s", "type": "t", "content": "c"}]},
            id="an image: metadata replaced, signatures by name",
        ),
        pytest.param(
            "ImageStreamTag",
            {
                "image": {
                    "signatures": [{"name": "s", "conditions": [{"type": "Trusted", "status": "False"}]}]
                }
            },
            {"image": {"signatures": [{"name": "s", "conditions": [{"type": "Trusted", "status": "True"}]}]}},
            {"image": {"signatures": [{"name": "s", "conditions": [{"type": "Trusted", "status": "True"}]}]}},
            id="conditions of a signature by type",
        ),
        pytest.param(
            "ImageStream",
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}},
            {"metadata": {"finalizers": ["c", "b"]}},
            id="finalizers are united, and single ones deleted",
        ),
        pytest.param(
            "ImageStream",
            {"metadata": {"ownerReferences": [{"uid": "1", "name": "a"}]}},
            {"metadata": {"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "2", "name": "c"}]}},
            {"metadata": {"ownerReferences": [{"uid": "1", "name": "b"}, {"uid": "2", "name": "c"}]}},
            id="owners by uid",
        ),
    ],
)
def test_strategic_patch_by_kind(kind: str, before: Any, patch: Any, expected: Any) -> None:
    """Each kind merges by the tags of the original's Go types."""
    assert expected == apply_patch(STRATEGIC_PATCH, json.dumps(patch).encode(), before, kind)


@pytest.mark.parametrize(
    "patch",
    [
        {"$patch": "merge"},
        {"spec": {"tags": [{"from": None}]}},
        {"spec": {"tags": ["a"]}},
        {"spec": {"tags": [{"name": "a", "$patch": "merge"}]}},
        {"spec": {"$retainKeys": ["a"], "b": 1}},
        {"spec": {"$retainKeys": "a"}},
        {
            "spec": {
                "$setElementOrder/tags": [{"name": "b"}, {"name": "a"}],
                "tags": tags("a", "b")["spec"]["tags"],
            }
        },
        {"spec": {"$setElementOrder/tags": {}, "tags": tags("a")["spec"]["tags"]}},
        [],
    ],
)
def test_a_strategic_patch_that_contradicts_itself(patch: Any) -> None:
    """A strategic patch that cannot be meant is 400."""
    with pytest.raises(StatusError) as caught:
        apply_patch(STRATEGIC_PATCH, json.dumps(patch).encode(), tags("a", "b"), "ImageStream")
    assert 400 == caught.value.code


def test_a_patch_of_an_unknown_type_is_refused() -> None:
    """Another type is 415, with those that are taken."""
    with pytest.raises(StatusError) as caught:
        apply_patch("text/plain", b"{}", {}, "ImageStream")
    assert 415 == caught.value.code
    assert patches.MERGE_PATCH in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"\xff\xfe{}",
    ],
)
def test_a_body_that_is_no_json(body: bytes) -> None:
    """What is no JSON, or nested to do harm, is 400."""
    with pytest.raises(StatusError) as caught:
        bodies.read_json(body)
    assert 400 == caught.value.code


def test_half_a_character_is_replaced() -> None:
    """Half of an escaped character cannot be sent on: another takes its place."""
    assert {"a": "?"} == bodies.read_json(b'{"a": "\\ud800"}')


def test_a_patch_may_not_nest_step_by_step() -> None:
    """Operations that each nest a little more end in 400, not in a crash."""
    step = {"op": "move", "from": "/a", "path": "/b"}
    nest = [{"op": "add", "path": "/a" + "/a" * number, "value": {}} for number in range(1200)]
    with pytest.raises(StatusError) as caught:
        apply_patch(JSON_PATCH, json.dumps([*nest, step]).encode(), {"a": {}}, "ImageStream")
    assert 400 == caught.value.code


def _difference(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """Write the JSON patch from one object to another: replaced, removed and added fields."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if patches._same(before, after) else [{"op": "replace", "path": path, "value": after}]
    found: list[dict[str, Any]] = []
    for field in sorted({*before, *after}):
        at = f"{path}/{field.replace('~', '~0').replace('/', '~1')}"
        if field not in after:
            found.append({"op": "remove", "path": at})
        elif field not in before:
            found.append({"op": "add", "path": at, "value": after[field]})
        else:
            found += _difference(before[field], after[field], at)
    return found


def _merge_difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Write the merge patch from one object without nulls to another."""
    found: dict[str, Any] = {field: None for field in before if field not in after}
    for field, value in after.items():
        known = before.get(field)
        if isinstance(known, dict) and isinstance(value, dict):
            found[field] = _merge_difference(known, value)
        elif field not in before or not patches._same(known, value):
            found[field] = value
    return found


@given(_OBJECTS, _OBJECTS)
def test_applying_a_difference_gives_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The JSON patch and the merge patch from one object to another make the other."""
    assert after == patches.json_patch(before, _difference(before, after))
    assert after == patches.merge_patch(before, _merge_difference(before, after))


@given(
    st.lists(st.sampled_from("abcdef"), unique=True, max_size=5),
    st.lists(st.sampled_from("abcdef"), unique=True, max_size=5),
)
def test_applying_what_apply_sends_gives_its_list(before: list[str], after: list[str]) -> None:
    """What `oc apply` sends from one list of tags to another makes the other."""
    patch = {
        "spec": {
            "$setElementOrder/tags": [{"name": name} for name in after],
            "tags": [
                *(each for each in tags(*after)["spec"]["tags"] if each["name"] not in before),
                *({"$patch": "delete", "name": name} for name in before if name not in after),
            ],
        }
    }
    made = strategic.strategic_patch(tags(*before), patch, strategic.schema_of("ImageStream"))
    assert tags(*after) == made


_OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"])},
    optional={
        "path": st.lists(_TEXTS, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts)),
        "from": st.lists(_TEXTS, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts)),
        "value": _JSON,
    },
)


@given(
    st.sampled_from([JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH]),
    st.dictionaries(_TEXTS, _JSON, max_size=4),
    _JSON | st.lists(_OPERATIONS, max_size=4) | st.dictionaries(_TEXTS, _JSON, max_size=4),
)
def test_no_patch_raises_anything_but_a_status(content_type: str, before: dict[str, Any], patch: Any) -> None:
    """Whatever is sent as a patch gives an object, or a Status of 400, 413 or 422; what is patched stays."""
    kept = copy.deepcopy(before)
    told = 400
    try:
        after = apply_patch(content_type, json.dumps(patch).encode(), before, "ImageStream")
    except StatusError as error:
        told = error.code
    else:
        assert isinstance(after, dict)
    assert told in (400, 413, 422)
    assert kept == before


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_but_a_status(body: bytes) -> None:
    """Whatever bytes are sent, they are read as an object or refused with 400."""
    told = 400
    try:
        assert isinstance(bodies.read_object(body, "ImageStream"), dict)
    except StatusError as error:
        told = error.code
    assert 400 == told


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"a: 2026-01-01\nb: [yes, 1.5]\n", {"a": "2026-01-01", "b": [True, 1.5]}),
    ],
)
def test_yaml_is_read_as_json_has_it(body: bytes, expected: Any) -> None:
    """What is applied may be JSON or YAML; a time in it stays the text it is."""
    assert expected == bodies.read_yaml(body)


@pytest.mark.parametrize(
    "body",
    [b"a: &x [1]\nb: *x\n", b"a: [", b"a: .nan", b"!!python/name:os.system", b"- " * 2_000, b"{1: 2"],
)
def test_yaml_that_json_has_not_is_refused(body: bytes) -> None:
    """An alias, which may stand for thousands, and whatever JSON cannot spell, is 400."""
    with pytest.raises(StatusError) as caught:
        bodies.read_yaml(body)
    assert 400 == caught.value.code
