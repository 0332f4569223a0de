"""Certificates of what we serve: made here, and renewed long before they end.

Each serving certificate has a CA of its own, whose key is thrown away when it has signed: nothing that is
trusted can ever sign another. No other component is needed. Those of the webhook are in memory alone; those
of the image API are shared by its replicas (serving.sharing). Pure but for the making of keys; the clock
comes in. `serving.trust` makes the API server trust them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from imagestreams.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

VALID = dt.timedelta(days=90)
RENEWED_AFTER = dt.timedelta(days=30)
_SKEW = dt.timedelta(hours=1)
"""How far the API server's clock may be behind ours."""
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    InvalidSignature,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.InvalidVersion,
)


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """A serving certificate with its key, and the CA that has to be trusted; all PEM."""

    authority: bytes
    certificate: bytes
    key: bytes = dataclasses.field(repr=False)
    made: dt.datetime
    ends: dt.datetime


def names_of(service: str, namespace: str, listen: str) -> list[str]:
    """Give the names by which the API server may call what we serve behind a Service, listening at HOST:PORT.

    That of the Service, those of this machine, and the address that is listened at.
    """
    host = listen.rpartition(":")[0].strip("[]")
    own = [host] if host not in {"", "0.0.0.0", "::", "localhost", "127.0.0.1"} else []  # noqa: S104  # named, not bound
    return [f"{service}.{namespace}.svc", "localhost", "127.0.0.1", *own]


def issue(names: Sequence[str], now: dt.datetime) -> Identity:
    """Make a certificate for these host names and addresses, good for 90 days from now (an aware time)."""
    # A certificate has whole seconds, and what is read from it is compared with what was made.
    now = now.replace(microsecond=0)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    # Two CAs that are trusted at once must not have one name: a verifier may take the wrong one's key.
    serial = x509.random_serial_number()
    issuer = _name(f"imagestreams CA {serial:x}")
    authority = (
        _builder(issuer, issuer, authority_key.public_key(), serial, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name("imagestreams"), issuer, key.public_key(), x509.random_serial_number(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Identity(
        authority=authority.public_bytes(serialization.Encoding.PEM),
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=_pem(key),
        made=now,
        ends=now + VALID,
    )


def server_context() -> ssl.SSLContext:
    """Make a context to serve TLS with; it has no certificate yet (`serve`)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def serve(context: ssl.SSLContext, identity: Identity) -> None:
    """Have a context show this certificate to all who connect from now on."""
    with _as_file(identity.certificate + identity.key) as path:
        context.load_cert_chain(path)


def read_identity(
    authority: bytes, certificate: bytes, key: bytes, names: Sequence[str], now: dt.datetime
) -> Identity:
    """Read what somebody stored, if it can be served under these names now.

    Raises InvalidError, which says what is wrong with it and nothing of what is in it.
    """
    try:
        issuer = x509.load_pem_x509_certificate(authority)
        leaf = x509.load_pem_x509_certificate(certificate)
        known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        leaf.verify_directly_issued_by(issuer)
        private = serialization.load_pem_private_key(key, password=None)
        matches = private.public_key() == leaf.public_key()
    except _UNREADABLE:
        # What these say may quote what they could not read.
        raise InvalidError("holds no certificate with its key and the CA that signed it") from None
    if not matches:
        raise InvalidError("holds a certificate and the key of another")
    missing = [name for name in names if _alternative(name) not in known]
    if missing:
        raise InvalidError(f"holds a certificate that is not for {', '.join(missing)}")
    made, ends = leaf.not_valid_before_utc, min(leaf.not_valid_after_utc, issuer.not_valid_after_utc)
    if not max(made, issuer.not_valid_before_utc) <= now < ends:
        raise InvalidError(f"holds a certificate that is good from {made:%F %T} to {ends:%F %T} alone")
    found = Identity(
        authority=issuer.public_bytes(serialization.Encoding.PEM),
        certificate=leaf.public_bytes(serialization.Encoding.PEM),
        key=_pem(private),
        made=made + _SKEW,
        ends=ends,
    )
    try:
        serve(server_context(), found)
    except ssl.SSLError:
        raise InvalidError("holds a certificate that cannot be served (of a weak key, perhaps)") from None
    return found


def read_authority(authority: bytes) -> bytes:
    """Read a CA that somebody stored, as PEM and nothing else; empty where it is none."""
    try:
        return x509.load_pem_x509_certificate(authority).public_bytes(serialization.Encoding.PEM)
    except _UNREADABLE:
        return b""


class Certificates:
    """The certificate that is served, and the next one while it is being made known."""

    def __init__(self, names: Sequence[str], now: dt.datetime) -> None:
        self._names = tuple(names)
        self.context = server_context()
        self._current = self._serve(issue(self._names, now))
        self._next: Identity | None = None

    @property
    def bundle(self) -> bytes:
        """What has to be trusted: the CA of what is served and, before it is served, of what will be; PEM."""
        following = self._next.authority if self._next is not None else b""
        return self._current.authority + following

    @property
    def renewing(self) -> bool:
        """Tell whether a next certificate waits to be served."""
        return self._next is not None

    async def renew(self, now: dt.datetime) -> bool:
        """Make the next certificate, if it is time; it is in the bundle from now on, and not served yet."""
        # A clock that was set back must not keep a certificate for years.
        if self._next is not None or abs(now - self._current.made) < RENEWED_AFTER:
            return False
        self._next = issue(self._names, now)
        return True

    async def go_on(self) -> bool:
        """Serve the next certificate: to all who connect from now on. The one before is trusted no more."""
        if self._next is None:
            return False
        self._current, self._next = self._serve(self._next), None
        return True

    def _serve(self, identity: Identity) -> Identity:
        serve(self.context, identity)
        return identity


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give content a path for a moment, as `ssl` reads files alone: of memory where the system has that."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("certificate"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, serial: int, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
