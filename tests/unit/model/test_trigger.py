"""The trigger annotation: the paths and entries the original takes, ours besides, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.model.stream import StreamKey
from imagestreams.model.trigger import ContainerField, Trigger, Triggers, parse_field, parse_triggers
from unit.model import arbitrary

POD_SPEC = "spec.template.spec"
WEB = ContainerField("containers", "web")
WEB_PATH = 'spec.template.spec.containers[?(@.name=="web")].image'


def entry(**changes: Any) -> dict[str, Any]:
    """Make an entry as `oc set triggers` writes it, with changes; a change to ... leaves the field out."""
    body = {"from": {"kind": "ImageStreamTag", "name": "app:v1"}, "fieldPath": WEB_PATH} | changes
    return {name: value for name, value in body.items() if value is not ...}


def read(*entries: object) -> Triggers:
    """Read an annotation of these entries."""
    return parse_triggers(json.dumps(entries), namespace="shop", pod_spec_path=POD_SPEC)


ACCEPTED_PATHS = [
    ('spec.template.spec.containers[?(@.name=="web")].image', WEB),
    ("spec.template.spec.containers[?(@.name=='web')].image", WEB),
    ('spec.template.spec.containers[?(@.name == "web")].image', WEB),
    ('spec.template.spec.containers[?( @.name=="web" )].image', WEB),
    ('spec.template.spec.containers[?(@.name=="my web\'s")].image', ContainerField("containers", "my web's")),
    ("spec.template.spec.containers[?(@.name==\t'web')].image", WEB),
    ('spec.template.spec.containers[ ? ( @.name == "web" ) ].image', WEB),
    (' spec.template.spec.containers[?(@.name=="web")].image\n', WEB),
    ("spec.template.spec.containers[0].image", ContainerField("containers", index=0)),
    ("spec.template.spec.containers[ 1 ].image", ContainerField("containers", index=1)),
    ("spec.template.spec.containers[01].image", ContainerField("containers", index=1)),
    ("spec.template.spec.containers[12].image", ContainerField("containers", index=12)),
    ('spec.template.spec.initContainers[?(@.name=="web")].image', ContainerField("initContainers", "web")),
    ("spec.template.spec.initContainers[1].image", ContainerField("initContainers", index=1)),
]
REFUSED_PATHS = [
    "",
    "image",
    '.spec.template.spec.containers[?(@.name=="web")].image',
    '{.spec.template.spec.containers[?(@.name=="web")].image}',
    '{spec.template.spec.containers[?(@.name=="web")].image}',
    "spec.template.spec.containers[@name='web'].image",
    'spec.template.spec.containers[?(@.name=="web")]',
    'spec.template.spec.containers[?(@.name="web")].image',
    "spec.template.spec.containers[?(@.name==web)].image",
    "spec.template.spec.containers[?(@.name==\"web')].image",
    'spec.template.spec.containers[?(@.name=="")].image',
    'spec.template.spec.containers[?(@.name=="web")] .image',
    'spec.template.spec. containers[?(@.name=="web")].image',
    'spec.template.spec.containers[?(@.name=="web"].image',
    'spec.template.spec.containers[?(@.name=="a" || @.name=="b")].image',
    'spec.template.spec.containers[?(@.name=~"web")].image',
    'spec.template.spec.containers[?(@.image=="web")].image',
    'spec.template.spec.containers["web"].image',
    "spec.template.spec.containers[web].image",
    "spec.template.spec.containers[1 0].image",
    "spec.template.spec.containers[+1].image",
    "spec.template.spec.containers[0].image.x",
    "spec.template.spec.containers[0]",
    "spec.template.spec.Containers[0].image",
    "spec.template.spec.initcontainers[0].image",
    "spec.template.spec.volumes[0].image",
    'spec.template.spec.ephemeralContainers[?(@.name=="web")].image',
    "/spec/template/spec/containers/0/image",
    "spec['template'].spec.containers[0].image",
    'spec.template.spec.containers[?(@.name=="web")].imagePullPolicy',
    "spec.template.spec.containers[-1].image",
    "spec.template.spec.containers[*].image",
    "spec.template.spec.containers[].image",
    "spec.template.spec.containers.0.image",
    "spec.template.spec.containers[\u0663].image",
    "spec.template.spec.containers[" + "1" * 5000 + "].image",
    "spec.template.spec.ephemeralContainers[0].image",
    "spec.containers[0].image",
    "spec.template.spec",
    "spec.jobTemplate.spec.template.spec.containers[0].image",
    "spec.template.specXcontainers[0].image",
]


@pytest.mark.parametrize(("path", "field"), ACCEPTED_PATHS, ids=[path for path, _ in ACCEPTED_PATHS])
def test_a_path_names_a_containers_image(path: str, field: ContainerField) -> None:
    """Both quotes, blanks around ==, names and indexes, containers and init containers are understood."""
    assert field == parse_field(path, POD_SPEC)


@pytest.mark.parametrize("path", REFUSED_PATHS, ids=[path[:70] for path in REFUSED_PATHS])
def test_a_path_that_names_no_image_is_refused_with_how_to_write_one(path: str) -> None:
    """What cannot be applied is refused, with the path and the spellings there are."""
    with pytest.raises(InvalidError, match="is not understood; write ") as refused:
        parse_field(path, POD_SPEC)

    assert f'fieldPath "{path[:200]}"' in str(refused.value)
    assert f'{POD_SPEC}.containers[?(@.name=="NAME")].image' in str(refused.value)


def test_a_path_begins_with_the_pod_spec_of_its_kind() -> None:
    """The same container of another kind is found under that kind's pod spec, and only there."""
    nested = "spec.jobTemplate.spec.template.spec"

    assert WEB == parse_field(f'{nested}.containers[?(@.name=="web")].image', nested)
    with pytest.raises(InvalidError):
        parse_field(WEB_PATH, nested)


