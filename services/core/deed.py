"""What the console's users do that an auditor may ask about (schemas/console_deed; SLT-66, SLT-70)."""

from __future__ import annotations

from enum import StrEnum


class Deed(StrEnum):
    """One word for each kind of record on slt.console."""

    INVITED = "invited"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    LOCKED_OUT = "locked_out"
    SIGNED_OUT = "signed_out"
    VIEWED_INCIDENT = "viewed_incident"
    VIEWED_MATRIX = "viewed_matrix"
    VIEWED_DECISIONS = "viewed_decisions"
    EXPLAINED = "explained"
    ACKNOWLEDGED = "acknowledged"
    PREVIEWED = "previewed"
    SENDING = "sending"
    SENT = "sent"
    LINKED = "linked"
    APPROVED = "approved"
    REPLAYED = "replayed"
    TOKEN_MADE = "token_made"  # noqa: S105  a word, no secret
    TOKEN_ENDED = "token_ended"  # noqa: S105
