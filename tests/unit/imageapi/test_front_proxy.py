"""Who asks (imageapi.front_proxy): only the API server's own certificate is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagestreams.errors import InvalidError
from imagestreams.imageapi.asking import User
from imagestreams.imageapi.front_proxy import authenticate, common_name, read_config

CA = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
HEADERS = [
    ("X-Remote-User", "ann"),
    ("X-Remote-Group", "devs"),
    ("X-Remote-Group", "system:authenticated"),
    ("X-Remote-Extra-Scopes.example%2Fa", "read"),
    ("X-Remote-Extra-Scopes.example%2Fa", "write"),
    ("X-Remote-Uid", "42"),
    ("X-Other", "no"),
]


def config(**data: Any) -> dict[str, Any]:
    """Write the ConfigMap as the API server does."""
    told = {
        "requestheader-client-ca-file": CA,
        "requestheader-allowed-names": json.dumps(["front-proxy-client"]),
        "requestheader-username-headers": json.dumps(["X-Remote-User"]),
        "requestheader-group-headers": json.dumps(["X-Remote-Group"]),
        "requestheader-extra-headers-prefix": json.dumps(["X-Remote-Extra-"]),
        "requestheader-uid-headers": json.dumps(["X-Remote-Uid"]),
    }
    return {"data": told | data}


def test_the_headers_say_who_asks() -> None:
    """Name, groups, uid and extra, whose keys are escaped in the header's name."""
    expected = User(
        "ann",
        groups=("devs", "system:authenticated"),
        extra=(("scopes.example/a", ("read", "write")),),
        uid="42",
    )
    assert expected == authenticate(read_config(config()), "front-proxy-client", HEADERS)


@pytest.mark.parametrize("name", [None, "", "somebody", "system:admin"])
def test_nobody_else_is_believed(name: str | None) -> None:
    """Without a certificate, or with one of another name, the headers mean nothing."""
    assert authenticate(read_config(config()), name, HEADERS) is None


def test_without_names_every_certificate_of_the_ca_is_believed() -> None:
    """As Kubernetes has it: an empty list of names does not restrict."""
    proxy = read_config(config(**{"requestheader-allowed-names": "[]"}))
    assert authenticate(proxy, "anything", HEADERS) is not None
    assert authenticate(proxy, None, HEADERS) is None


def test_without_a_name_nobody_asks() -> None:
    """Groups alone are nobody."""
    assert authenticate(read_config(config()), "front-proxy-client", HEADERS[1:]) is None


@pytest.mark.parametrize("data", [{}, {"requestheader-client-ca-file": ""}, None])
def test_an_api_server_that_cannot_delegate_is_told_how(data: Any) -> None:
    """Without the CA nobody can be believed: the flag that is missing is named."""
    with pytest.raises(InvalidError, match="--requestheader-client-ca-file"):
        read_config({"data": data})


def test_the_common_name_is_found_in_the_subject() -> None:
    """In what Python's ssl tells of a certificate; none without one."""
    told = {"subject": ((("organizationName", "o"),), (("commonName", "front-proxy-client"),))}
    assert "front-proxy-client" == common_name(told)
    assert common_name(None) is None
    assert common_name({}) is None
