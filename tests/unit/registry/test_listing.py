"""Listing the tags of a repository: pages, links, and registries that do it their own way."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import (
    HiddenError,
    NotFoundError,
    ProtocolError,
    UnauthorizedError,
    UnreachableError,
    UnwellError,
)
from imagestreams.registry.listing import (
    PAGE_LIMIT,
    PAGES_MOST,
    TAGS_MOST,
    Page,
    Pages,
    next_page,
    parse_page,
)
from support.faults import Answer, Fault, FaultRegistry, Hang, Html, Status
from support.faults.answers import Stream
from unit.registry.asking import HASTY, Client, ask, right, wrong

if TYPE_CHECKING:
    from support.faults import Kind, Request

NEXT = '; rel="next"'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "a/b", "tags": ["b", "a"]}, ["b", "a"]),
        ({"tags": None}, []),
        ({"name": "a/b"}, []),
        ({"tags": []}, []),
        ({"tags": ["ok", "", "-no", "a:b", "a/b", "x" * 129, 7, None, "x" * 128]}, ["ok", "x" * 128]),
    ],
)
def test_the_tags_of_a_page_are_read(body: object, expected: list[str]) -> None:
    """In the order they come; null is none; what can be no tag is passed over."""
    assert tuple(expected) == parse_page(json.dumps(body).encode()).tags


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<html>", b'{"tags": "a"}', b'{"tags": {}}', b"[" * 99999]
)
def test_what_is_no_page_is_an_error(body: bytes) -> None:
    """Another shape is no list."""
    with pytest.raises(ProtocolError, match="no list of tags"):
        parse_page(body)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("", None),
        ("</v2/a/b/tags/list?last=x&n=9>" + NEXT, "tags/list?last=x&n=9"),
        ("<https://r.io/v2/a/b/tags/list?last=x>" + NEXT, "tags/list?last=x"),
        ("<http://internal:5000/v2/a/b/tags/list?last=x>" + NEXT, "tags/list?last=x"),
        ("</prefix/v2/a/b/tags/list?next_page=gAAA%3D%3D>" + NEXT, "tags/list?next_page=gAAA%3D%3D"),
        ("</v2/a/b/tags/list?last=x>; rel=next", "tags/list?last=x"),
        ("</v2/a/b/tags/list?last=x>;REL = Next", "tags/list?last=x"),
        ('</v2/a/b/tags/list?last=x>; title="t"; rel="last next"', "tags/list?last=x"),
        ('</v2/a/b/tags/list?last=x>; rel="prev"', None),
        ('</v2/a/b/tags/list?last=x>; rel="nextish"', None),
        ("</v2/a/b/tags/list?last=x>", None),
        ('</p>; rel="first", </v2/a/b/tags/list?last=x>; rel="next"', "tags/list?last=x"),
        ("next", None),
    ],
)
def test_the_next_page_is_the_links_query_at_home(link: str, expected: str | None) -> None:
    """Relative, absolute, of another host: what counts is the query, for the same host is asked."""
    assert expected == next_page({"Link": link})


@pytest.mark.parametrize(
    "target",
    ["/elsewhere?x=1", "/v2/a/b/tags/list", "/v2/a/b/tags/list?a b", "/v2/a/b/tags/list?é", "http://[?x"],
)
def test_a_link_that_is_no_page_of_tags_is_an_error(target: str) -> None:
    """To end there in silence would leave tags out that nobody hears of."""
    with pytest.raises(ProtocolError, match="goes on at no page of tags"):
        next_page({"Link": f"<{target}>{NEXT}"})


@given(st.text())
def test_no_link_breaks_the_reading(link: str) -> None:
    """Any header is a page, the end, or an error of the registry's."""
    try:
        page = next_page({"Link": link})
    except ProtocolError:
        return
    assert page is None or page.startswith("tags/list?")


D1, D2 = (f"sha256:{letter * 64}" for letter in "12")


@pytest.mark.parametrize(
    ("manifests", "expected"),
    [
        (
            {D1: {"tag": ["a", "b"], "mediaType": "m", "imageSizeBytes": "9"}, D2: {"tag": ["c"]}},
            [D1, D1, D2],
        ),
        ({D1: {"tag": ["a", "b", "c"]}, D2: {"tag": []}, "x": {}}, [D1, D1, D1]),
        ({D1: {"tag": ["a", "b", "c", "no:tag", 7]}}, [D1, D1, D1]),
        ({D1: {"tag": ["a", "b"]}}, []),
        ({D1: {"tag": ["a", "b", "c", "d"]}}, []),
        ({D1: {"tag": ["a", "b", "c"]}, D2: {"tag": ["c"]}}, []),
        ({D1: {"tag": ["a", "b"]}, "sha256:1": {"tag": ["c"]}}, []),
        ({D1: ["a", "b", "c"], D2: {"tag": "c"}, "": None}, []),
        ({}, []),
        (None, []),
        (["a", "b", "c"], []),
        ("sha256", []),
    ],
)
def test_digests_are_believed_of_a_map_that_fits_the_tags(manifests: object, expected: list[str]) -> None:
    """Each tag must have one digest, and no other tag may have any; else nothing of the map is used."""
    pages = Pages()
    pages.add(parse_page(json.dumps({"tags": ["a", "b", "c"], "manifest": manifests}).encode()))

    assert dict(zip("abc", expected, strict=False)) == pages.together(ended=True).digests


_ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["a", "b", "a:b", D1, D2]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tag", "tags", "manifest", "a", D1, D2]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"tags": _ODD, "manifest": _ODD}) | _ODD)
def test_whatever_a_page_holds_its_digests_are_of_all_its_tags_or_of_none(body: object) -> None:
    """Any JSON is a page or an error of the registry's, and what it tells is whole."""
    pages = Pages()
    try:
        pages.add(parse_page(json.dumps(body).encode()))
    except ProtocolError:
        return
    found = pages.together(ended=True)

    assert found.digests.keys() in (set(), set(found.tags))
    assert set(found.digests.values()) <= {D1, D2}


@pytest.mark.parametrize("page", [None, 3])
def test_a_list_tells_the_digests_of_all_its_pages(client: Client, page: int | None) -> None:
    """As Google's registries do, on one page or several; what no tag names is not told."""
    with FaultRegistry(page=page, tells_digests=True) as registry:
        for number in range(8):
            registry.put_image("a/b", f"v{number}")
        registry.put_image("a/b", None, "untagged")
        registry.put_index("a/b", "index")
        found = client.registry.tags(ask(registry))

    names = ["index", *(f"v{number}" for number in range(8))]
    assert {name: registry.digest("a/b", name) for name in names} == found.digests
    assert found.complete


def test_a_list_that_is_not_read_to_its_end_tells_no_digests() -> None:
    """Nor one in which a tag moved between two pages."""
    first = Page(("a",), (("a", D1),))
    cut, moved = Pages(), Pages()
    for page in (first, Page(("b",), (("b", D1),))):
        cut.add(page)
    for page in (first, Page(("b",), (("a", D2), ("b", D1)))):
        moved.add(page)

    assert [{}, {}] == [cut.together(ended=False).digests, moved.together(ended=True).digests]
    assert {"a": D1, "b": D1} == cut.together(ended=True).digests


def fill(registry: FaultRegistry, tags: int, repository: str = "a/b") -> list[str]:
    """Store tags of one image, and name them in the order of the list."""
    names = [f"t{number:05}" for number in range(tags)]
    image = registry.put_image(repository, names[0])
    for name in names[1:]:
        registry.move(repository, name, image)
    registry.reset()
    return names


@dataclasses.dataclass(frozen=True, slots=True)
class SamePage(Fault):
    """Answers every list of tags with this body and this Link."""

    body: bytes
    link: str = ""
    kinds: ClassVar[frozenset[Kind]] = frozenset({"tags"})

    def instead(self, request: Request) -> Answer | None:
        """Answer the page."""
        del request
        return Answer(200, {"Content-Type": "application/json", "Link": self.link}, self.body)


