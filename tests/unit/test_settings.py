"""The settings: read from the environment, told when they cannot be, and all listed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from imagestreams.errors import StartError
from imagestreams.settings import PREFIX, Settings, read_settings, settings_table

VARIABLES = [f"{PREFIX}{field.name.upper()}" for field in dataclasses.fields(Settings)]


def test_without_variables_all_is_at_its_default() -> None:
    """An empty environment, and one of other programs' variables, give the defaults."""
    assert Settings() == read_settings({}) == read_settings({"PATH": "/bin", "XIMAGESTREAMS_INTERVAL": "1"})
    assert (900.0, "0.0.0.0:8080", "") == (Settings().interval, Settings().listen, Settings().ca_file)


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_each_setting_is_read_from_its_variable(field: dataclasses.Field[object]) -> None:
    """A duration in seconds, a number, a text: each from IMAGESTREAMS_ and its name, and no other changes."""
    text, value = {float: ("90s", 90.0), int: ("7", 7), str: ("x", "x")}[type(field.default)]
    if choices := field.metadata.get("choices"):
        text = value = choices[-1]

    changed: dict[str, Any] = {field.name: value}

    assert dataclasses.replace(Settings(), **changed) == read_settings(
        {f"{PREFIX}{field.name.upper()}": text}
    )


def test_a_text_may_be_empty() -> None:
    """To listen nowhere is said by an empty text."""
    assert "" == read_settings({"IMAGESTREAMS_LISTEN": ""}).listen


@pytest.mark.parametrize(
    ("variable", "text", "why"),
    [
        ("IMAGESTREAMS_INTERVALL", "5m", "IMAGESTREAMS_INTERVALL is no setting; there are "),
        ("IMAGESTREAMS_", "x", "IMAGESTREAMS_ is no setting; there are "),
        ("IMAGESTREAMS_interval", "5m", "IMAGESTREAMS_interval is no setting; there are "),
        ("IMAGESTREAMS_INTERVAL", "often", 'IMAGESTREAMS_INTERVAL: "often" is not a duration'),
        ("IMAGESTREAMS_INTERVAL", "", 'IMAGESTREAMS_INTERVAL: "" is not a duration'),
        ("IMAGESTREAMS_INTERVAL", "0s", "IMAGESTREAMS_INTERVAL: 0s is less than a second"),
        ("IMAGESTREAMS_SWEEP_INTERVAL", "0s", "IMAGESTREAMS_SWEEP_INTERVAL: 0s is less than a second"),
        (
            "IMAGESTREAMS_IMPORT_MODE",
            "legacy",
            'IMAGESTREAMS_IMPORT_MODE: "legacy" is not Legacy or PreserveOriginal',
        ),
        ("IMAGESTREAMS_IMPORT_MODE", "", 'IMAGESTREAMS_IMPORT_MODE: "" is not Legacy or PreserveOriginal'),
        ("IMAGESTREAMS_KEEP", "0", "IMAGESTREAMS_KEEP: 0 is not between 1 and 1000"),
        ("IMAGESTREAMS_MAX_TAGS", "1001", "IMAGESTREAMS_MAX_TAGS: 1001 is not between 1 and 1000"),
        ("IMAGESTREAMS_KUBE_THREADS", "0", "IMAGESTREAMS_KUBE_THREADS: 0 is not between 1 and 1000"),
        ("IMAGESTREAMS_KUBE_THREADS", "-4", "IMAGESTREAMS_KUBE_THREADS: -4 is not between 1 and 1000"),
        ("IMAGESTREAMS_KUBE_THREADS", "1001", "IMAGESTREAMS_KUBE_THREADS: 1001 is not between 1 and 1000"),
        ("IMAGESTREAMS_KUBE_THREADS", "many", "IMAGESTREAMS_KUBE_THREADS: "),
        ("IMAGESTREAMS_KUBE_THREADS", "1.5", "IMAGESTREAMS_KUBE_THREADS: "),
        ("IMAGESTREAMS_KUBE_THREADS", "", "IMAGESTREAMS_KUBE_THREADS: "),
    ],
)
def test_a_setting_that_cannot_be_read_is_told(variable: str, text: str, why: str) -> None:
    """A misspelled name and a bad value are StartErrors that name the variable."""
    with pytest.raises(StartError) as refused:
        read_settings({variable: text})

    assert str(refused.value).startswith(why)


def test_a_misspelled_name_is_told_with_all_there_are() -> None:
    """The message lists every variable."""
    with pytest.raises(StartError) as refused:
        read_settings({"IMAGESTREAMS_X": ""})

    assert [] == [name for name in VARIABLES if name not in str(refused.value)]


@pytest.mark.parametrize(
    "variable",
    [
        "IMAGESTREAMS_SERVICE_HOST",
        "IMAGESTREAMS_SERVICE_PORT",
        "IMAGESTREAMS_SERVICE_PORT_HTTPS",
        "IMAGESTREAMS_PORT",
        "IMAGESTREAMS_PORT_443_TCP",
        "IMAGESTREAMS_PORT_443_TCP_ADDR",
        "IMAGESTREAMS_API_SERVICE_HOST",
        "IMAGESTREAMS_API_PORT_8443_TCP_PROTO",
    ],
)
def test_what_the_kubelet_adds_is_no_setting(variable: str) -> None:
    """The variables of a Service of our name in the namespace are passed over."""
    assert Settings() == read_settings({variable: "10.0.0.1"})


def test_the_table_lists_every_setting() -> None:
    """One row for each setting, with its variable, its default as one would write it, and what it is."""
    header, rule, *rows = settings_table().splitlines()

    assert "| variable | default | what it is |" == header
    assert "|---|---|---|" == rule
    assert [f"| `{name}` |" for name in VARIABLES] == [row[: row.index("|", 2) + 1] for row in rows]
    table = "\n".join(rows)
    assert "| `IMAGESTREAMS_INTERVAL` | `15m` | how often a scheduled tag" in table
    assert "| `IMAGESTREAMS_CA_FILE` | (empty) | " in table
    assert "| `IMAGESTREAMS_KUBE_THREADS` | `4` | " in table
    assert "``" not in table


def test_every_default_in_the_table_can_be_written() -> None:
    """What the table shows as a default is read as just that default."""
    rows = [row.split("|") for row in settings_table().splitlines()[2:]]
    shown = {row[1].strip(" `"): row[2].strip(" `").replace("(empty)", "") for row in rows}

    assert Settings() == read_settings(shown)
