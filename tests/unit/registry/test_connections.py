"""registry.connections: which pool a request's connection comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from imagestreams.registry.connections import BoundedAdapter
from imagestreams.registry.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(name="adapter")
def _adapter() -> Iterator[BoundedAdapter]:
    """Make one that keeps the pools of two hosts."""
    adapter = BoundedAdapter(Watchdog(), ca_file="", rest=60.0, pool_connections=2)
    yield adapter
    adapter.close()


def pool(adapter: BoundedAdapter, url: str, *, verify: bool = True, proxies: Any = None) -> Any:
    """Give the pool that a GET of an address takes its connection from."""
    request = requests.Request("GET", url).prepare()
    return adapter.get_connection_with_tls_context(request, verify, proxies=proxies)


def test_a_host_has_one_pool(adapter: BoundedAdapter) -> None:
    """Whatever is asked of a host, and however often: it is the same pool."""
    first = pool(adapter, "https://a.example:5000/v2/x/manifests/1")
    assert [first] * 3 == [pool(adapter, f"https://a.example:5000/v2/y{n}/manifests/2") for n in range(3)]


@pytest.mark.parametrize(
    ("url", "verify", "proxies"),
    [
        ("https://a.example:5001/v2/", True, None),
        ("http://a.example:5000/v2/", True, None),
        ("https://a.example:5000/v2/", False, None),
        ("https://a.example:5000/v2/", True, {"https": "http://proxy.example:3128"}),
    ],
)
def test_what_differs_has_another_pool(
    adapter: BoundedAdapter, url: str, verify: bool, proxies: dict[str, str] | None
) -> None:
    """Another port or scheme, no verification, a proxy: never the pool of the one that verifies directly."""
    for _ in range(2):
        trusted = pool(adapter, "https://a.example:5000/v2/")
        assert trusted is not pool(adapter, url, verify=verify, proxies=proxies)


def test_a_pool_that_was_given_up_for_others_is_made_anew(adapter: BoundedAdapter) -> None:
    """Of three hosts by turns each gets an open pool, though two are kept."""
    for _ in range(3):
        for host in ("a", "b", "c"):
            assert pool(adapter, f"https://{host}.example/v2/").pool is not None


def test_the_pool_that_is_used_is_kept(adapter: BoundedAdapter) -> None:
    """The one that goes is the one that was used longest ago."""
    first = pool(adapter, "https://a.example/v2/")
    for host in ("b", "c", "d"):
        pool(adapter, f"https://{host}.example/v2/")
        assert first is pool(adapter, "https://a.example/v2/")
