"""The registry client against registries by three hands, its digests compared with crane's.

They are distribution (open and with users), crane's own registry, and the tests' own with bearer tokens.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import subprocess
from typing import TYPE_CHECKING, Literal

import pytest

from imagestreams.errors import NotFoundError, RegistryError, UnauthorizedError
from imagestreams.model.reference import parse_reference
from imagestreams.registry.client import RegistryClient
from imagestreams.registry.credentials import Credential
from imagestreams.registry.manifests import Platform
from imagestreams.registry.names import place_of
from imagestreams.registry.question import Question
from imagestreams.registry.transport import Transport
from localcluster import Publisher, Registry, binaries, certificates, packages
from localcluster import images as builder
from localcluster.ports import LOOPBACK, free_port
from localcluster.probing import status
from support.faults import FaultRegistry
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from localcluster.images import Manifest

HERE, ELSEWHERE = Platform("linux", "amd64"), Platform("linux", "arm64")
USER, PASSWORD = "puller", "a-password"
FORMATS: tuple[Literal["oci", "docker"], ...] = ("oci", "docker")


@dataclasses.dataclass(frozen=True, slots=True)
class Served:
    """A registry that runs: where, how an image gets there, and who may pull."""

    address: str
    push: Callable[[str, str, Manifest], str]
    credential: Credential | None = None
    crane: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What crane's environment needs to pull."""

    def question(self, rest: str, platform: Platform | None = HERE) -> Question:
        """Ask for a repository with its tag or digest."""
        reference = parse_reference(f"{self.address}/{rest}")
        return Question(reference, place_of(reference), platform, insecure=True, credential=self.credential)

    def crane_digest(self, rest: str, *options: str) -> str:
        """Ask crane."""
        command = [str(binaries.binary("crane")), "digest", *options, f"{self.address}/{rest}"]
        environment = {**os.environ, **self.crane}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


MAKES = [
    "distribution",
    "distribution with users",
    "distribution 2.8",
    "distribution 2.8 with users",
    "crane",
    "bearer",
]


@pytest.fixture(params=MAKES)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """Each of the registries in turn."""
    binaries.ensure(["crane"], print)
    with contextlib.ExitStack() as ends:
        if request.param == "bearer":
            fault = ends.enter_context(FaultRegistry(auth="bearer", users={USER: PASSWORD}))
            yield Served(fault.host, _storing(fault), *_login(fault.host, tmp_path))
        elif request.param == "crane":
            address = ends.enter_context(_crane_registry(tmp_path))
            yield Served(address, ends.enter_context(Publisher(address)).push)
        elif request.param.endswith("with users"):
            registry = ends.enter_context(Registry(users={USER: PASSWORD}, program=_program(request.param)))
            publisher = ends.enter_context(Publisher(registry.address, user=USER, password=PASSWORD))
            yield Served(registry.address, publisher.push, *_login(registry.address, tmp_path))
        else:
            registry = ends.enter_context(Registry(program=_program(request.param)))
            yield Served(registry.address, ends.enter_context(Publisher(registry.address)).push)


@pytest.fixture
def client() -> RegistryClient:
    """A client that has asked nothing yet."""
    return RegistryClient(Transport(user_agent="test"))


def test_digests_are_those_that_crane_finds(served: Served, client: RegistryClient) -> None:
    """Images and indexes of both formats resolve to crane's digests, by tag and by digest."""
    for image_format in FORMATS:
        children = [
            builder.image(
                {"f": builder.File(b"one of several")},
                platform=builder.Platform(platform.architecture),
                image_format=image_format,
            )
            for platform in (ELSEWHERE, HERE)
        ]
        alone = builder.image({"f": builder.File(b"alone")}, image_format=image_format)
        served.push("team/app", f"{image_format}-one", alone)
        served.push("team/app", f"{image_format}-many", builder.index(children, image_format=image_format))
        one, many = f"team/app:{image_format}-one", f"team/app:{image_format}-many"

        digest = served.crane_digest(one)
        assert digest == client.resolve(served.question(one)).digest
        assert digest == client.resolve(served.question(f"team/app@{digest}")).digest
        assert digest == client.resolve(served.question(one, None)).digest
        for platform in (HERE, ELSEWHERE):
            expected = served.crane_digest(many, "--platform", str(platform))
            assert expected == client.resolve(served.question(many, platform)).digest
        whole = served.crane_digest(many)
        assert whole == client.resolve(served.question(many, None)).digest
        assert whole == client.resolve(served.question(f"team/app@{whole}", None)).digest


