"""Malformed pull secrets, CAs and rules: told by name, and nothing of them shown."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from imagestreams.errors import InvalidError
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON, parse_secret
from imagestreams.registry.rules import Rules, parse_rules
from support.malformed import malformed, mangled
from unit.fuzz.counts import seeds
from unit.watching.world import World, secret

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN = "hunter2-hunter2"
AUTHS: Mapping[str, Any] = {
    "r.io": {"username": "ana", "password": HIDDEN},
    "https://index.docker.io/v1/": {"auth": base64.b64encode(f"ana:{HIDDEN}".encode()).decode()},
    "*.example.com/team": {"identitytoken": HIDDEN},
}
RULES = """
registrySources:
  allowedRegistries: [docker.io, "*.example.com"]
  insecureRegistries: ["r.io:5000"]
imageMirrors:
  - source: docker.io/library
    mirrors: [r.io/hub]
    mirrorSourcePolicy: NeverContactSource
"""


def broken(seed: int) -> tuple[str, dict[str, Any]]:
    """Make a malformed secret's type and data."""
    chance = random.Random(seed)
    type_ = chance.choice((TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG))
    content = {"auths": AUTHS} if type_ == TYPE_DOCKERCONFIGJSON else AUTHS
    if chance.random() < 0.7:
        text = json.dumps(malformed(seed, content)).encode()
    else:
        text = mangled(seed, json.dumps(content).encode())
    key = ".dockerconfigjson" if type_ == TYPE_DOCKERCONFIGJSON else ".dockercfg"
    data: dict[str, Any] = {key: base64.b64encode(text).decode()}
    return type_, data if chance.random() < 0.8 else malformed(seed + 1, data)


def read(seed: int) -> str:
    """Read a malformed secret; give what is wrong with it, "" where nothing is."""
    type_, data = broken(seed)
    try:
        logins = parse_secret("pull", type_, data)
    except InvalidError as error:
        return str(error)
    assert HIDDEN not in repr(logins)
    return ""


def test_a_secret_is_read_or_told() -> None:
    """Either credentials come out or one clear error; never another exception, never a password in words."""
    told = [problem for seed in seeds() if (problem := read(seed))]
    assert len(told) > len(seeds()) / 20
    for problem in told:
        assert problem.startswith('secret "pull"')
        assert HIDDEN not in problem
        assert base64.b64encode(HIDDEN.encode()).decode()[:12] not in problem


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_broken_secret_is_told_on_itself_and_spoils_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each that cannot be read has an Event; the good one of the namespace is used; nothing is shown."""
    world = World()
    world.intake.secret_seen(secret("good", name="good"))
    expected = set()
    for seed in seeds():
        type_, data = broken(seed)
        body = secret("x", name=f"bad-{seed}") | {"type": type_, "data": data}
        world.intake.secret_seen(body)
        try:
            parse_secret(f"bad-{seed}", type_, data if isinstance(data, dict) else {})
        except InvalidError:
            expected.add(f"bad-{seed}")

    assert expected == {name for _, name, _, _, _ in world.complaints}
    assert "good" in {login.credential.username for login in world.store.access("shop").logins}
    assert HIDDEN not in caplog.text
    assert HIDDEN not in str(world.complaints)


def test_rules_are_read_or_told() -> None:
    """Mangled YAML is rules, or one error that says where."""
    for seed in seeds():
        # Cut, for the library is slow at brackets.
        text = mangled(seed, RULES.encode()).decode(errors="replace")[:400]
        with contextlib.suppress(InvalidError):
            assert isinstance(parse_rules(text), Rules)


@pytest.mark.asyncio
@pytest.mark.looptime
async def test_a_broken_config_map_changes_no_rule() -> None:
    """Whatever the ConfigMap becomes, the rules in force are those that could be read last."""
    world = World()
    meta = {"namespace": world.store.own_namespace, "name": "imagestreams-registries", "uid": "c"}
    world.intake.config_seen(
        {"metadata": meta | {"resourceVersion": "1"}, "data": {"registries.yaml": RULES}}
    )
    before = world.store.access("shop").rules
    assert before == parse_rules(RULES)
    for version, seed in enumerate(seeds(), start=2):
        data = malformed(seed, {"registries.yaml": "{", "ca.crt": "x", "r.io..5000": "y"})
        if "registries.yaml" not in data or not isinstance(data["registries.yaml"], str):
            continue
        world.intake.config_seen({"metadata": meta | {"resourceVersion": str(version)}, "data": data})
        with contextlib.suppress(InvalidError):
            before = parse_rules(data["registries.yaml"])
        assert before == world.store.access("shop").rules
