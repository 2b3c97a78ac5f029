"""An operator's word on reports, signed by the SIOC: they tell of one incident, or of two (SLT-29)."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.core.control_read import read_control
from services.core.link import LinkWord
from services.core.sioc import SIOC
from services.core.stage import Refusal
from services.runtime.settings import Settings
from services.runtime.signing import sign
from services.runtime.submit import Submitter


class NotSaid(Exception):  # noqa: N818  what the caller answers with
    """The word cannot be said; the text says why."""


class Links:
    """Signs as the SIOC's representative and sends on slt.consent.sioc; correlate obeys."""

    def __init__(self, settings: Settings) -> None:
        """The key is read with the first word."""
        self._settings = settings

    def say(self, word: LinkWord, one: str, other: str, note: str) -> str:
        """Returns the record's id. NotSaid: it is no word, there is no key, or Kafka did not confirm it."""
        payload = {
            "type": "link", "version": 1, "link": f"{SIOC}-{secrets.token_hex(6)}", "word": word.value, "one": [one],
            "other": [other], "note": note,
        }  # fmt: skip
        found = read_control(payload)
        if isinstance(found, Refusal):
            raise NotSaid(found.advice)
        signer = self._settings.console_signer
        signed = sign(payload, signer, self._key(signer))
        submitter = Submitter(self._settings, SIOC, "slt.consent")
        try:
            submitter.send(signed)
            if not submitter.finish().complete:
                raise NotSaid("Kafka did not confirm it: look at the incident before you try again.")
        finally:
            submitter.close()
        return str(payload["link"])

    def _key(self, signer: str) -> Ed25519PrivateKey:
        text = self._settings.secret(f"{SIOC}.{signer}.key").decode()
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
