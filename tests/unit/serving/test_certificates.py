"""Certificates of our own: who trusts the CA trusts the name, and renewal leaves no moment without trust."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from imagestreams.serving.certificates import RENEWED_AFTER, VALID, Certificates, issue, names_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ["imagestreams-webhook.imagestreams-system.svc", "127.0.0.1"]
NOW = dt.datetime.now(dt.UTC)


@contextlib.asynccontextmanager
async def serving(certificates: Certificates) -> AsyncIterator[int]:
    """Serve TLS with what is served now; gives the port."""

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=certificates.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def trusts(bundle: bytes, port: int, name: str) -> bool:
    """Tell whether a client that trusts these CAs alone accepts the server under a name."""
    context = ssl.create_default_context(cadata=bundle.decode())
    # What Python 3.13 and Go check by themselves.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    except ssl.SSLCertVerificationError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


@pytest.mark.asyncio
async def test_it_is_trusted_under_its_names_alone() -> None:
    """A client that has the CA accepts the Service's name and the address, and no other name."""
    certificates = Certificates(NAMES, NOW)
    async with serving(certificates) as port:
        assert [True, True, False] == [
            await trusts(certificates.bundle, port, name) for name in (*NAMES, "localhost")
        ]
        assert not await trusts(Certificates(NAMES, NOW).bundle, port, NAMES[0])


@pytest.mark.asyncio
async def test_a_renewal_leaves_no_gap() -> None:
    """The next CA is in the bundle before its certificate is served, and the last one until then."""
    certificates = Certificates(NAMES, NOW)
    async with serving(certificates) as port:
        before = certificates.bundle
        await certificates.renew(NOW + RENEWED_AFTER - dt.timedelta(seconds=1))
        assert (before, False) == (certificates.bundle, certificates.renewing)

        await certificates.renew(NOW + RENEWED_AFTER)
        both = certificates.bundle
        assert both.startswith(before)
        assert 2 == both.count(b"BEGIN CERTIFICATE")
        assert [True, True] == [await trusts(bundle, port, NAMES[0]) for bundle in (before, both)]
        await certificates.renew(NOW + RENEWED_AFTER * 2)
        assert both == certificates.bundle

        assert await certificates.go_on()
        after = certificates.bundle
        assert both == before + after
        # The one that is served now is valid from an hour before its making, a month ahead.
        assert [False, False] == [await trusts(bundle, port, NAMES[0]) for bundle in (before, both)]
        assert not certificates.renewing


@pytest.mark.asyncio
async def test_the_next_certificate_is_trusted_by_who_has_both() -> None:
    """Once it is served, a client that was given both CAs accepts it."""
    certificates = Certificates(NAMES, NOW - RENEWED_AFTER)
    async with serving(certificates) as port:
        before = certificates.bundle
        await certificates.renew(NOW)
        both = certificates.bundle
        assert await trusts(both, port, NAMES[0])
        assert await certificates.go_on()
        assert [False, True, True] == [
            await trusts(bundle, port, NAMES[0]) for bundle in (before, both, certificates.bundle)
        ]


@pytest.mark.asyncio
async def test_a_clock_that_was_set_back_renews_too() -> None:
    """A certificate that was made in what is now the future is replaced."""
    certificates = Certificates(NAMES, NOW)
    await certificates.renew(NOW - RENEWED_AFTER - dt.timedelta(seconds=1))

    assert certificates.renewing


def test_a_certificate_is_good_for_long_and_signs_nothing() -> None:
    """It outlives its renewal by two months, and neither its key nor anybody's can sign another."""
    identity = issue(NAMES, NOW)
    leaf, authority = (
        x509.load_pem_x509_certificate(each) for each in (identity.certificate, identity.authority)
    )

    assert leaf.not_valid_after_utc - NOW > VALID - dt.timedelta(seconds=1)
    assert dt.timedelta(days=60) <= VALID - RENEWED_AFTER
    assert leaf.not_valid_before_utc < NOW
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.subject == leaf.issuer
    assert leaf.public_key() != authority.public_key()
    assert b"PRIVATE" not in repr(identity).encode()


def test_no_key_is_left_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A key is on no disk where the system has files of memory, and nowhere for long where it has none."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    Certificates(NAMES, NOW)
    assert [] == list(tmp_path.iterdir())

    monkeypatch.delattr(os, "memfd_create")
    Certificates(NAMES, NOW)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("listen", "own"),
    [
        ("0.0.0.0:9443", []),
        ("[::]:9443", []),
        (":9443", []),
        ("127.0.0.1:9443", []),
        ("localhost:9443", []),
        ("192.0.2.7:9443", ["192.0.2.7"]),
        ("[2001:db8::7]:9443", ["2001:db8::7"]),
        ("webhook.example:9443", ["webhook.example"]),
    ],
)
def test_the_names_are_those_it_may_be_called_by(listen: str, own: list[str]) -> None:
    """The Service in its namespace, this machine, and the address it listens at."""
    expected = ["imagestreams-webhook.tools.svc", "localhost", "127.0.0.1", *own]

    assert expected == names_of("imagestreams-webhook", "tools", listen)
    assert issue(expected, NOW).certificate
