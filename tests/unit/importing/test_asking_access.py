"""The way of one question over mirrors and credentials, by real clients and registries over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import Reason
from imagestreams.importing import keyring
from imagestreams.importing.asking import Asker
from imagestreams.importing.gate import Gate
from imagestreams.importing.plan import Ask
from imagestreams.importing.record import Failed, Imported
from imagestreams.importing.threads import Threads
from imagestreams.metrics import Metrics
from imagestreams.model.status import Intent
from imagestreams.registry.access import Access
from imagestreams.registry.client import RegistryClient
from imagestreams.registry.credentials import Credential, Login
from imagestreams.registry.manifests import OCI_MANIFEST, Platform
from imagestreams.registry.rules import parse_rules
from imagestreams.registry.transport import Transport
from support.faults import FaultRegistry, Status
from unit.registry.hardening import scripted_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from imagestreams.importing.record import Outcome
    from unit.registry.hardening import Script

MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
pytestmark = pytest.mark.asyncio


class Asking:
    """An asker with a real client."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.keyring = asker.keyring

    async def outcome(
        self, registry: FaultRegistry | str, access: Access, rest: str = "a/b:v1", namespace: str = "shop"
    ) -> Outcome:
        """Ask for a reference at a registry."""
        host = registry if isinstance(registry, str) else registry.host
        intent = Intent("DockerImage", f"{host}/{rest}", insecure=True)
        outcome, _ = await self._asker.ask(namespace, Ask("tag", intent), access)
        return outcome

    async def image(self, registry: FaultRegistry, access: Access, rest: str = "a/b:v1") -> str:
        """Ask for a reference that is there."""
        outcome = await self.outcome(registry, access, rest)
        assert isinstance(outcome, Imported), outcome
        return outcome.image

    async def failure(self, registry: FaultRegistry, access: Access, rest: str = "a/b:v1") -> Failed:
        """Ask for a reference that fails."""
        outcome = await self.outcome(registry, access, rest)
        assert isinstance(outcome, Failed), outcome
        return outcome


@contextlib.asynccontextmanager
async def _asking() -> AsyncIterator[Asking]:
    transport = Transport(user_agent="test")
    client = RegistryClient(transport)
    with contextlib.closing(transport), contextlib.closing(Threads(8)) as threads:
        yield Asking(
            Asker(
                client.resolve,
                client.tags,
                threads,
                gate=Gate(total=8, share=8),
                platform=Platform("linux", "amd64"),
                metrics=Metrics(),
            )
        )


def having(registry: FaultRegistry, passwords: Mapping[str, str], path: str = "") -> Access:
    """Make the access of a namespace with these secrets, each for the registry's user with a password."""
    return Access(
        tuple(
            Login(registry.host, path, Credential(secret, registry.username, password))
            for secret, password in passwords.items()
        )
    )


def passwords_sent(registry: FaultRegistry) -> list[bool]:
    """Tell of each password that was shown to the registry whether it was right."""
    return [record.right for record in registry.requests if record.right is not None]


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_after_a_refused_credential_the_next_is_tried(auth: str) -> None:
    """The right password beside wrong ones serves, and from then on it is the one that is sent."""
    with FaultRegistry(auth="basic" if auth == "basic" else "bearer") as registry:
        digest = registry.put_image("a/b", "v1")
        access = having(registry, {"a": "wrong", "b": "wrong too", "c": registry.password})
        async with _asking() as asking:
            assert digest == await asking.image(registry, access)
            assert 2 == passwords_sent(registry).count(False)
            registry.reset()
            assert digest == await asking.image(registry, access)

        assert False not in passwords_sent(registry)
        assert 1 == registry.count("manifest-head")


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_refused_password_is_sent_once(auth: str) -> None:
    """Fifty questions of a host with a wrong password send it once, and each is told the same of its own."""
    with FaultRegistry(auth="basic" if auth == "basic" else "bearer") as registry:
        access = having(registry, {"pull": "wrong"})
        async with _asking() as asking:
            rests = [f"team/app-{number}:v1" for number in range(50)]
            failures = await asyncio.gather(*(asking.failure(registry, access, rest) for rest in rests))

        assert 1 == passwords_sent(registry).count(False)
        assert {Reason.UNAUTHORIZED} == {failure.reason for failure in failures}
        for rest, failure in zip(rests, failures, strict=True):
            assert failure.message.startswith(f"{registry.host}/{rest}: registry {registry.host}, ")
            assert 'it refused the credential of secret "pull"' in failure.message


async def test_a_corrected_password_is_sent_at_once() -> None:
    """The memory of a refusal is of that password, not of the secret."""
    with FaultRegistry(auth="basic") as registry:
        digest = registry.put_image("a/b", "v1")
        async with _asking() as asking:
            await asking.failure(registry, having(registry, {"pull": "wrong"}))

            assert digest == await asking.image(registry, having(registry, {"pull": registry.password}))