def test_an_entry_is_read_as_a_trigger() -> None:
    """Stream, tag and field are read; the stream is in the workload's own namespace."""
    assert Triggers((Trigger(StreamKey("shop", "app"), "v1", WEB),)) == read(entry())
    assert read(entry()) == read(
        entry(**{"from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": "shop"}})
    )


@pytest.mark.parametrize(
    ("value", "paused"),
    [
        (True, True),
        (False, False),
        (None, False),
        (..., False),
        ("true", True),
        ("false", False),
        ("True", True),
        ("", False),
    ],
)
def test_paused_may_be_a_boolean_or_its_name(value: object, paused: bool) -> None:
    """Paused is read from a boolean, null, or a string that says one."""
    (trigger,) = read(entry(paused=value)).entries

    assert paused is trigger.paused


@pytest.mark.parametrize("value", [1, 0, "yes", [], {}, "x" * 100])
def test_paused_that_says_neither_is_told(value: object) -> None:
    """What is neither true nor false spoils the entry, for guessing could start a rollout."""
    triggers = read(entry(paused=value))

    assert () == triggers.entries
    assert 1 == len(triggers.problems)
    assert triggers.problems[0].startswith("entry 1: paused is ")
    assert len(triggers.problems[0]) < 100


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"kind": "DockerImage", "name": "app:v1"}, 'from.kind is "DockerImage", but must be ImageStreamTag'),
        ({"name": "app:v1"}, 'from.kind is "", but must be ImageStreamTag'),
        ({"kind": "ImageStreamTag", "name": "app"}, 'from.name is "app", but must be STREAM:TAG'),
        ({"kind": "ImageStreamTag", "name": ":v1"}, 'from.name is ":v1", but must be STREAM:TAG'),
        ({"kind": "ImageStreamTag"}, 'from.name is "", but must be STREAM:TAG'),
        (None, 'from.kind is "", but must be ImageStreamTag'),
        ("app:v1", 'from.kind is "", but must be ImageStreamTag'),
    ],
)
def test_a_source_that_names_no_tag_is_told(source: object, why: str) -> None:
    """A source that is no tag of a stream here is told, with what it must be."""
    assert Triggers(problems=(f"entry 1: {why}",)) == read(entry(**{"from": source}))


@pytest.mark.parametrize(("namespace", "expected"), [("base", "base"), ("shop", "shop"), ("", "shop")])
def test_a_source_may_be_in_another_namespace(namespace: str, expected: str) -> None:
    """The stream is that of the namespace that is named, else of the workload's own."""
    (trigger,) = read(
        entry(**{"from": {"kind": "ImageStreamTag", "name": "app:v1", "namespace": namespace}})
    ).entries

    assert StreamKey(expected, "app") == trigger.stream


def test_nothing_after_the_colon_is_latest() -> None:
    """A name that ends in its colon means the tag latest, as in the original."""
    assert read(entry(**{"from": {"kind": "ImageStreamTag", "name": "app:latest"}})) == read(
        entry(**{"from": {"kind": "ImageStreamTag", "name": "app:"}})
    )


def test_entries_know_their_numbers() -> None:
    """What is told later of an entry names it by its place in the list."""
    triggers = read(entry(fieldPath=1), entry(), entry(fieldPath="spec.template.spec.containers[1].image"))

    assert (2, 3) == tuple(item.number for item in triggers.entries)


