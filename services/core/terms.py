"""What an originator says about the use of its report: marks, handling, whence it comes (docs/rules.md §1).

With the three blocks that are shown apart from the body: the tear-line, personal data, and how the source knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from services.core.checks import (
    REQUIRED,
    Refused,
    Table,
    attributes,
    each,
    flag,
    one_of,
    optional,
    or_empty,
    pattern,
    record,
    text,
)
from services.core.control import Sensitivity
from services.core.projection import Attribution, Fact
from services.core.reason import Reason
from services.core.report import PermittedActions, Tlp, UpstreamType

_ORG = pattern(re.compile(r"[a-z][a-z0-9-]{1,30}"), "name an organisation by its id, in lower case")
_SERIES = pattern(re.compile(r"[a-z][a-z0-9-]{1,30}/[^\s,<>&/\x00-\x1f|]{1,120}"), "use originator/id")
_URL = pattern(re.compile(r"https?://[^\s<>\"\x00-\x1f]{3,2000}"), "use the address of the source: https://…")
_NAME = text(300)
_MARK: Table = {
    "fact": (one_of(Fact.__members__), REQUIRED),
    "sensitivity": (or_empty(one_of(Sensitivity.__members__)), ""),
    "above": (optional(flag), None),
}
_NO_HANDLING = {
    "tlp": Tlp.AMBER_STRICT.value, "attribution": "MAY", "encrypt_in_transit": "MAY",
    "permitted_actions": PermittedActions.INTERNALLY_VISIBLE_ACTIONS.value,
    "affected_party_notifications": "MUST_NOT", "external_reference": "",
}  # fmt: skip
_HANDLING: Table = {
    "tlp": (one_of(Tlp), _NO_HANDLING["tlp"]),
    "attribution": (one_of(("MAY", "MUST", "MUST_NOT")), _NO_HANDLING["attribution"]),
    "encrypt_in_transit": (one_of(("MAY", "MUST")), _NO_HANDLING["encrypt_in_transit"]),
    "permitted_actions": (one_of(PermittedActions), _NO_HANDLING["permitted_actions"]),
    "affected_party_notifications": (one_of(("MAY", "MUST_NOT")), _NO_HANDLING["affected_party_notifications"]),
    "external_reference": (_NAME, ""),
}
"""TLP 2.0 and IEP 2.0 (consent.md F4). What is left out stays within the recipient's own organisation."""
_UPSTREAM: Table = {
    "type": (one_of(UpstreamType), REQUIRED),
    "org": (or_empty(_ORG), ""),
    "series": (or_empty(_SERIES), ""),
    "url": (or_empty(_URL), ""),
    "licence": (_NAME, ""),
}
TERMS: Table = {
    "tearline": (text(2000), ""),
    "personal": (attributes, {}),
    "source_note": (text(2000), ""),
    "facts": (each(record(_MARK, "facts."), len(Fact)), []),
    "handling": (record(_HANDLING, "handling."), _NO_HANDLING),
    "upstream": (each(record(_UPSTREAM, "upstream."), 16), []),
    "on_behalf_of": (or_empty(_ORG), ""),
    "attribution": (one_of(Attribution.__members__), Attribution.NAMED.name),
    "imminent": (flag, False),
}
"""Apart from the body, so that nothing of it is in a view unless a rule puts it there."""


def check_terms(found: Mapping[str, Any]) -> None:
    """What holds between the fields; Refused if it does not."""
    marks = [mark["fact"] for mark in found["facts"]]
    if len(set(marks)) < len(marks):
        raise Refused(Reason.BAD_VOCABULARY, "send one mark for each fact", "facts")
    for source in found["upstream"]:
        _check_source(source)


def _check_source(source: Mapping[str, Any]) -> None:
    kind, org, series = source["type"], source["org"], source["series"]
    if kind == UpstreamType.ORGANISATION and not org:
        raise Refused(Reason.BAD_FIELD_MISSING, "say which organisation it comes from", "upstream.org")
    if kind != UpstreamType.ORGANISATION and (org or series):
        raise Refused(Reason.BAD_VOCABULARY, "what comes from an organisation has type ORGANISATION", "upstream.type")
    if series and not series.startswith(f"{org}/"):
        raise Refused(Reason.BAD_VOCABULARY, "the series is one of this organisation: org/id", "upstream.series")
    if kind == UpstreamType.PUBLIC and not source["url"]:
        raise Refused(Reason.BAD_FIELD_MISSING, "give the address of the public source", "upstream.url")