@pytest.mark.parametrize("auth", ["basic", "bearer"])
@pytest.mark.parametrize("mended", [True, False])
async def test_who_asks_by_hand_hears_it_anew(
    auth: str, monkeypatch: pytest.MonkeyPatch, *, mended: bool
) -> None:
    """A password that the registry knows by now serves at once; one that is still wrong is sent once more."""
    monkeypatch.setattr(keyring, "_HEARD_LATELY", 0.0)
    with FaultRegistry(auth="basic" if auth == "basic" else "bearer") as registry:
        digest = registry.put_image("a/b", "v1")
        access = having(registry, {"pull": "of tomorrow"})
        async with _asking() as asking:
            await asking.failure(registry, access)
            if mended:
                registry.change_password(registry.username, "of tomorrow")
            registry.reset()
            refused = await asking.failure(registry, access)
            assert False not in passwords_sent(registry)
            asking.keyring.forget_refusals([f"{registry.host}/a/b:v1", "no reference"], access)
            outcomes = [await asking.outcome(registry, access) for _ in range(3)]

        if mended:
            assert {digest} == {each.image for each in outcomes if isinstance(each, Imported)}
            assert False not in passwords_sent(registry)
        else:
            assert [refused] * 3 == outcomes
            assert 1 == passwords_sent(registry).count(False)


async def test_a_script_that_asks_by_hand_again_and_again_locks_no_account() -> None:
    """What was refused a moment ago is not sent anew, however often somebody imports."""
    with FaultRegistry(auth="basic") as registry:
        registry.put_image("a/b", "v1")
        access = having(registry, {"pull": "wrong"})
        async with _asking() as asking:
            for _ in range(5):
                asking.keyring.forget_refusals([f"{registry.host}/a/b:v1"], access)
                await asking.failure(registry, access)
        assert 1 == passwords_sent(registry).count(False)


async def test_a_public_image_is_pulled_though_the_password_is_wrong() -> None:
    """After all that fit, it is asked for without a credential."""
    with FaultRegistry(auth="bearer") as registry:
        registry.make_public("a/b")
        digest = registry.put_image("a/b", "v1")
        async with _asking() as asking:
            assert digest == await asking.image(registry, having(registry, {"pull": "wrong"}))


