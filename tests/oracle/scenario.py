"""Who takes part in the generated load, and how they sign: invented organisations, keys and consents by seed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ADMIN = "admin"
ORGS = (
    "alder", "birch", "cedar", "dogwood", "elm", "fir", "ginkgo", "hazel", "ironwood", "juniper", "kauri", "larch",
    "maple", "nutmeg", "oak", "pine", "quince", "rowan", "spruce", "tamarack",
)  # fmt: skip
ORIGINATORS = ORGS[:5]
OUTSIDERS = ("ironwood", "juniper")
"""Active, and nobody ever permits them anything: whatever of a report they hold is a leak."""
MORTAL = "oak"
"""Leaves during the load: everything is recalled from it."""
MOODY = "pine"
"""Suspended and reinstated during the load."""
KINDS = ("SECURITY_ALERT", "INCIDENT_REPORT", "SITUATION_REPORT")


class Send(NamedTuple):
    """One record to submit with an organisation's own credentials."""

    org: str
    topic: str
    value: bytes
    what: str
    """What it is, for the log of acknowledged submissions."""


@dataclass(frozen=True)
class Signers:
    """Everybody's signing keys: representatives' by seed, the administrators' as it is installed."""

    seed: int
    administrator: Ed25519PrivateKey

    def key(self, org: str) -> Ed25519PrivateKey:
        """The key of an organisation's representative."""
        if org == ADMIN:
            return self.administrator
        return Ed25519PrivateKey.from_private_bytes(sha256(f"{self.seed}/{org}".encode()).digest())

    def send(self, org: str, payload: Mapping[str, Any], what: str, *, forged: bool = False) -> Send:
        """A signed control record; `forged`: the signature is over something else."""
        text = json.dumps(payload)
        signature = self.key(org).sign(b"something else" if forged else text.encode())
        signer = "root" if org == ADMIN else f"{org}-focal-point"
        fields = {"payload": text, "signer": signer, "signature": base64.b64encode(signature).decode()}
        return Send(org, f"slt.consent.{org}", json.dumps(fields).encode(), what)


def canary(seed: int, org: str) -> str:
    """The secret word that every text of an originator carries."""
    return "zq" + sha256(f"canary/{seed}/{org}".encode()).hexdigest()[:20]


def partner(org: str, version: int, **changes: Any) -> dict[str, Any]:
    """The payload of a partner record."""
    number = ORGS.index(org)
    fields = {
        "type": "partner",
        "version": version,
        "org": org,
        "category": "IO" if org in OUTSIDERS else ("UNSMS" if number % 4 == 3 else "INGO"),
        "status": "ACTIVE",
        "areas": ["KEN", "SSD"] if org == "maple" else ["*"],
        "kinds": ["SECURITY_ALERT"] if org == "nutmeg" else ["*"],
        "statuses": ["Actual"] if org == "quince" else ["Actual", "Exercise", "Test"],
    }
    return {**fields, **changes}


def representative(org: str, signers: Signers, start: datetime) -> dict[str, Any]:
    """The payload of a representative who may sign for its organisation."""
    return {
        "type": "representative",
        "version": 1,
        "org": org,
        "name": f"{org}-focal-point",
        "public_key": signers.key(org).public_key().public_bytes_raw().hex(),
        "scopes": ["consent"],
        "valid_from": (start - timedelta(days=1)).isoformat(),
        "valid_to": (start + timedelta(days=300)).isoformat(),
    }


def grant(grantor: str, name: str, version: int, start: datetime, **changes: Any) -> dict[str, Any]:
    """The payload of a grant: standing, of everything actual, to the INGOs, unless `changes` say otherwise."""
    fields = {
        "type": "grant",
        "version": version,
        "grantor": grantor,
        "grant": name,
        "effect": "PERMIT",
        "status": "Actual",
        "series": [],
        "kinds": ["*"],
        "areas": ["*"],
        "recipients": ["category:INGO"],
        "valid_from": (start - timedelta(hours=1)).isoformat(),
        "valid_to": (start + timedelta(days=90)).isoformat(),
        "covers_earlier": False,
        "state": "GIVEN",
        "mode": "RECALL",
    }
    return {**fields, **changes}


def registry(signers: Signers, start: datetime) -> tuple[Send, ...]:
    """All partners and the originators' representatives, as the administrators enter them."""
    partners = [signers.send(ADMIN, partner(org, 1), "partner") for org in ORGS]
    people = [signers.send(ADMIN, representative(org, signers, start), "representative") for org in ORIGINATORS]
    return (*partners, *people)


def standing_grants(signers: Signers, start: datetime) -> tuple[Send, ...]:
    """What is consented to before the load: by category, name, kind and area, for exercises, and a prohibition."""
    alder, birch, cedar, dogwood, elm = ORIGINATORS
    payloads = [
        grant(alder, "alerts", 1, start, kinds=["SECURITY_ALERT", "INCIDENT_REPORT"]),
        grant(birch, "named", 1, start, recipients=["fir", "ginkgo", "oak", "pine", "maple", "nutmeg", "alder"]),
        grant(cedar, "area", 1, start, areas=["KEN", "AFG"], recipients=["category:INGO", "category:UNSMS"]),
        grant(dogwood, "all", 1, start, kinds=["SECURITY_ALERT"]),
        grant(dogwood, "not-hazel", 1, start, effect="PROHIBIT", recipients=["rowan"]),
        grant(elm, "boxed", 1, start, valid_to=(start + timedelta(seconds=25)).isoformat()),
        grant(elm, "later", 1, start, valid_from=(start + timedelta(seconds=15)).isoformat(), recipients=["larch"]),
        *(grant(org, "exercise", 1, start, status="Exercise") for org in ORIGINATORS),
    ]
    return tuple(signers.send(payload["grantor"], payload, "grant") for payload in payloads)
