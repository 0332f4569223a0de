"""TLS, good and bad, as a client meets it."""

import contextlib
import socket
from pathlib import Path

import pytest
import requests

from support.faults import Authority, Certificates, FaultRegistry
from support.waiting import eventually


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make one authority for the tests of this file."""
    return Authority(tmp_path_factory.mktemp("authority"))


def test_good_certificate(authority: Authority) -> None:
    """A client that trusts the authority pulls by address and by name, and the key is for its owner alone."""
    certificates = authority.good()
    assert certificates.key_file.stat().st_mode & 0o777 == 0o600
    trusted = str(authority.ca_file)
    with FaultRegistry(tls=certificates) as registry:
        registry.put_image("team/app", "1")
        manifest = requests.get(f"{registry.url}/v2/team/app/manifests/1", verify=trusted, timeout=2)
        assert manifest.status_code == 200
        port = registry.host.rpartition(":")[2]
        assert requests.get(f"https://localhost:{port}/v2/", verify=trusted, timeout=2).status_code == 200


def test_bearer_over_tls(authority: Authority) -> None:
    """With TLS the realm of the challenge is https too."""
    with FaultRegistry(tls=authority.good(), auth="bearer") as registry:
        answer = requests.get(f"{registry.url}/v2/", verify=str(authority.ca_file), timeout=2)
        assert f'realm="https://{registry.token_host}/token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("variant", "trusted", "reason"),
    [
        ("good", False, "self-signed certificate in certificate chain|unable to get local issuer"),
        ("expired", True, "certificate has expired"),
        ("wrong_name", True, "IP address mismatch|doesn't match"),
    ],
    ids=["untrusted", "expired", "wrong-name"],
)
def test_bad_certificates(authority: Authority, variant: str, trusted: bool, reason: str) -> None:
    """A client refuses each bad certificate for its own reason; the record is a handshake."""
    certificates: Certificates = getattr(authority, variant)()
    with FaultRegistry(tls=certificates) as registry:
        with pytest.raises(requests.exceptions.SSLError, match=reason):
            requests.get(f"{registry.url}/v2/", verify=str(authority.ca_file) if trusted else True, timeout=2)
        eventually(lambda: registry.count(kind="handshake") == 1, within=2, every=0.01, what="a record")
        assert registry.count() == 1


def test_plain_http_on_a_tls_port(authority: Authority) -> None:
    """Plain HTTP to a TLS port is answered 400, as Go's servers do."""
    with FaultRegistry(tls=authority.good()) as registry:
        answer = requests.get(f"http://{registry.host}/v2/", timeout=2)
        assert (answer.status_code, answer.text) == (400, "Client sent an HTTP request to an HTTPS server.")
        assert registry.count(kind="handshake") == 1


def test_tls_on_a_plain_port() -> None:
    """TLS to a plain port fails in the client, and the server goes on."""
    with FaultRegistry() as registry:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"https://{registry.host}/v2/", timeout=2)
        assert registry.count(kind="handshake") == 1
        assert requests.get(f"{registry.url}/v2/", timeout=2).status_code == 200


def test_stop_waits_for_nobody(authority: Authority) -> None:
    """A registry with TLS stops while one client idles and another never began its handshake."""
    with FaultRegistry(tls=authority.good()) as registry, requests.Session() as idle:
        assert idle.get(f"{registry.url}/v2/", verify=str(authority.ca_file), timeout=2).status_code == 200
        port = int(registry.host.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=2) as mute:
            registry.stop()
            # Reset, where the server had not come to accept it yet.
            with contextlib.suppress(ConnectionResetError):
                assert mute.recv(1) == b""
        with pytest.raises(requests.ConnectionError):
            idle.get(f"{registry.url}/v2/", verify=str(authority.ca_file), timeout=2)


def test_each_authority_is_its_own(tmp_path: Path, authority: Authority) -> None:
    """A certificate of another authority is not trusted."""
    with (
        FaultRegistry(tls=Authority(tmp_path).good()) as registry,
        pytest.raises(requests.exceptions.SSLError),
    ):
        requests.get(f"{registry.url}/v2/", verify=str(authority.ca_file), timeout=2)