def _hiding(seen: list[str], *, lists: bool) -> Script:
    """Answer as a registry that knows two users and hides a repository, or only its tag, from the first."""
    stranger, member = (Credential("", name, "password").basic for name in ("stranger", "member"))
    digest = {"Docker-Content-Digest": DIGEST, "Content-Type": OCI_MANIFEST}

    def answer(method: str, path: str, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        if authorization not in {stranger, member}:
            return 401, {"WWW-Authenticate": 'Basic realm="x"'}, b""
        seen.append("member" if authorization == member else "stranger")
        if path.endswith("tags/list?n=1"):
            return (200 if lists else 404), {}, b"{}"
        if authorization == stranger:
            return 404, {}, b""
        return 200, digest, b"" if method == "HEAD" else MANIFEST

    return answer


@pytest.mark.parametrize(("lists", "asked"), [(False, {"stranger", "member"}), (True, {"stranger"})])
async def test_404_is_an_answer_only_where_it_shows_a_right(lists: bool, asked: set[str]) -> None:
    """404 to who may not list the repository does not prove that it is missing: the next is tried."""
    seen: list[str] = []
    with scripted_server(_hiding(seen, lists=lists)) as host:
        access = Access(
            tuple(Login(host, "", Credential(name, name, "password")) for name in ("stranger", "member"))
        )
        async with _asking() as asking:
            outcome = await asking.outcome(host, access)

    assert asked == set(seen)
    if lists:
        assert isinstance(outcome, Failed)
        assert 'there is no tag "v1" (asked with the credential of secret "stranger")' in outcome.message
    else:
        assert isinstance(outcome, Imported)
        assert DIGEST == outcome.image


async def test_an_open_registry_is_not_asked_once_for_each_credential() -> None:
    """Who is not asked for a credential gets the same answer with each."""
    with FaultRegistry() as registry:
        access = having(registry, dict.fromkeys("abc", "any"))
        async with _asking() as asking:
            await asking.failure(registry, access, "no/such:v1")

        assert 1 == registry.count("manifest-head")


async def test_namespaces_share_what_they_ask_with_the_same_credential() -> None:
    """Ten namespaces, some with more secrets than others, that ask at the same time cost one HEAD."""
    with FaultRegistry(auth="basic") as registry:
        digest = registry.put_image("a/b", "v1")
        good = having(registry, {"pull": registry.password})
        more = having(registry, {"another": "wrong", "pull": registry.password})
        async with _asking() as asking:
            await asking.outcome(registry, good)
            registry.reset()
            outcomes = await asyncio.gather(
                *(
                    asking.outcome(registry, more if number % 2 else good, namespace=f"n{number}")
                    for number in range(10)
                )
            )

        assert {digest} == {outcome.image for outcome in outcomes if isinstance(outcome, Imported)}
        assert 1 == registry.count("manifest-head")


async def test_secrets_that_cannot_be_read_are_told_where_none_fits() -> None:
    """Unauthorized names the broken secret, for that may be the one that was meant."""
    with FaultRegistry(auth="basic") as registry:
        registry.put_image("a/b", "v1")
        access = Access(
            unread=('secret "pull": .dockerconfigjson is not the JSON that `docker login` writes',)
        )
        async with _asking() as asking:
            failure = await asking.failure(registry, access)

        assert "no pull secret of the namespace fits" in failure.message
        assert 'Not used: secret "pull": .dockerconfigjson is not the JSON' in failure.message


async def test_a_blocked_registry_is_not_contacted() -> None:
    """What the cluster's rules forbid is Forbidden, with the rule."""
    with FaultRegistry() as registry:
        registry.put_image("a/b", "v1")
        access = Access(rules=parse_rules("registrySources: {blockedRegistries: [127.0.0.1]}"))
        async with _asking() as asking:
            failure = await asking.failure(registry, access)

        assert Reason.FORBIDDEN == failure.reason
        assert '"127.0.0.1" is blocked by the rules of this cluster (blockedRegistries)' in failure.message
        assert [] == registry.requests


def mirrored(source: FaultRegistry, *mirrors: FaultRegistry, policy: str = "AllowContactingSource") -> Access:
    """Make rules by which registries are mirrors of another, and all may be asked over plain HTTP."""
    names = ", ".join(f"{mirror.host}/copy" for mirror in mirrors)
    return Access(
        rules=parse_rules(
            f"imageMirrors: [{{source: {source.host}, mirrors: [{names}], mirrorSourcePolicy: {policy}}}]\n"
            "registrySources: {insecureRegistries: [127.0.0.1]}"
        )
    )


async def test_a_mirror_is_asked_first_and_never_recorded() -> None:
    """What the mirror has is imported, under the name that the user wrote; the source is not asked."""
    with FaultRegistry() as source, FaultRegistry() as mirror:
        digest = mirror.put_image("copy/a/b", "v1")
        async with _asking() as asking:
            outcome = await asking.outcome(source, mirrored(source, mirror))

        assert isinstance(outcome, Imported)
        assert (f"{source.host}/a/b@{digest}", digest) == (outcome.pull_spec, outcome.image)
        assert [] == source.requests


async def test_after_mirrors_that_fail_the_source_is_asked() -> None:
    """Mirrors that are down or do not have it are passed over, in their order."""
    with FaultRegistry() as source, FaultRegistry() as down, FaultRegistry() as empty:
        digest = source.put_image("a/b", "v1")
        down.fail(Status(503))
        async with _asking() as asking:
            assert digest == await asking.image(source, mirrored(source, down, empty))

        assert (1, 1, 1) == tuple(each.count("manifest-head") for each in (down, empty, source))


async def test_where_all_fail_the_source_is_told_and_the_mirrors_beside_it() -> None:
    """The reason is the source's; what each mirror answered is added."""
    with FaultRegistry() as source, FaultRegistry() as mirror:
        mirror.fail(Status(503))
        async with _asking() as asking:
            failure = await asking.failure(source, mirrored(source, mirror))

        assert Reason.NOT_FOUND == failure.reason
        assert f"registry {source.host}, repository a/b: there is no such repository" in failure.message
        assert f"Asked before it: {source.host}/a/b:v1: registry {mirror.host}, repository copy/a/b: " in (
            failure.message
        )


async def test_a_source_that_is_never_contacted_is_not() -> None:
    """With NeverContactSource the mirror's failure is the answer."""
    with FaultRegistry() as source, FaultRegistry() as mirror:
        source.put_image("a/b", "v1")
        async with _asking() as asking:
            failure = await asking.failure(source, mirrored(source, mirror, policy="NeverContactSource"))

        assert f"registry {mirror.host}, repository copy/a/b: there is no such repository" in failure.message
        assert [] == source.requests


async def test_a_tags_own_policy_does_not_make_a_mirror_insecure() -> None:
    """importPolicy.insecure is for the registry that the user named; for mirrors the rules decide."""
    with FaultRegistry() as source, FaultRegistry() as mirror:
        digest = source.put_image("a/b", "v1")
        mirror.put_image("copy/a/b", "v1")
        rules = parse_rules(f"imageMirrors: [{{source: {source.host}, mirrors: [{mirror.host}/copy]}}]")
        async with _asking() as asking:
            assert digest == await asking.image(source, Access(rules=rules))

        assert 0 == mirror.count("manifest-head")
