"""What a decision says, in words for a security officer: one sentence for every code, one line for a projection.

No sentence says anything about what a report contains (consent.md §3: a recipient never sees a denial; the originator
and the auditor do).
"""

from __future__ import annotations

from services.core.gates import Code
from services.core.projection import ALL_FACTS, Attribution, Fact, Place, Time, parse_projection

SENTENCES: dict[Code, str] = {
    Code.DEN_INTEGRITY_SCHEMA: "The report is not well formed: its series is not its originator's, or has no version.",
    Code.DEN_GATE_ERROR: "A check of ours failed, so nobody gets it; what is held stays until the check works again.",
    Code.DEN_INTEGRITY_SIGNATURE: "A consent record of its originator bears a signature that does not hold.",
    Code.DEN_INTEGRITY_UNKNOWN_SENDER: "Its originator is not in the registry.",
    Code.DEN_INTEGRITY_TIME: "It tells of something that lies more than a day ahead of its arrival.",
    Code.DEN_STATUS_MISMATCH: "The recipient does not take reports of this status (actual, exercise or test).",
    Code.DEN_RECALLED: "Its originator took the report back.",
    Code.DEN_UPDATE_OF_RECALLED: "It is a new version of a report that its originator had taken back.",
    Code.DEN_CANCELLED: "It is a cancellation, and the recipient never had the report.",
    Code.DEN_EXPIRED: "The report has expired: nothing more is sent, what is held is kept.",
    Code.DEN_SUPERSEDED: "Its originator replaced it with another report: what is held is kept.",
    Code.DEN_PARTNER_UNKNOWN: "The recipient is not in the registry.",
    Code.DEN_PARTNER_NOT_ACTIVE: "The recipient is not an active partner, or its time as one is over.",
    Code.DEN_PARTNER_SUSPENDED: "The recipient is suspended: it gets nothing new and keeps what it holds.",
    Code.DEN_PARTNER_AREA: "The recipient is a field partner, and this is not an area that it was admitted for.",
    Code.DEN_PARTNER_CATEGORY: "The recipient is a third party, which gets only what names it.",
    Code.DEN_OBSERVER_SCOPE: "The recipient is an observer without an entitlement to this kind, area and time.",
    Code.DEN_PURPOSE: "It was asked for another purpose than the security of personnel, operations and assets.",
    Code.DEN_PROHIBIT_ORIGINATOR: "The originator forbids it: by a prohibition, or by TLP:RED without naming it.",
    Code.DEN_PROHIBIT_UPSTREAM: "An organisation from which the originator has it forbids it.",
    Code.DEN_PROHIBIT_LOU: "The recipient's letter of understanding withholds this kind of report.",
    Code.DEN_PROHIBIT_AREA: "A rule of the Designated Official for this area forbids it.",
    Code.DEN_CONSENT_REVOKED: "The originator's consent was revoked by an authority.",
    Code.DEN_CONSENT_INVALID: "The originator's consent was declared invalid.",
    Code.DEN_CONSENT_WITHDRAWN: "The originator withdrew its consent and takes back what was delivered.",
    Code.DEN_CONSENT_REFUSED: "The originator refused its consent.",
    Code.DEN_CONSENT_WITHDRAWN_PROSPECTIVE: "The originator withdrew its consent from then on; what is held is kept.",
    Code.DEN_CONSENT_EXPIRED: "The originator's consent has run out: nothing more is sent, what is held is kept.",
    Code.DEN_CONSENT_NOT_YET_VALID: "The originator's consent has not begun yet.",
    Code.DEN_NO_CONSENT: "The originator has not consented to show it to this recipient.",
    Code.HLD_CONSENT_PENDING: "The originator's answer about its consent is still awaited.",
    Code.HLD_CONSENT_STATE_STALE: "It was not certain that every consent record had been read, so nothing is released.",
    Code.DEN_UPSTREAM_UNKNOWN: "It is not known from whom the originator has it, so nobody could consent.",
    Code.DEN_UPSTREAM_NO_CONSENT: "An organisation from which the originator has it has not consented.",
    Code.DEN_ECHO_OF_RECEIVED: "It repeats what its submitter received, and the source of that has not consented.",
    Code.DEN_SENSITIVITY_CEILING: "It is too sensitive for this recipient, however coarsely it is told.",
    Code.DEN_PRIVACY: "Nothing would be left of it without personal data.",
    Code.DEN_LEVEL: "Operational planning is shared only where the level of cooperation is enhanced.",
    Code.DEN_OBLIGATION_UNSUPPORTED: "The consent asks for a duty that this recipient cannot carry out.",
    Code.IMR_REFUSED: "Somebody may be hurt soon, but the originator refused: that is final.",
    Code.IMR_HOLD: "The consent is for imminent risk alone, or an urgent request had no answer: it is held back.",
    Code.IMR_UNREACHABLE: "The originator was asked because of an imminent risk and did not answer in time.",
    Code.IMR_REQUEST_SENT: "The originator is being asked for its consent because of an imminent risk.",
    Code.NRT_AREA: "It may see this, but does not subscribe to the area.",
    Code.NRT_KIND: "It may see this, but does not subscribe to this kind of report.",
    Code.NRT_THRESHOLD: "It may see this, but wants only what is more severe.",
    Code.NRT_SUBSCRIPTION: "It may see this, but has paused its subscription.",
    Code.NRT_BACKFILL: "It may see this, but the permission came when the report was too old to be sent.",
    Code.NRT_DUPLICATE: "It may see this, but it is a second copy of what it has.",
    Code.OK_SELF: "It is the originator's own report and is not sent back.",
    Code.OK_INITIAL_AUDIENCE: "The originator addressed it to this recipient.",
    Code.OK_GRANT: "A consent of the originator permits it.",
    Code.OK_PUBLIC_SOURCE: "Its source is public, and the originator consents.",
    Code.IMR_STANDING_GRANT: "Somebody may be hurt soon: a consent for imminent risk permits what saves lives.",
    Code.IMR_TEARLINE: "What its originator wrote for the widest circle is shown.",
    Code.IMR_BREAK_GLASS: "Two persons of two organisations released what saves lives; the originator is told.",
    Code.RED_GEO_COARSENED: "The place is told less precisely: it is too sensitive for this recipient.",
    Code.RED_TIME_COARSENED: "The time is told less precisely: it is too sensitive for this recipient.",
    Code.RED_SENSITIVE_FACT: "Something that is too sensitive for this recipient is left out.",
    Code.RED_PERSONAL: "Personal data is left out.",
    Code.RED_SMALL_NUMBER: "Small numbers are left out: with a precise place they could point at a person.",
    Code.RED_SOURCE_CATEGORY: "The source is shown by its category only.",
    Code.RED_SOURCE_ANONYMOUS: "The source is not shown.",
}  # fmt: skip
"""Every code has one (docs/rules.md §5)."""

