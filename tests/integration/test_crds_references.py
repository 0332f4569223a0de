"""Image references at the API server: which are accepted, and with which words the others are refused.

The rows are the table of the original's own parser and what its grammar leaves open; the last test holds
the API server and the operator to one opinion.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import InvalidError
from imagestreams.model.reference import parse_reference
from support.admission import DIGEST, HEX, Admission, admission, stream, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localcluster import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def api(quiet_cluster: Cluster) -> Iterator[Admission]:
    """A namespace for the rows of this file."""
    with admission(quiet_cluster) as found:
        yield found


REFERENCES = [
    "foo",
    "foo:tag",
    f"sha256:{HEX}",
    f"foo@{DIGEST}",
    f"foo:tag@{DIGEST}",
    f"foo@sha384:{'a' * 96}",
    f"foo@sha512:{'a' * 128}",
    "bar/foo",
    "bar/foo:Tag_1.0-x",
    "bar/foo/baz/biz",
    f"bar/foo/baz@{DIGEST}",
    "bar:5000/foo/baz",
    "bar:5000/baz",
    f"bar:5000/foo/baz@{DIGEST}",
    "myregistry.io/foo",
    "localhost/bar",
    "localhost:5000",
    "localhost:5000/org",
    "quay.io",
    "QUAY.io/org",
    "Bar:5000/org",
    "[::1]:5000/org",
    "docker.io/user/project/my_app__x-y---z.w",
    f"bar:5000/{'a' * 63}/{'b' * 182}:tag",
    f"docker.io/{'b' * 245}:{'t' * 128}@{DIGEST}",
]


def test_every_reference_that_the_original_parses_is_accepted(api: Admission) -> None:
    """A stream whose tags name images in every form of the grammar is accepted whole."""
    tags = [tag(reference, tag_name=f"t{number}") for number, reference in enumerate(REFERENCES)]

    api.accepted(stream(*tags))


SCHEME = "remove the scheme"
HOST = 'what stands before the first "/" is not HOST or HOST:PORT'
LOWER_CASE = "repository name must be lowercase"
FORMAT = "invalid reference format: write [HOST[:PORT]/]PATH[:TAG][@DIGEST]"
TAG = 'after the ":" comes a tag of 1 to 128'
DIGEST_FORM = 'after the "@" comes a digest, "sha256:" and 64'
TOO_LONG = "may not have more than 255 characters"

BAD_REFERENCES = [
    (f"bar:5000/{'a' * 63}/{'b' * 183}:tag", TOO_LONG),
    (f"docker.io/{'b' * 246}:tag", TOO_LONG),
    ("b" * 256, TOO_LONG),
    ("registry.io/foo/bar/:Tag", FORMAT),
    ("https://bar:5000/foo/baz", SCHEME),
    (f"http://bar:5000/foo/baz@{DIGEST}", SCHEME),
    ("ftp://baz/baz/biz", SCHEME),
    ("docker://quay.io/org/app", SCHEME),
    ("registry:3000/integration/imageStream:success", LOWER_CASE),
    ("Foo/bar", LOWER_CASE),
    ("Localhost/bar", LOWER_CASE),
    ("foo/Bar", LOWER_CASE),
    ("Foo", LOWER_CASE),
    ("quay.io/Foo:1", LOWER_CASE),
    ("registry:5000/integration/test@sha256:00000000000000000000000000000001", DIGEST_FORM),
    ("abc@badid", DIGEST_FORM),
    ("index.docker.io/mysql@sha256:bad", DIGEST_FORM),
    (f"foo@sha256:{HEX.upper()}", DIGEST_FORM),
    (f"foo@{HEX}", DIGEST_FORM),
    (f"foo@md5:{'a' * 32}", DIGEST_FORM),
    (f"foo@{DIGEST}@{DIGEST}", DIGEST_FORM),
    ("foo@", DIGEST_FORM),
    (f"@{DIGEST}", FORMAT),
    (":tag", FORMAT),
    ("bar/foo/baz////biz", FORMAT),
    ("//foo/baz/biz", FORMAT),
    ("foo/", FORMAT),
    ("/foo", FORMAT),
    ("foo bar", FORMAT),
    (" foo", FORMAT),
    ("foo ", FORMAT),
    ("föö", FORMAT),
    ("foo/-bar", FORMAT),
    ("foo/bar.", FORMAT),
    ("foo___bar", FORMAT),
    ("foo._bar", FORMAT),
    ("foo:bar:baz", TAG),
    ("foo:", TAG),
    ("foo:.tag", TAG),
    ("foo:-tag", TAG),
    ("quay.io/foo:a b", TAG),
    (f"foo:{'t' * 129}", TAG),
    ("bar:port/foo", HOST),
    ("bar:999999/foo", HOST),
    ("a..b/foo", HOST),
    (".b/foo", HOST),
    ("-a.b/foo", HOST),
    ("a-.b/foo", HOST),
    ("a_b.c/foo", HOST),
    ("user@quay.io/foo", DIGEST_FORM),
]


def test_every_reference_that_does_not_parse_is_refused_for_its_own_reason(api: Admission) -> None:
    """Each bad reference of a stream is named with its field, its tag, its text and the reason."""
    tags = [tag(reference, tag_name=f"t{number}") for number, (reference, _) in enumerate(BAD_REFERENCES)]

    said = api.refused(stream(*tags))

    lines = _complaints(said)
    for number, (reference, reason) in enumerate(BAD_REFERENCES):
        shown = f'tag "t{number}": "{reference}"'
        about = [line for line in lines[number] if shown in line and reason in line]
        assert len(about) == 1, (reference, reason, lines[number])


def _complaints(said: str) -> dict[int, list[str]]:
    """What kubectl complains of, by the number of the tag in spec.tags."""
    found: dict[int, list[str]] = {}
    for part in re.split(r"(?:^|\n)\* ", said)[1:]:
        number = re.match(r"spec\.tags\[(\d+)\]\.from\.name: ", part)
        assert number, part
        found.setdefault(int(number[1]), []).append(part)
    return found


def test_the_api_server_and_the_operator_agree_on_references(api: Admission) -> None:
    """Admission refuses what the operator cannot parse, no more and no less, in 1,500 texts."""
    chance = random.Random(20)
    pieces = [
        *"aZ0.-_:/@[]",
        "foo",
        "quay.io",
        "localhost",
        ":5000",
        "/",
        "__",
        "--",
        ":tag",
        f"@{DIGEST}",
        " ",
    ]
    references = ["".join(chance.choices(pieces, k=length)) for length in (1, 2, 3, 4, 5) for _ in range(300)]
    expected = {number for number, reference in enumerate(references) if not _parses(reference)}
    tags = [tag(reference, tag_name=f"t{number}") for number, reference in enumerate(references)]

    refused = set(_complaints(api.refused(stream(*tags))))

    assert [references[number] for number in sorted(expected ^ refused)] == []
    assert len(references) - len(expected) > 100, "some of them have to parse"


def _parses(reference: str) -> bool:
    try:
        parse_reference(reference)
    except InvalidError:
        return False
    return True
