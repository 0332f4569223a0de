"""The rules of a cluster: read from YAML with clear errors, and what they say of a repository."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.names import Place, place_of
from imagestreams.registry.rules import Rules, parse_rules


def place(name: str) -> Place:
    """Say where a repository is asked for."""
    return place_of(parse_reference(name))


def sources(field: str, *entries: str) -> Rules:
    """Make rules with one list of registrySources."""
    return parse_rules(f"registrySources: {{{field}: {list(entries)}}}")


@pytest.mark.parametrize(
    ("entry", "name", "meant"),
    [
        ("quay.io", "quay.io/team/app", True),
        ("quay.io", "quay.io:5000/team/app", True),
        ("quay.io:5000", "quay.io:5000/team/app", True),
        ("quay.io:5000", "quay.io/team/app", False),
        ("quay.io", "evil-quay.io/app", False),
        ("quay.io", "sub.quay.io/app", False),
        ("quay.io/team", "quay.io/team/app", True),
        ("quay.io/team", "quay.io/team", True),
        ("quay.io/team", "quay.io/teams/app", False),
        ("quay.io/team/app", "quay.io/team", False),
        ("*.example.com", "a.example.com/x", True),
        ("*.example.com", "a.b.example.com:5000/x", True),
        ("*.example.com", "example.com/x", False),
        ("*.example.com", "badexample.com/x", False),
        ("*.example.com:5000", "a.example.com/x", False),
        ("*.example.com:5000", "a.example.com:5000/x", True),
        ("docker.io", "nginx", True),
        ("docker.io/library", "nginx", True),
        ("docker.io/library", "team/app", False),
        ("index.docker.io", "nginx", True),
        ("registry-1.docker.io", "docker.io/team/app", True),
        ("QUAY.io", "quay.io/team/app", True),
        ("127.0.0.1:5000", "127.0.0.1:5000/app", True),
        ("localhost", "localhost:5000/app", True),
    ],
)
def test_an_entry_means_hosts_ports_and_paths(entry: str, name: str, meant: bool) -> None:
    """A host means every port of it unless one is named, `*.` every host below, a path whole components."""
    assert meant is bool(sources("blockedRegistries", entry).refusal(place(name)))
    assert meant is not bool(sources("allowedRegistries", entry).refusal(place(name)))
    assert meant is sources("insecureRegistries", entry).is_insecure(place(name))


def test_without_rules_everything_may_be_asked_at_home() -> None:
    """An empty text, and lists that are empty, are no rules."""
    for text in (
        "",
        "{}",
        "registrySources: {}",
        "registrySources: {allowedRegistries: []}",
        "imageMirrors:",
    ):
        rules = parse_rules(text)
        assert Rules() == rules
        assert ("", (place("nginx"),), False) == (
            rules.refusal(place("nginx")),
            rules.places(place("nginx")),
            rules.is_insecure(place("nginx")),
        )


def test_a_refusal_says_which_rule_refuses() -> None:
    """Blocked wins over allowed, and each is told by its field."""
    rules = parse_rules("registrySources: {allowedRegistries: [quay.io], blockedRegistries: [quay.io/evil]}")

    assert "" == rules.refusal(place("quay.io/team/app"))
    assert '"quay.io/evil" is blocked by the rules of this cluster (blockedRegistries)' == rules.refusal(
        place("quay.io/evil/app")
    )
    assert "it is not among the registries that this cluster allows (allowedRegistries)" == rules.refusal(
        place("nginx")
    )


MIRRORS = """
imageMirrors:
  - source: docker.io
    mirrors: [all.example:5000/hub]
  - source: docker.io/library
    mirrors: [first.example/lib, second.example]
  - source: quay.io
    mirrors: [only.example/quay]
    mirrorSourcePolicy: NeverContactSource
  - source: "*.corp.example"
    mirrors: [m.example/corp]
"""


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("nginx", ["first.example/lib/nginx", "second.example/nginx", "docker.io/library/nginx"]),
        ("team/app", ["all.example:5000/hub/team/app", "docker.io/team/app"]),
        ("quay.io/team/app", ["only.example/quay/team/app"]),
        ("a.corp.example:5000/x/y", ["m.example/corp/x/y", "a.corp.example:5000/x/y"]),
        ("ghcr.io/x/y", ["ghcr.io/x/y"]),
    ],
)
def test_the_mirrors_of_the_narrowest_source_are_asked_first(name: str, asked: list[str]) -> None:
    """Mirrors in their order, then home unless it is never contacted; the rest of the path is kept."""
    assert asked == [str(found) for found in parse_rules(MIRRORS).places(place(name))]


def test_docker_hub_as_a_mirror_is_contacted_where_it_answers() -> None:
    """A mirror may be Docker Hub, by any of its names."""
    rules = parse_rules("imageMirrors: [{source: r.io, mirrors: [index.docker.io/copies]}]")

    assert [("docker.io", "registry-1.docker.io", "copies/app"), ("r.io", "r.io", "app")] == [
        (found.host, found.contact, found.repository) for found in rules.places(place("r.io/app"))
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"it is not YAML \(line 1\)"),
        ("a: &x 1\nb: *x", "it is not YAML"),
        ("[]", "it: must be an object with registrySources, imageMirrors"),
        ("mirror: []", 'it: has no field "mirror"; there are registrySources, imageMirrors'),
        ("registrySources: []", "registrySources: must be an object"),
        ("registrySources: {blocked: []}", 'registrySources: has no field "blocked"; there are allowed'),
        ("registrySources: {blockedRegistries: quay.io}", "blockedRegistries: must be a list"),
        ("registrySources: {blockedRegistries: [1]}", r'blockedRegistries\[0\]: "1" is not HOST'),
        (
            "registrySources: {blockedRegistries: [a.io, 'https://b.io']}",
            r'Registries\[1\]: "https://b.io" is not',
        ),
        ("registrySources: {blockedRegistries: ['a*.io']}", "is not HOST"),
        ("registrySources: {blockedRegistries: ['']}", "is not HOST"),
        ("imageMirrors: {}", "imageMirrors: must be a list"),
        ("imageMirrors: [{source: a.io}]", r"imageMirrors\[0\].mirrors: at least one"),
        ("imageMirrors: [{mirrors: [a.io]}]", r'imageMirrors\[0\].source\[0\]: "None" is not HOST'),
        ("imageMirrors: [{source: a.io, mirrors: ['*.b.io']}]", "a mirror is one host"),
        (
            "imageMirrors: [{source: a.io, mirrors: [b.io], mirrorSourcePolicy: Never}]",
            "must be AllowContactingSource or NeverContactSource",
        ),
    ],
)
def test_what_cannot_be_read_says_where_and_how(text: str, words: str) -> None:
    """The field is named, with what it must be."""
    with pytest.raises(InvalidError, match=words):
        parse_rules(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but rules or an InvalidError."""
    with contextlib.suppress(InvalidError):
        assert isinstance(parse_rules(text), Rules)
