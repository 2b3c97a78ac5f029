"""XML signatures: ours on what we write, a partner's against the certificates that are registered for it.

A key that came with the alert proves nothing, so it is never trusted. Exactly one signature, by one reference to the
whole alert, with pinned algorithms; and only the element that the verifier returns as signed is read on, so that an
alert wrapped around or beside a signed one has no effect (reliability.md, security part).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, load_pem_x509_certificate, load_pem_x509_certificates
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from services.core.cap.dictionary import SIGNATURE_NAMESPACE
from services.core.cap.findings import Finding, Rule
from services.runtime.cap.parse import ALERTS

_DS = f"{{{SIGNATURE_NAMESPACE}}}"
_METHODS = frozenset({
    SignatureMethod.RSA_SHA256, SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512, SignatureMethod.ECDSA_SHA256,
    SignatureMethod.ECDSA_SHA384, SignatureMethod.ECDSA_SHA512,
})  # fmt: skip
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_TRANSFORMS = frozenset(
    {SignatureConstructionMethod.enveloped.value, *(method.value for method in CanonicalizationMethod)}
)
_WHERE = "alert/Signature"


class Signer(NamedTuple):
    """Our key, RSA so that the same alert has the same bytes each time (a repeat is identical), and its certificate."""

    key: RSAPrivateKey
    certificate: Certificate

    @classmethod
    def load(cls, key: bytes, certificate: bytes) -> Signer:
        """From PEM; ValueError if it is no RSA key of at least 2,048 bits or not that certificate's."""
        private, public = load_pem_private_key(key, None), load_pem_x509_certificate(certificate)
        if not isinstance(private, RSAPrivateKey) or private.key_size < 2048:
            raise ValueError("the key for signing CAP alerts has to be RSA with at least 2,048 bits")
        if private.public_key() != public.public_key():
            raise ValueError("the key for signing CAP alerts is not that of the certificate")
        return cls(private, public)

    def sign(self, alert: etree._Element) -> etree._Element:
        """The alert with our signature as its last element."""
        signer = XMLSigner(
            SignatureConstructionMethod.enveloped, SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA256,
            CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )  # fmt: skip
        return signer.sign(alert, key=self.key, cert=[self.certificate])


def certificates(pem: bytes) -> list[Certificate]:
    """Every certificate of a PEM file; ValueError if there is none."""
    return load_pem_x509_certificates(pem)


def signed_part(alert: etree._Element, registered: Sequence[Certificate], at: datetime) -> etree._Element | Finding:
    """The alert as one of these certificates signed it, valid `at`; else why it does not count as signed.

    Read what is returned, never what was passed in.
    """
    alone = etree.fromstring(etree.tostring(alert, with_tail=False))
    signatures = list(alone.iter(f"{_DS}Signature"))
    if not signatures:
        return Finding(Rule.NO_SIGNATURE, alert.sourceline or 0, _WHERE, "sign the alert")
    line = next(alert.iter(f"{_DS}Signature")).sourceline or 0
    odd = _odd(alone, signatures)
    if odd:
        return Finding(Rule.INVALID_SIGNATURE, line, _WHERE, odd)
    for certificate in registered:
        found = _verified(alone, certificate, at)
        if found is not None and found.tag in ALERTS:
            return found
    advice = "no registered certificate made this signature over this alert: sign it again, or register the certificate"
    return Finding(Rule.INVALID_SIGNATURE, line, _WHERE, advice)


def _odd(alert: etree._Element, signatures: Sequence[etree._Element]) -> str:
    """What is unusual about where the signature stands and what it refers to; empty if nothing is."""
    if len(signatures) > 1 or signatures[0].getparent() is not alert:
        return "keep exactly one signature, as the last element of the alert"
    if sum(element.tag in ALERTS for element in alert.iter()) > 1 or alert.find(f".//{_DS}Object") is not None:
        return "an alert may not hold another one, nor its signature anything but the signature"
    references = list(signatures[0].iter(f"{_DS}Reference"))
    if len(references) != 1 or references[0].get("URI") not in {"", None}:
        return "sign the whole alert by one reference whose URI is empty"
    if any(each.get("Algorithm") not in _TRANSFORMS for each in signatures[0].iter(f"{_DS}Transform")):
        return "use the enveloped-signature transform and a canonicalization, no other"
    return ""


def _verified(alert: etree._Element, certificate: Certificate, at: datetime) -> etree._Element | None:
    config = SignatureConfiguration(
        location="./", expect_references=1, signature_methods=_METHODS, digest_algorithms=_DIGESTS, verification_time=at
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # about serial numbers in old certificates
            found = XMLVerifier().verify(
                etree.fromstring(etree.tostring(alert)), x509_cert=certificate, expect_config=config
            )
    except (SignXMLException, etree.DocumentInvalid, ValueError, TypeError):
        return None
    return None if isinstance(found, list) else found.signed_xml
