"""What Secrets, service accounts and ConfigMaps say of how registries are asked. Pure.

Read by watching.intake as they are seen, and by imageapi.accesses for one import; put together by
watching.store.
"""

from __future__ import annotations

from typing import Any

from imagestreams.errors import InvalidError
from imagestreams.model import annotation_keys, border
from imagestreams.registry.authorities import parse_bundle
from imagestreams.registry.credentials import TYPE_DOCKERCFG, TYPE_DOCKERCONFIGJSON, parse_secret
from imagestreams.registry.rules import NO_RULES, UNREAD_RULES, parse_rules
from imagestreams.watching.store import PullSecret, RegistriesConfig

DEFAULT_ACCOUNT = "default"
"""The service account whose linked pull secrets come first."""
PULL_SECRETS = (TYPE_DOCKERCONFIGJSON, TYPE_DOCKERCFG)
"""The types of Secrets that are read."""
RULES_KEY = "registries.yaml"


def is_pull_secret(body: Any) -> bool:
    """Tell whether a Secret is one that pulls may use: of the right type, and not excluded by annotation."""
    raw = border.mapping(body)
    return border.text(raw.get("type")) in PULL_SECRETS and not _excluded(raw)


def read_pull_secret(body: Any) -> PullSecret | None:
    """Read what a pull secret says of hosts and credentials; None for a Secret of another type."""
    raw = border.mapping(body)
    type_ = border.text(raw.get("type"))
    if type_ not in PULL_SECRETS:
        return None
    if _excluded(raw):
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


def _excluded(secret: dict[str, Any]) -> bool:
    notes = border.mapping(border.mapping(secret.get("metadata")).get("annotations"))
    return notes.get(annotation_keys.EXCLUDED) == "true"