@dataclasses.dataclass(frozen=True, slots=True)
class Relinked(Fault):
    """Says of the next page that it is at another host, by another scheme."""

    host: str
    kinds: ClassVar[frozenset[Kind]] = frozenset({"tags"})

    def altered(self, request: Request, answer: Answer) -> Answer:
        """Alter the link."""
        del request
        link = answer.headers.get("Link")
        if link is None:
            return answer
        return dataclasses.replace(
            answer, headers={**answer.headers, "Link": link.replace("</", f"<https://{self.host}/")}
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Endless(Fault):
    """Has always one more page, of one tag."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"tags"})

    def instead(self, request: Request) -> Answer | None:
        """Answer the page after the one that was asked for."""
        last = int(request.parameters().get("last", ["0"])[0]) + 1
        body = json.dumps({"tags": [f"t{last}"]}).encode()
        return Answer(200, {"Link": f"</v2/a/b/tags/list?last={last}>{NEXT}"}, body)


@dataclasses.dataclass(frozen=True, slots=True)
class HugePage(Fault):
    """Answers a page of 100 MB."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"tags"})

    def instead(self, request: Request) -> Answer | None:
        """Answer it."""
        del request
        return Answer(200, {}, Stream(100_000_000, chunked=False))


@pytest.mark.parametrize(("tags", "pages"), [(1, 1), (1000, 1), (1001, 2), (10_000, 10)])
def test_a_list_costs_one_request_a_thousand_tags(
    registry: FaultRegistry, client: Client, tags: int, pages: int
) -> None:
    """Ten thousand tags are ten pages, on one connection, and nothing else is asked."""
    names = fill(registry, tags)

    found = client.registry.tags(ask(registry, version=""))

    assert (tuple(names), True) == (found.tags, found.complete)
    assert ["tags"] * pages == [record.kind for record in registry.requests][-pages:]
    assert pages == registry.count("tags", status=200)


def test_a_short_page_is_not_the_end(client: Client) -> None:
    """A registry that serves three tags a page, whatever was asked for, is read to its end."""
    with FaultRegistry(page=3) as registry:
        names = fill(registry, 10)
        assert tuple(names) == client.registry.tags(ask(registry, version="")).tags
        assert 4 == registry.count("tags")


def test_a_link_to_another_host_is_asked_at_home(client: Client) -> None:
    """The pages go on where they began, and the other host hears nothing."""
    with FaultRegistry(page=3) as registry, FaultRegistry() as other:
        names = fill(registry, 7)
        registry.fail(Relinked(other.host))
        assert tuple(names) == client.registry.tags(ask(registry, version="")).tags
        assert 0 == len(other.requests)


def test_a_page_that_leads_to_itself_is_the_last(registry: FaultRegistry, client: Client) -> None:
    """Some registries never leave out the link."""
    registry.fail(SamePage(b'{"tags": ["a", "b", "a"]}', f"</v2/a/b/tags/list?last=b>{NEXT}"))
    found = client.registry.tags(ask(registry, version=""))
    assert (("a", "b"), True) == (found.tags, found.complete)
    assert 2 == registry.count("tags")


def test_a_list_without_end_is_read_so_far_and_no_further(registry: FaultRegistry, client: Client) -> None:
    """After 250 pages the answer says that it is not all."""
    registry.fail(Endless())
    found = client.registry.tags(ask(registry, version=""))
    assert (PAGES_MOST, False) == (len(found.tags), found.complete)
    assert PAGES_MOST == registry.count("tags")


def test_of_a_list_beyond_all_measure_twenty_thousand_tags_are_read(
    registry: FaultRegistry, client: Client
) -> None:
    """What is kept is bounded, and the answer says that it is not all."""
    body = json.dumps({"tags": [f"t{number}" for number in range(TAGS_MOST + 1)]}).encode()
    registry.fail(SamePage(body))
    found = client.registry.tags(ask(registry, version=""))
    assert (TAGS_MOST, False) == (len(found.tags), found.complete)


def test_a_huge_page_is_not_read_to_its_end(registry: FaultRegistry, client: Client) -> None:
    """A page of 100 MB is an error after three."""
    registry.fail(HugePage())
    with pytest.raises(ProtocolError, match=f"larger than {PAGE_LIMIT // 1024} KiB"):
        client.registry.tags(ask(registry, version=""))
    assert registry.sent < 20_000_000


def test_a_registry_that_is_silent_is_given_up(registry: FaultRegistry, hasty: Client) -> None:
    """The time of a question is bounded for lists, too."""
    fill(registry, 1)
    registry.fail(Hang(), kind="tags")
    with pytest.raises(UnreachableError, match=f"did not answer within {HASTY.read:.0f} s"):
        hasty.registry.tags(ask(registry, version=""))


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (Status(404), NotFoundError, "there is no such repository"),
        (Status(401), UnauthorizedError, "it wants a credential"),
        (Status(405), ProtocolError, "it does not list tags (it answered 405)"),
        (Status(429), UnwellError, "asked less often"),
        (Status(503), UnwellError, "it answered 503"),
        (Html(), ProtocolError, "what it answered is no list of tags"),
    ],
)
def test_an_answer_that_is_no_list_is_told(
    registry: FaultRegistry, client: Client, fault: Fault, error: type[Exception], text: str
) -> None:
    """The error names the repository and the registry, and never a field of a tag."""
    registry.fail(fault, kind="tags")
    with pytest.raises(error) as refused:
        client.registry.tags(ask(registry, version=""))
    assert text in str(refused.value)
    assert str(refused.value).startswith(f"{registry.host}/a/b: registry {registry.host}, repository a/b: ")
    assert "spec.tags" not in str(refused.value)


def test_a_missing_repository_names_the_field_to_correct(registry: FaultRegistry, client: Client) -> None:
    """What to do is about spec.dockerImageRepository."""
    with pytest.raises(NotFoundError, match=r"correct spec\.dockerImageRepository"):
        client.registry.tags(ask(registry, version=""))


def test_tls_that_is_none_names_the_annotation(registry: FaultRegistry, client: Client) -> None:
    """How to do without TLS is the stream's annotation, not a tag's policy."""
    with pytest.raises(UnreachableError, match=r"openshift\.io/image\.insecureRepository"):
        client.registry.tags(ask(registry, version="", insecure=False))


def test_a_private_repository_is_listed_with_its_credential(client: Client) -> None:
    """Token authentication holds for lists; a wrong password and none are told."""
    with FaultRegistry(auth="bearer") as registry:
        names = fill(registry, 3)
        assert (
            tuple(names) == client.registry.tags(ask(registry, version="", credential=right(registry))).tags
        )
        for credential in (wrong(), None):
            with pytest.raises(UnauthorizedError):
                client.registry.tags(ask(registry, version="", credential=credential))


def test_a_repository_hidden_from_one_credential_may_be_seen_with_another(client: Client) -> None:
    """404 to who showed a credential does not prove that there is none."""
    with FaultRegistry(auth="basic") as registry:
        registry.put_image("other/one", "v1")
        with pytest.raises(HiddenError):
            client.registry.tags(ask(registry, version="", credential=right(registry)))