def test_one_bad_entry_does_not_spoil_the_others() -> None:
    """Of three entries the wrong one is told by its number, and the others count."""
    other = 'spec.template.spec.containers[?(@.name=="side")].image'
    triggers = read(entry(), entry(fieldPath="nonsense"), entry(fieldPath=other))

    assert (WEB, ContainerField("containers", "side")) == tuple(item.field for item in triggers.entries)
    assert 1 == len(triggers.problems)
    assert triggers.problems[0].startswith('entry 2: fieldPath "nonsense" is not understood')


def test_a_second_trigger_on_one_field_is_told_and_the_first_counts() -> None:
    """Two entries for one field would fight: the first is taken, the second told."""
    triggers = read(entry(), entry(**{"from": {"kind": "ImageStreamTag", "name": "app:v2"}}))

    assert ("v1",) == tuple(item.tag for item in triggers.entries)
    assert (f'entry 2: fieldPath "{WEB_PATH}" has a trigger already, entry 1',) == triggers.problems


@pytest.mark.parametrize("text", ["null", "[]", " null\n"])
def test_null_and_an_empty_list_mean_none(text: str) -> None:
    """No triggers are no problem."""
    assert Triggers() == parse_triggers(text, namespace="shop", pod_spec_path=POD_SPEC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON: "),
        ("{", "is not JSON: "),
        ("[" * 100_000, "is not JSON: "),
        ("[" + "1" * 10_000 + "]", "is not JSON: "),
        ("{}", "is not a JSON list of triggers"),
        ('"x"', "is not a JSON list of triggers"),
        ("1", "is not a JSON list of triggers"),
        ("[1]", 'entry 1: from.kind is ""'),
        ("[null]", 'entry 1: from.kind is ""'),
    ],
    ids=["empty", "cut", "deep", "large number", "object", "string", "number", "of numbers", "of nulls"],
)
def test_what_is_no_list_of_triggers_is_told(text: str, why: str) -> None:
    """An annotation that cannot be read has no entries and one problem that says why."""
    triggers = parse_triggers(text, namespace="shop", pod_spec_path=POD_SPEC)

    assert () == triggers.entries
    assert 1 == len(triggers.problems)
    assert triggers.problems[0].startswith(why)


_BLANKS = st.text(" \t\n", max_size=3)


@given(
    st.sampled_from(["spec.template.spec", "spec.jobTemplate.spec.template.spec", "spec"]),
    st.sampled_from(["containers", "initContainers"]),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True) | st.integers(0, 9999),
    st.sampled_from("\"'"),
    st.lists(_BLANKS, min_size=9, max_size=9),
)
def test_any_name_or_index_in_any_spelling_is_read_as_it_is_meant(
    pod_spec: str, list_name: str, who: str | int, quote: str, blanks: list[str]
) -> None:
    """Whatever the kind, the container, the quotes and the blanks: the path means that container."""
    b = blanks
    chosen = (
        f"{b[1]}{who}{b[2]}"
        if isinstance(who, int)
        else f"{b[1]}?{b[2]}({b[3]}@.name{b[4]}=={b[5]}{quote}{who}{quote}{b[6]}){b[7]}"
    )
    path = f"{b[0]}{pod_spec}.{list_name}[{chosen}].image{b[8]}"
    expected = ContainerField(list_name, **({"index": who} if isinstance(who, int) else {"name": who}))

    assert expected == parse_field(path, pod_spec)


_ENTRY = arbitrary.nearly(
    fieldPath=st.sampled_from([path for path, _ in ACCEPTED_PATHS] + REFUSED_PATHS),
    paused=st.booleans() | st.sampled_from(["true", "false"]),
    **{
        "from": arbitrary.nearly(
            kind=st.just("ImageStreamTag"),
            name=st.sampled_from(["app:v1", "app", ":"]),
            namespace=st.sampled_from(["", "shop", "base"]),
        )
    },
)


@given(st.lists(_ENTRY, max_size=4))
def test_every_entry_counts_or_is_told(entries: list[Any]) -> None:
    """Whatever is in the list, nothing is raised and each entry is either a trigger or a problem."""
    triggers = read(*entries)

    assert len(entries) == len(triggers.entries) + len(triggers.problems)


@given(st.text())
def test_arbitrary_text_raises_nothing(text: str) -> None:
    """Whatever is in the annotation, reading it raises nothing."""
    assert isinstance(parse_triggers(text, namespace="shop", pod_spec_path=POD_SPEC), Triggers)
