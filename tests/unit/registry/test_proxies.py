"""Proxies: what the environment says is obeyed, for registries and for token realms, and so is NO_PROXY."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from imagestreams.errors import RegistryError, UnreachableError
from support.faults import ClosedPort, FaultRegistry, Redirect
from support.proxy import ForwardProxy
from unit.registry.asking import Client, ask, right
from unit.registry.exchanging import get, trouble, url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.faults import Authority

_NAME = "registry.test:5000"
_VARIABLES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower() in _VARIABLES:
            monkeypatch.delenv(name)


@pytest.fixture
def proxy(registry: FaultRegistry) -> Iterator[ForwardProxy]:
    """A proxy that alone knows the registry by a name."""
    with ForwardProxy(names={_NAME: registry.host}) as made:
        yield made


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_plain_registry_is_asked_through_the_proxy(
    registry: FaultRegistry, proxy: ForwardProxy, stranger: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The proxy gets the whole address and resolves the name; the answer comes as it is."""
    monkeypatch.setenv(name, f"http://{proxy.host}")
    registry.put_image("a/b", "v1")
    client = Client(stranger)
    answer = get(client, f"http://{_NAME}/v2/a/b/manifests/v1")
    head = get(client, f"http://{_NAME}/v2/a/b/manifests/v1", "HEAD")
    client.close()

    assert registry.digest("a/b", "v1") == answer.headers["Docker-Content-Digest"]
    assert registry.digest("a/b", "v1") == head.headers["Docker-Content-Digest"]
    assert [("GET", _NAME), ("HEAD", _NAME)] == proxy.asked


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_tls_registry_is_asked_through_a_tunnel(
    secure: FaultRegistry, authority: Authority, stranger: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """CONNECT opens one tunnel for all requests, and TLS within it is the registry's own, verified."""
    secure.put_image("a/b", "v1")
    with ForwardProxy() as proxy:
        monkeypatch.setenv(name, f"http://{proxy.host}")
        client, strict = Client(authority.ca_file), Client(stranger)
        answers = [get(client, url(secure), "HEAD") for _ in range(3)]
        distrust = trouble(strict, url(secure))
        client.close()
        strict.close()

    assert [200] * 3 == [answer.status for answer in answers]
    assert str(distrust).startswith("its certificate is not trusted: ")
    assert [("CONNECT", secure.host)] * 3 == proxy.asked, "a tunnel for who trusts, two tries of who does not"


def test_each_scheme_has_its_proxy(
    registry: FaultRegistry, secure: FaultRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY is not for plain HTTP, and HTTP_PROXY not for TLS."""
    registry.put_image("a/b", "v1")
    secure.put_image("a/b", "v1")
    with ForwardProxy() as plain, ForwardProxy() as tunnels:
        monkeypatch.setenv("HTTP_PROXY", f"http://{plain.host}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{tunnels.host}")
        client = Client(authority.ca_file)
        get(client, url(registry))
        get(client, url(secure))
        client.close()

    assert [("GET", registry.host)] == plain.asked
    assert [("CONNECT", secure.host)] == tunnels.asked


@pytest.mark.parametrize(
    "exempt",
    ["127.0.0.1", "127.0.0.0/8", "elsewhere.test, 127.0.0.1", "*"],
    ids=["address", "network", "list", "all"],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_is_exempt_is_asked_directly(
    registry: FaultRegistry,
    proxy: ForwardProxy,
    *,
    stranger: Path,
    monkeypatch: pytest.MonkeyPatch,
    exempt: str,
    name: str,
) -> None:
    """NO_PROXY names addresses and networks; what it names goes by no proxy."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    monkeypatch.setenv(name, exempt)
    registry.put_image("a/b", "v1")
    client = Client(stranger)
    answer = get(client, url(registry))
    client.close()

    assert (200, []) == (answer.status, proxy.asked)


@pytest.mark.parametrize("exempt", ["registry.test", ".test", "test", "registry.test:5000"])
def test_a_name_that_is_exempt_is_resolved_here(
    proxy: ForwardProxy, stranger: Path, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """NO_PROXY names hosts and domains, with a dot before them or not."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    monkeypatch.setenv("NO_PROXY", exempt)
    client = Client(stranger)
    error = trouble(client, f"http://{_NAME}/v2/a/b/manifests/v1")
    client.close()

    assert ("its host name does not resolve", []) == (str(error), proxy.asked)


@pytest.mark.parametrize("exempt", ["10.0.0.0/8", "elsewhere.test", "ry.test", "registry.test:443", ""])
def test_what_is_not_exempt_goes_by_the_proxy(
    registry: FaultRegistry, proxy: ForwardProxy, stranger: Path, monkeypatch: pytest.MonkeyPatch, exempt: str
) -> None:
    """Another network, host or port in NO_PROXY changes nothing, nor does half of a name."""
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    monkeypatch.setenv("NO_PROXY", exempt)
    registry.put_image("a/b", "v1")
    client = Client(stranger)
    answer = get(client, f"http://{_NAME}/v2/a/b/manifests/v1")
    client.close()

    assert (200, [("GET", _NAME)]) == (answer.status, proxy.asked)


def test_the_token_realm_is_asked_through_the_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag behind a token is imported through tunnels alone, to the registry and to its realm."""
    with ForwardProxy() as proxy, FaultRegistry(auth="bearer", tls=authority.good()) as registry:
        registry.put_image("a/b", "v1")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        client = Client(authority.ca_file)
        digest = client.digest(ask(registry, credential=right(registry), insecure=False))
        client.close()

        assert registry.digest("a/b", "v1") == digest
        assert {("CONNECT", registry.host)} == set(proxy.asked)
        assert 1 == registry.count("token")


def test_a_redirect_is_followed_through_the_proxy(
    registry: FaultRegistry, proxy: ForwardProxy, stranger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a registry redirects to is asked by what the environment says of that host."""
    with FaultRegistry() as storage:
        storage.put_image("a/b", "v1")
        registry.fail(Redirect(storage.url))
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        client = Client(stranger)
        digest = client.digest(ask(registry))
        client.close()

        assert storage.digest("a/b", "v1") == digest
        assert {registry.host, storage.host} == {target for _, target in proxy.asked}


def test_a_login_is_for_the_proxy_alone(
    registry: FaultRegistry, secure: FaultRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user and password of a proxy's address open the proxy; no registry sees them."""
    registry.put_image("a/b", "v1")
    secure.put_image("a/b", "v1")
    with ForwardProxy(login="someone:secret-xyz") as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://someone:secret-xyz@{proxy.host}")
        client = Client(authority.ca_file)
        answers = [get(client, url(one)) for one in (registry, secure)]
        client.close()

    assert [200, 200] == [answer.status for answer in answers]
    assert ["", ""] == [record.scheme for record in (*registry.requests, *secure.requests)]


def test_a_proxy_that_wants_another_login_is_told_without_it(
    secure: FaultRegistry, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnel that is refused is a failure to reach the registry; its words hold no password."""
    with ForwardProxy(login="someone:right") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:secret-xyz@{proxy.host}")
        client = Client(authority.ca_file)
        error = trouble(client, url(secure))
        with pytest.raises(RegistryError) as told:
            client.digest(ask(secure, insecure=False))
        client.close()

    assert ("the proxy gives no way to it (it answered 407)", UnreachableError) == (str(error), type(error))
    assert "secret-xyz" not in str(told.value)
    assert [] == secure.requests


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_down_is_told(stranger: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Nothing is asked past a proxy that does not answer, and it is the proxy that nothing listens for."""
    with ClosedPort() as closed, FaultRegistry() as registry:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{closed.host}")
        client = Client(stranger)
        error = trouble(client, f"{scheme}://{registry.host}/v2/")
        client.close()

        assert ("the proxy cannot be reached", UnreachableError) == (str(error), type(error))
        assert [] == registry.requests