OUTCOMES = {
    "SHOW": "gets it",
    "KEEP": "nothing more",
    "NONE": "does not get it",
}
"""A decision's target (services.core.gates.Target)."""
_FACTS = {
    Fact.WHAT: "what", Fact.NARRATIVE: "narrative", Fact.WHERE: "where", Fact.WHEN: "when", Fact.WHO: "who",
    Fact.HARM: "harm", Fact.SMALL_NUMBERS: "small numbers", Fact.ADVICE: "advice", Fact.TEARLINE: "tear-line",
    Fact.SOURCE_NOTE: "source note", Fact.PERSONAL: "personal data",
}  # fmt: skip
_PLACES = {Place.COUNTRY: "country", Place.ADMIN1: "first-level area", Place.ADMIN2: "second-level area",
           Place.TOWN: "town", Place.EXACT: "exact place"}  # fmt: skip
_TIMES = {Time.YEAR: "year", Time.MONTH: "month", Time.WEEK: "week", Time.DAY: "day", Time.EXACT: "exact time"}
_SOURCES = {Attribution.ANONYMOUS: "source not shown", Attribution.CATEGORY: "source by category",
            Attribution.NAMED: "source named"}  # fmt: skip


def projection_words(text: str) -> str:
    """A projection as records have it (services.core.projection), in words; empty for the empty one."""
    found = parse_projection(text)
    if not found.facts:
        return ""
    known = [word for fact, word in _FACTS.items() if found.facts & fact]
    facts = ["everything"] if found.facts == ALL_FACTS else known
    parts = [", ".join(facts), _PLACES.get(Place(found.place)), _TIMES.get(Time(found.time))]
    return "; ".join(part for part in (*parts, _SOURCES[Attribution(found.attribution)]) if part)
