"""What Secrets, service accounts and ConfigMaps say of how registries are asked, and all together. Pure.

Used by watching.intake and watching.store as they are seen, and by imageapi.accesses for one import.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imagestreams.errors import InvalidError
from imagestreams.model import annotation_keys, border
from imagestreams.registry.access import Access
from imagestreams.registry.authorities import NO_BUNDLE, CaBundle, parse_bundle
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON, parse_secret
from imagestreams.registry.rules import NO_RULES, UNREAD_RULES, Rules, parse_rules

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from imagestreams.registry.credentials import Login

DEFAULT_ACCOUNT = "default"
"""The service account whose linked pull secrets come first."""
PULL_SECRETS = (TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG)
"""The types of Secrets that are read."""
RULES_KEY = "registries.yaml"


@dataclasses.dataclass(frozen=True, slots=True)
class PullSecret:
    """What a pull secret holds, or what is wrong with it."""

    logins: tuple[Login, ...] = ()
    problem: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class RegistriesConfig:
    """What a ConfigMap `imagestreams-registries` says."""

    bundle: CaBundle = NO_BUNDLE
    rules: Rules = NO_RULES


def read_pull_secret(body: Any) -> PullSecret | None:
    """Read what a pull secret says of hosts and credentials; None for a Secret of another type."""
    raw = border.mapping(body)
    type_ = border.text(raw.get("type"))
    if type_ not in PULL_SECRETS:
        return None
    if is_excluded(raw):
        return PullSecret()
    name = border.text(border.mapping(raw.get("metadata")).get("name"))
    try:
        return PullSecret(parse_secret(name, type_, border.mapping(raw.get("data"))))
    except InvalidError as error:
        return PullSecret(problem=str(error))


def read_linked(body: Any) -> tuple[str, ...]:
    """Read the names of the pull secrets that are linked to a service account."""
    links = border.items(border.mapping(body).get("imagePullSecrets"))
    return tuple(border.text(border.mapping(link).get("name")) for link in links)


def read_config(
    body: Any, *, own_namespace: str, before: RegistriesConfig | None = None
) -> tuple[RegistriesConfig, list[str]]:
    """Read a ConfigMap of CAs and, in the operator's own namespace, rules; and say what is wrong with it.

    Rules that cannot be read leave those in force that were read before; without any, nothing is asked:
    nothing is allowed by a slip.
    """
    raw = border.mapping(body)
    data = dict(border.mapping(raw.get("data")))
    text = border.text(data.pop(RULES_KEY, ""))
    own = border.mapping(raw.get("metadata")).get("namespace") == own_namespace
    bundle, problems = parse_bundle(data)
    rules, told = before.rules if before is not None else UNREAD_RULES, list(problems)
    try:
        rules = parse_rules(text) if own else NO_RULES
    except InvalidError as error:
        held = (
            "no registry is asked until it can be" if rules.unread else "the rules from before stay in force"
        )
        told.append(f"key {RULES_KEY}: {error}; {held}")
    if text and not own:
        told.append(f"key {RULES_KEY} counts in namespace {own_namespace} only")
    return RegistriesConfig(bundle, rules), told


def assemble(
    secrets: Mapping[str, PullSecret],
    linked: Container[str],
    configs: Mapping[str, RegistriesConfig],
    *,
    own_namespace: str,
) -> Access:
    """Say what a namespace has to ask with: its pull secrets by name, those that are linked first.

    `configs` are by namespace: its own, and that of `own_namespace`, whose rules count for all.
    """
    ordered = sorted(secrets, key=lambda name: (name not in linked, name))
    own = configs.get(own_namespace, RegistriesConfig())
    return Access(
        logins=tuple(login for name in ordered for login in secrets[name].logins),
        unread=tuple(secret.problem for secret in secrets.values() if secret.problem),
        bundles=tuple(config.bundle for config in configs.values()),
        rules=own.rules,
    )


def is_excluded(secret: Mapping[str, Any]) -> bool:
    """Tell whether a Secret's owner keeps it back from pulls, by the original's annotation."""
    notes = border.mapping(border.mapping(secret.get("metadata")).get("annotations"))
    return notes.get(annotation_keys.EXCLUDED) == "true"
