"""A certificate authority of the installation's own, and the certificates of brokers and console from it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.runtime.secrets import write_private

_VALID = timedelta(days=400)


def certificates(folder: Path, hosts: Sequence[str], console: Sequence[str] = ()) -> None:
    """Make ca.pem and broker.pem (key and certificate for `hosts`) unless they exist; for `console` console.pem too.

    The authority's private key is never written: it signs once and is gone.
    """
    if (folder / "broker.pem").exists():
        return
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("SLT Relay local authority")
    root = _certificate(issuer, authority.public_key(), issuer)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    (folder / "ca.pem").write_text(_pem(root.sign(authority, hashes.SHA256())), encoding="utf-8")
    write_private(folder / "broker.pem", _leaf(hosts, issuer, authority))
    if console:
        write_private(folder / "console.pem", _leaf(console, issuer, authority))


def _leaf(hosts: Sequence[str], issuer: x509.Name, authority: ec.EllipticCurvePrivateKey) -> str:
    """A new key and its certificate for these hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate(_name(hosts[0]), key.public_key(), issuer)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return private + _pem(leaf.sign(authority, hashes.SHA256()))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)  # noqa: TID251  # a certificate is valid by the wall clock; no rule reads it
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + _VALID)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
