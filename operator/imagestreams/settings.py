"""The one list of the operator's settings: names, types, defaults, and what they mean.

Read once from the environment by __main__; docs/settings.md is generated from it (`imagestreams settings`).
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imagestreams.errors import InvalidError, StartError
from imagestreams.model.duration import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "IMAGESTREAMS_"
# What the kubelet adds for a Service named imagestreams or imagestreams-something.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_\w+)?$")


def _setting(default: str, meaning: str) -> str:
    text: str = dataclasses.field(default=default, metadata={"meaning": meaning})
    return text


def _choice(default: str, *others: str, meaning: str) -> str:
    text: str = dataclasses.field(
        default=default, metadata={"meaning": meaning, "choices": (default, *others)}
    )
    return text


def _duration(default: str, meaning: str) -> float:
    seconds: float = dataclasses.field(
        default=parse_duration(default), metadata={"meaning": meaning, "default": default}
    )
    return seconds


def _number(default: int, meaning: str) -> int:
    number: int = dataclasses.field(default=default, metadata={"meaning": meaning})
    return number


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, at its default unless said otherwise."""

    interval: float = _duration(
        "15m", "how often a scheduled tag is asked for, unless an annotation says otherwise"
    )
    import_mode: str = _choice(
        "Legacy",
        "PreserveOriginal",
        meaning="how a tag without importPolicy.importMode is imported: Legacy or PreserveOriginal",
    )
    keep: int = _number(50, "how many items of a tag's history are kept, unless an annotation says otherwise")
    max_tags: int = _number(
        50, "how many tags of a spec.dockerImageRepository are followed, unless an annotation says otherwise"
    )
    ca_file: str = _setting(
        "", "a PEM file of CAs to trust for registries, in place of the system's and Mozilla's"
    )
    namespace: str = _setting(
        "imagestreams-system", "the operator's own, whose ConfigMap imagestreams-registries counts for all"
    )
    listen: str = _setting("0.0.0.0:8080", "where /healthz, /readyz and /metrics are served; empty: nowhere")
    webhook_listen: str = _setting(
        "", "where the admission webhook is served, with TLS, such as 0.0.0.0:9443; empty: nowhere"
    )
    api_listen: str = _setting(
        "0.0.0.0:8443", "where `imagestreams apiserver` serves the image API, with TLS"
    )
    api_service: str = _setting(
        "imagestreams-api:443",
        "the Service, NAME:PORT in the operator's namespace, by which the API server finds the image API",
    )
    connect_timeout: float = _duration("5s", "how long connecting to a registry may take")
    read_timeout: float = _duration("10s", "how long a registry may be silent")
    request_timeout: float = _duration("30s", "how long one request to a registry may take in all")
    registry_threads: int = _number(32, "how many registries' answers are waited for at once")
    registry_share: int = _number(8, "how many of them of one registry, and how many for one namespace")
    kube_threads: int = _number(
        4, "how many writes of statuses are under way at once, and how many of workloads"
    )
    writes_per_second: int = _number(200, "how many statuses are written a second at the most")
    sweep_interval: float = _duration("10m", "how often everything is listed, to find what a watch missed")
    image_grace: float = _duration("1h", "how long an Image that no history names any more is kept")
    kinds: str = _setting(
        "",
        "further kinds of workloads that follow tags, beside Kubernetes' own: GROUP/VERSION/PLURAL, with "
        ":PATH where the pod spec is not at spec.template.spec, separated by commas, such as "
        "argoproj.io/v1alpha1/rollouts",
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_format: str = _setting("text", "text, or json: one object a line")


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read settings from variables such as IMAGESTREAMS_INTERVAL.

    Raises StartError for a value that cannot be read and for a variable of our prefix that is no
    setting: a misspelled setting would otherwise silently be the default.
    """
    fields = {f"{PREFIX}{field.name.upper()}": field for field in dataclasses.fields(Settings)}
    values: dict[str, str | int | float] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or _SERVICE_LINK.search(variable):
            continue
        field = fields.get(variable)
        if field is None:
            raise StartError(f"{variable} is no setting; there are {', '.join(sorted(fields))}")
        try:
            values[field.name] = _read(text, field.default, field.metadata.get("choices", ()))
        except (InvalidError, ValueError) as error:
            raise StartError(f"{variable}: {error}") from None
    return Settings(**values)  # type: ignore[arg-type]  # each value has its own field's type, by _read


def _read(text: str, default: object, choices: tuple[str, ...]) -> str | int | float:
    if choices and text not in choices:
        raise InvalidError(f'"{text[:40]}" is not {" or ".join(choices)}')
    if isinstance(default, float):
        seconds = parse_duration(text)
        if seconds < 1:
            raise InvalidError(f"{text} is less than a second")
        return seconds
    if isinstance(default, int):
        number = int(text)
        if not 1 <= number <= 1000:
            raise InvalidError(f"{number} is not between 1 and 1000")
        return number
    return text


def settings_table() -> str:
    """Describe all settings as a Markdown table, for docs/settings.md."""
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for field in dataclasses.fields(Settings):
        default = field.metadata.get("default", field.default)
        lines.append(f"| `{PREFIX}{field.name.upper()}` | `{default or ''}` | {field.metadata['meaning']} |")
    return "\n".join(lines).replace("`` |", "(empty) |") + "\n"