def test_a_tag_that_moves_is_seen_at_the_next_question(served: Served, client: RegistryClient) -> None:
    """The same question after a push has the new answer, and after a push back the old one."""
    for content in (b"first", b"second", b"first"):
        pushed = served.push("team/app", "moving", builder.image({"f": builder.File(content)}))
        assert pushed == client.resolve(served.question("team/app:moving")).digest


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("team/app:none", 'there is no tag "none"'),
        ("team/none:1", "there is no such repository"),
        (f"team/app@sha256:{'0' * 64}", f'there is no image "sha256:{"0" * 64}"'),
    ],
    ids=["tag", "repository", "digest"],
)
def test_what_is_missing_is_told_apart(
    served: Served, client: RegistryClient, missing: str, told: str
) -> None:
    """A missing tag, repository and digest are each NotFound and told as what they are."""
    served.push("team/app", "1", builder.image({"f": builder.File(b"there")}))
    with pytest.raises(NotFoundError) as raised:
        client.resolve(served.question(missing))
    where = missing.partition("@")[0].partition(":")[0]
    assert f"registry {served.address}, repository {where}: {told}" in str(raised.value)


def test_an_index_without_our_platform_is_not_found(served: Served, client: RegistryClient) -> None:
    """An index that lacks the platform is NotFound, with the platforms there are."""
    children = [
        builder.image({"f": builder.File(b"far")}, platform=builder.Platform(name)) for name in ("s390x",)
    ]
    served.push("team/app", "far", builder.index(children))
    with pytest.raises(NotFoundError, match="has no image for linux/amd64; it has linux/s390x"):
        client.resolve(served.question("team/app:far"))


@pytest.mark.parametrize(
    "served", ["distribution with users", "distribution 2.8 with users", "bearer"], indirect=True
)
def test_who_may_not_pull_is_told_what_to_do(served: Served, client: RegistryClient) -> None:
    """No credential and a wrong one are told apart, and a right one beside the wrong one serves."""
    pushed = served.push("team/app", "1", builder.image({"f": builder.File(b"private")}))
    question = served.question("team/app:1")
    wrong = Credential("old-secret", USER, "not-the-password")
    with pytest.raises(UnauthorizedError, match="it wants a credential, and no pull secret"):
        client.resolve(dataclasses.replace(question, credential=None))
    with pytest.raises(UnauthorizedError, match='it refused the credential of secret "old-secret"') as raised:
        client.resolve(dataclasses.replace(question, credential=wrong))
    assert "not-the-password" not in str(raised.value)
    assert pushed == client.resolve(question).digest


@pytest.mark.parametrize("served", ["distribution", "distribution 2.8", "crane"], indirect=True)
def test_an_open_registry_does_not_mind_a_credential(served: Served, client: RegistryClient) -> None:
    """A pull secret that an open registry has no use for is in nobody's way."""
    pushed = served.push("team/app", "1", builder.image({"f": builder.File(b"open")}))
    needless = Credential("needless", "nobody", "nothing")
    answer = client.resolve(dataclasses.replace(served.question("team/app:1"), credential=needless))
    assert pushed == answer.digest


@pytest.mark.parametrize("make", ["distribution", "distribution 2.8"])
def test_tls_is_verified_with_the_authority_given(tmp_path: Path, make: str) -> None:
    """A certificate is trusted with its CA, refused without, and not looked at where insecure."""
    authority = certificates.Authority(tmp_path, "ca")
    pair = authority.issue("registry", common_name="registry", hosts=(LOOPBACK, "localhost"))
    with Registry(tls=pair, program=_program(make)) as registry:
        with Publisher(registry.address, verify=str(authority.files.certificate)) as publisher:
            pushed = publisher.push("team/app", "1", builder.image({"f": builder.File(b"secured")}))
        reference = parse_reference(f"{registry.address}/team/app:1")
        question = Question(reference, place_of(reference), HERE)
        knowing = Transport(user_agent="test", ca_file=str(authority.files.certificate))
        assert pushed == RegistryClient(knowing).resolve(question).digest
        with pytest.raises(RegistryError, match="its certificate is not trusted"):
            RegistryClient(Transport(user_agent="test")).resolve(question)
        careless = dataclasses.replace(question, insecure=True)
        assert pushed == RegistryClient(Transport(user_agent="test")).resolve(careless).digest


def _program(make: str) -> Path | None:
    if "2.8" not in make:
        return None
    return packages.extracted("docker-registry", "usr/bin/docker-registry", print)


def _login(address: str, folder: Path) -> tuple[Credential, Mapping[str, str]]:
    """Give the credential as a question has it, and as crane's environment has it."""
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": auth}}}))
    return Credential("pull-secret", USER, PASSWORD), {"DOCKER_CONFIG": str(folder)}


def _storing(registry: FaultRegistry) -> Callable[[str, str, Manifest], str]:
    def push(repository: str, tag: str | None, manifest: Manifest) -> str:
        for blob in manifest.blobs:
            registry.put_blob(repository, blob)
        for child in manifest.children:
            push(repository, None, child)
        return registry.put_manifest(repository, tag, manifest.content, manifest.media_type)

    return push


@contextlib.contextmanager
def _crane_registry(folder: Path) -> Iterator[str]:
    """Run crane's registry, which keeps everything in memory; the answer is its address."""
    address = f"{LOOPBACK}:{free_port()}"
    command = [str(binaries.binary("crane")), "registry", "serve", f"--address={address}"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            eventually(lambda: status(f"http://{address}/v2/") == 200, within=20, what="crane's registry")
            yield address
        finally:
            process.terminate()
