"""Image references: what is accepted, how it is split, what is refused and with which words."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagestreams.errors import InvalidError
from imagestreams.model.reference import Reference, is_digest, parse_reference

HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"

# Rows of the distribution project's reference tests and of the original's, spelled as (text, parts).
ACCEPTED = [
    ("test_com", Reference("", "test_com")),
    ("test.com:tag", Reference("", "test.com", "tag")),
    ("test.com:5000", Reference("", "test.com", "5000")),
    ("test.com/repo:tag", Reference("test.com", "repo", "tag")),
    ("test:5000/repo", Reference("test:5000", "repo")),
    ("test:5000/repo:tag", Reference("test:5000", "repo", "tag")),
    (f"test:5000/repo@{DIGEST}", Reference("test:5000", "repo", "", DIGEST)),
    (f"test:5000/repo:tag@{DIGEST}", Reference("test:5000", "repo", "tag", DIGEST)),
    ("lowercase:Uppercase", Reference("", "lowercase", "Uppercase")),
    ("sub-dom1.foo.com/bar/baz/quux", Reference("sub-dom1.foo.com", "bar/baz/quux")),
    (
        "sub-dom1.foo.com/bar/baz/quux:some-long-tag",
        Reference("sub-dom1.foo.com", "bar/baz/quux", "some-long-tag"),
    ),
    (
        "b.gcr.io/test.example.com/my-app:test.example.com",
        Reference("b.gcr.io", "test.example.com/my-app", "test.example.com"),
    ),
    ("xn--n3h.com/myimage:xn--n3h.com", Reference("xn--n3h.com", "myimage", "xn--n3h.com")),
    ("foo_bar.com:8080", Reference("", "foo_bar.com", "8080")),
    ("foo/foo_bar.com:8080", Reference("", "foo/foo_bar.com", "8080")),
    ("192.168.1.1", Reference("", "192.168.1.1")),
    ("192.168.1.1:5050", Reference("", "192.168.1.1", "5050")),
    ("192.168.1.1:tag", Reference("", "192.168.1.1", "tag")),
    ("192.168.1.1/repo", Reference("192.168.1.1", "repo")),
    ("192.168.1.1:8080/repo", Reference("192.168.1.1:8080", "repo")),
    ("[2001:db8::1]/repo", Reference("[2001:db8::1]", "repo")),
    ("[2001:db8::1]:8080/repo", Reference("[2001:db8::1]:8080", "repo")),
    (f"[::1]:8080/repo:tag@{DIGEST}", Reference("[::1]:8080", "repo", "tag", DIGEST)),
    ("localhost/repo", Reference("localhost", "repo")),
    ("localhost:5000/repo", Reference("localhost:5000", "repo")),
    ("localhost", Reference("", "localhost")),
    ("Registry.Example.com/repo", Reference("Registry.Example.com", "repo")),
    ("Registry:5000/repo", Reference("Registry:5000", "repo")),
    ("library/nginx", Reference("", "library/nginx")),
    ("nginx", Reference("", "nginx")),
    ("docker.io/library/nginx:1.25", Reference("docker.io", "library/nginx", "1.25")),
    ("a/b/c/d/e/f/g", Reference("", "a/b/c/d/e/f/g")),
    ("foo--bar", Reference("", "foo--bar")),
    ("foo__bar.baz-qux", Reference("", "foo__bar.baz-qux")),
    ("repo:_", Reference("", "repo", "_")),
    ("repo:" + "t" * 128, Reference("", "repo", "t" * 128)),
    ("a" * 255, Reference("", "a" * 255)),
]

REFUSED = [
    ("", "is empty"),
    (" repo", "blanks around it"),
    ("repo\n", "blanks around it"),
    (":justtag", '"" is not a repository path component'),
    (f"@{DIGEST}", '"" is not a repository path component'),
    ("repo@sha256:ffffffffffffffffffffffffffffffffff", "a sha256 digest has 64 lower-case hex digits"),
    (f"repo@sha256:{HEX.upper()}", "a sha256 digest has 64 lower-case hex digits"),
    (f"validname@invaliddigest:{'f' * 128}", "only sha256 digests are supported"),
    (f"repo@sha512:{'f' * 128}", "only sha256 digests are supported"),
    ("repo@", "what follows the @ is not a digest"),
    ("repo@latest", "what follows the @ is not a digest"),
    (f"repo@{DIGEST}@{DIGEST}", "what follows the @ is not a digest"),
    (f"repo@{DIGEST}:tag", "what follows the @ is not a digest"),
    ("Uppercase:tag", '"Uppercase" is not a repository path component'),
    ("Uppercase/lowercase:tag", '"Uppercase" is not a repository path component'),
    ("Localhost/repo", '"Localhost" is not a repository path component'),
    ("test:5000/Uppercase/lowercase:tag", '"Uppercase" is not a repository path component'),
    ("repo:", "the tag must be 1 to 128"),
    ("repo:-tag", "the tag must be 1 to 128"),
    ("repo:.tag", "the tag must be 1 to 128"),
    ("repo:a b", "the tag must be 1 to 128"),
    ("repo:tág", "the tag must be 1 to 128"),
    ("repo:a:b", "the tag must be 1 to 128"),
    ("repo:" + "t" * 129, "the tag must be 1 to 128"),
    ("a" * 256, "the name is longer than 255"),
    ("r.io/" + "a/" * 125 + "a", "the name is longer than 255"),
    ("aa/asdf$$^/aa", '"asdf$$^" is not a repository path component'),
    ("-foo/bar", '"-foo" is not a repository path component'),
    ("foo/bar-", '"bar-" is not a repository path component'),
    ("foo//bar", '"" is not a repository path component'),
    ("foo/", '"" is not a repository path component'),
    ("/foo", '"" is not a repository path component'),
    ("foo..bar", '"foo..bar" is not a repository path component'),
    ("foo___bar", '"foo___bar" is not a repository path component'),
    ("foo._bar", '"foo._bar" is not a repository path component'),
    ("böse", '"böse" is not a repository path component'),
    ("..", '".." is not a repository path component'),
    ("-test.com/repo", '"-test.com" is not a host name'),
    ("test-.com/repo", '"test-.com" is not a host name'),
    ("test..com/repo", '"test..com" is not a host name'),
    ("test.com:/repo", '"test.com:" is not a host name'),
    ("test.com:port/repo", '"test.com:port" is not a host name'),
    ("test.com:123456/repo", '"test.com:123456" is not a host name'),
    ("user:password@test.com/repo", "what follows the @ is not a digest"),
    ("[fe80::1%eth0]/repo", '"[fe80::1%eth0]" is not a host name'),
    ("2001:db8::1/repo", '"2001:db8::1" is not a host name'),
    ("http://test.com/repo", '"http:" is not a host name'),
    ("https://test.com:5000/repo:tag", '"https:" is not a host name'),
]


@pytest.mark.parametrize(("text", "parts"), ACCEPTED, ids=[text[:60] for text, _ in ACCEPTED])
def test_a_reference_is_split_into_its_parts(text: str, parts: Reference) -> None:
    """An acceptable reference is read as registry, repository, tag and digest, and spelled back as typed."""
    assert parts == parse_reference(text)
    assert text == str(parse_reference(text))


@pytest.mark.parametrize(("text", "why"), REFUSED, ids=[repr(text[:60]) for text, _ in REFUSED])
def test_a_bad_reference_is_refused_with_what_is_wrong(text: str, why: str) -> None:
    """A reference that no registry could serve is refused, with the text and the part that is wrong."""
    with pytest.raises(InvalidError) as refused:
        parse_reference(text)

    assert why in str(refused.value)
    assert f'image reference "{text[:200]}"' in str(refused.value)


def test_the_message_stays_short_however_long_the_reference() -> None:
    """What is shown of a huge reference fits into a condition."""
    with pytest.raises(InvalidError) as refused:
        parse_reference("A" * 100_000)

    assert len(str(refused.value)) < 500


def test_a_reference_says_its_name_version_and_pinned_spelling() -> None:
    """Name leaves tag and digest out, version is digest before tag before latest, `at` pins as typed."""
    bare, tagged = parse_reference("nginx"), parse_reference("test:5000/a/b:v1")
    both = parse_reference(f"nginx:v1@{DIGEST}")

    assert ("nginx", "latest", f"nginx@{DIGEST}") == (bare.name, bare.version, bare.at(DIGEST))
    assert ("test:5000/a/b", "v1", f"test:5000/a/b@{DIGEST}") == (
        tagged.name,
        tagged.version,
        tagged.at(DIGEST),
    )
    assert ("nginx", DIGEST) == (both.name, both.version)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DIGEST, True),
        (DIGEST.upper(), False),
        (DIGEST[:-1], False),
        (DIGEST + "0", False),
        (DIGEST + "\n", False),
        (HEX, False),
        ("", False),
    ],
)
def test_only_a_full_sha256_digest_is_one(text: str, expected: bool) -> None:
    """A digest is "sha256:" and 64 lower-case hex digits, nothing less and nothing around it."""
    assert expected is is_digest(text)


@given(st.text() | st.text(alphabet=string.ascii_letters + string.digits + ":/@._-[]% \n", max_size=80))
def test_arbitrary_text_is_read_back_or_refused(text: str) -> None:
    """Whatever is typed, it is either spelled back exactly or refused with InvalidError."""
    try:
        reference = parse_reference(text)
    except InvalidError:
        return
    assert text == str(reference)


_WORD = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=6)
_PATH = st.lists(
    st.builds(
        lambda left, gap, right: f"{left}{gap}{right}",
        _WORD,
        st.sampled_from(["", ".", "_", "__", "-"]),
        _WORD,
    ),
    min_size=1,
    max_size=4,
).map("/".join)
_REGISTRY = st.sampled_from(
    ["", "localhost", "r.example", "R.Example:5000", "10.0.0.1", "[::1]:5000", "host:1"]
)
_TAG = st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True).filter(str.isascii)


@given(_REGISTRY, _PATH, _TAG, st.sampled_from(["", DIGEST]))
def test_every_reference_of_the_grammar_survives_a_round_trip(
    registry: str, path: str, tag: str, digest: str
) -> None:
    """A reference put together from good parts is read as those parts."""
    reference = Reference(registry, path, tag, digest)

    if not registry and ("." in path.partition("/")[0] and "/" in path):
        assert str(reference) == str(parse_reference(str(reference)))
    else:
        assert reference == parse_reference(str(reference))
