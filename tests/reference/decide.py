"""The naive decider: every gate of docs/rules.md §5, one function each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tests.reference.after import after
from tests.reference.codes import Said, first, lowest_effect, lowest_target, say
from tests.reference.consent import (
    THIRD_PARTIES,
    Consent,
    Question,
    best_way,
    consent,
    holds,
    lives_of,
    presence,
    present_means,
    prohibited,
)
from tests.reference.facts import Fields, country, imminent, moment, present, sources
from tests.reference.lattice import EMPTY, Projection, join, meet, named, normalise, read, without
from tests.reference.registry import Entry, Life, fold, level, lou

PURPOSE = "SECURITY_OF_PERSONNEL_OPERATIONS_ASSETS"
ANSWER_TIME = timedelta(minutes=10)
GLASS_TIME = timedelta(hours=24)
SEVERITIES = ("Unknown", "Minor", "Moderate", "Severe", "Extreme")


class Decision(NamedTuple):
    """The answer for one report and one recipient."""

    effect: str
    target: str
    primary: str
    reasons: frozenset[str]
    projection: Projection
    grants: frozenset[str]
    obligations: frozenset[str]


class Own(NamedTuple):
    """What gate 6 and gate I said: `projection` is None where nothing is permitted."""

    said: set[Said]
    projection: Projection | None
    lives: tuple[Life, ...]
    audience: bool


def decide(
    report: Fields,
    recipient: str,
    action: str,
    purpose: str,
    entries: Sequence[Entry],
    as_of: datetime,
    *,
    fresh: bool,
    echo: tuple[tuple[str, str], ...] = (),
    superseded: bool = False,
    requested_at: datetime | None = None,
) -> Decision:
    """All gates, all reasons. `echo`: (originator, series) of the reports that the submitter had received."""
    registry = fold(entries)
    if registry.partner(recipient) is None:
        return conclude(say("DEN_PARTNER_UNKNOWN"), EMPTY, ())
    q = Question(report, recipient, action, purpose, registry, as_of, fresh, echo, superseded, requested_at)
    own = gate_6(q)
    is_named = named_recipient(q)
    said = gate_0(q) | gate_1(q) | gate_2(q) | gate_3(q, is_named) | gate_4(q) | own.said | gate_12(q) | routing(q, own)
    prohibitions, overlay = gate_5(q, is_named)
    upstream, others = gates_7_8(q)
    said |= prohibitions | upstream
    if own.projection is None or others is None:
        return conclude(said, EMPTY, own.lives)
    projection = normalise(meet(meet(own.projection, overlay), meet(others.projection, gate_11(q))), report)
    projection, more = (projection, set()) if q.is_originator else after(q, projection, is_named)
    said |= more | tearline(q, own, projection)
    return conclude(said, projection, own.lives + others.permits)


def conclude(said: set[Said], projection: Projection, lives: Sequence[Life]) -> Decision:
    """§5: lowest effect and target, first code; §6, last sentence."""
    codes = frozenset(one.code for one in said)
    target = lowest_target(said)
    if target != "SHOW":
        projection, lives = EMPTY, ()
    grants = frozenset(f"{life.grant['grantor']}/{life.grant['grant']}" for life in lives)
    obligations = frozenset(word for life in lives for word in life.grant.get("obligations", []))
    return Decision(lowest_effect(said), target, first(codes), codes, projection, grants, obligations)


def named_recipient(q: Question) -> bool:
    """§4, last sentence."""
    lives = consent(q, q.report["originator"], q.report["series_id"], q.action).permits
    return q.recipient in q.report["initial_audience"] or any(q.recipient in life.grant["recipients"] for life in lives)


def gate_0(q: Question) -> set[Said]:
    """Integrity."""
    report, originator, said = q.report, q.report["originator"], set()
    if not report["series_id"].startswith(f"{originator}/") or report["version"] < 1:
        said |= say("DEN_INTEGRITY_SCHEMA")
    if originator in q.registry.forged:
        said |= say("DEN_INTEGRITY_SIGNATURE")
    if q.registry.partner(originator) is None:
        said |= say("DEN_INTEGRITY_UNKNOWN_SENDER")
    latest = report["received_at"] + timedelta(days=1)
    past_kind = report["kind"] in ("INCIDENT_REPORT", "SITUATION_REPORT")
    if past_kind and report["occurred_from"] is not None and report["occurred_from"] > latest:
        said |= say("DEN_INTEGRITY_TIME")
    return said


def gate_1(q: Question) -> set[Said]:
    """Status."""
    return set() if q.report["status"] in q.partner["statuses"] else say("DEN_STATUS_MISMATCH")


def gate_2(q: Question) -> set[Said]:
    """Life cycle; DEN_CANCELLED is said by reconciliation."""
    said = set()
    if q.report["series_id"] in q.registry.withdrawals:
        offset, mode = q.registry.withdrawals[q.report["series_id"]]
        if offset < q.report["epoch"]:
            said |= say("DEN_UPDATE_OF_RECALLED")
        else:
            said.add(Said("DEN_RECALLED", "KEEP" if mode == "PROSPECTIVE" else "NONE"))
    if q.report["expires"] is not None and q.report["expires"] <= q.as_of:
        said |= say("DEN_EXPIRED")
    return said | (say("DEN_SUPERSEDED") if q.superseded else set())


def gate_3(q: Question, is_named: bool) -> set[Said]:
    """Standing of the recipient."""
    partner, said = q.partner, set()
    over = partner.get("valid_to") is not None and moment(partner["valid_to"]) <= q.as_of
    if over or partner["status"] not in ("ACTIVE", "SUSPENDED"):
        said |= say("DEN_PARTNER_NOT_ACTIVE")
    if partner["status"] == "SUSPENDED":
        said |= say("DEN_PARTNER_SUSPENDED")
    return said if q.is_originator else said | _reach(q, is_named)


def _reach(q: Question, is_named: bool) -> set[Said]:
    category, said = q.partner["category"], set()
    if category == "FIELD_PARTNER" and not holds(presence(q), country(q.report)):
        said |= say("DEN_PARTNER_AREA")
    if category in THIRD_PARTIES and not is_named and not _was_named(q):
        said |= say("DEN_PARTNER_CATEGORY")
    if category == "OBSERVER" and (q.action != "READ" or not any(_entitled(q, one) for one in _entitlements(q))):
        said |= say("DEN_OBSERVER_SCOPE")
    return said


def _was_named(q: Question) -> bool:
    """Nothing permits it now, but a life that covers the report has its id."""
    report = q.report
    if consent(q, report["originator"], report["series_id"], q.action).permits:
        return False
    lives = lives_of(q, report["originator"], report["series_id"], "PERMIT", q.action)
    return any(q.recipient in life.grant["recipients"] and report["epoch"] > life.covers_from for life in lives)


def _entitlements(q: Question) -> list[Fields]:
    found: list[Fields] = q.partner.get("entitlements", [])
    return found


def _entitled(q: Question, one: Fields) -> bool:
    return (
        holds(one["kinds"], q.report["kind"])
        and holds(one["areas"], country(q.report))
        and moment(one["valid_from"]) <= q.as_of < moment(one["valid_to"])
    )


def gate_4(q: Question) -> set[Said]:
    """Purpose."""
    return set() if q.purpose == PURPOSE else say("DEN_PURPOSE")


def gate_5(q: Question, is_named: bool) -> tuple[set[Said], Projection]:
    """Prohibitions, and the caps of overlays."""
    cap, report = named("FULL", q.report), q.report
    said: set[Said] = set()
    if q.is_originator:
        return said, cap
    red = report["handling"]["tlp"] == "RED" and not is_named
    if red or prohibited(q, report["originator"], report["series_id"]):
        said |= say("DEN_PROHIBIT_ORIGINATOR")
    if any(prohibited(q, org, series) for org, series in [*sources(report), *q.echo]):
        said |= say("DEN_PROHIBIT_UPSTREAM")
    if holds(lou(q.registry, q.recipient).get("withheld_kinds", []), report["kind"]):
        said |= say("DEN_PROHIBIT_LOU")
    for rule in _overlay_rules(q):
        if rule["projection"] is None:
            said |= say("DEN_PROHIBIT_AREA")
        else:
            cap = meet(cap, read(rule["projection"], report))
    return said, cap


def _overlay_rules(q: Question) -> list[Fields]:
    """The rules of the country's overlay and of `*` that mean kind and recipient."""
    areas = [area for area in (country(q.report), "*") if area]
    overlays = [q.registry.newest.get(("overlay", area), {"rules": []}) for area in areas]
    return [
        rule
        for overlay in overlays
        for rule in overlay["rules"]
        if holds(rule["kinds"], q.report["kind"]) and best_way(q, rule["recipients"]) == "OK_GRANT"
    ]


def gate_6(q: Question) -> Own:
    """The originator's consent, with gate I where it changes the answer."""
    report = q.report
    found = consent(q, report["originator"], report["series_id"], q.action)
    audience = q.recipient in report["initial_audience"] and q.action in ("READ", "ATTRIBUTE", "AGGREGATE")
    lives = () if q.is_originator else found.permits
    if audience or lives:
        own = _permits(q, found, audience, lives)
    elif q.is_originator:
        own = Own(say("OK_SELF"), named("FULL", report), (), audience=False)
    else:
        own = _refuses(q, found)
    return own if q.fresh and not q.registry.broken else own._replace(said=own.said | say("HLD_CONSENT_STATE_STALE"))


def _permits(q: Question, found: Consent, audience: bool, lives: tuple[Life, ...]) -> Own:
    said: set[Said] = set()
    projection = EMPTY
    if audience:
        said |= say("OK_INITIAL_AUDIENCE")
        projection = without(named("FULL", q.report), "PERSONAL")
    if lives:
        said |= say("OK_GRANT")
        projection = join(projection, found.projection)
    if any(one["type"] == "PUBLIC" for one in q.report["upstream"]):
        said |= say("OK_PUBLIC_SOURCE")
    return Own(said, projection, lives, audience)


def _refuses(q: Question, found: Consent) -> Own:
    if not gate_i_applies(q):
        return Own(say(found.code), None, (), audience=False)
    if found.code == "DEN_CONSENT_REFUSED":
        return Own(say(found.code, "IMR_REFUSED"), None, (), audience=False)
    if found.code not in ("DEN_NO_CONSENT", "DEN_CONSENT_EXPIRED", "DEN_CONSENT_NOT_YET_VALID"):
        return Own(say(found.code), None, (), audience=False)
    if glass_is_broken(q):
        life_safety = without(named("LIFE_SAFETY", q.report), "CORROBORATION")
        return Own(say("IMR_BREAK_GLASS"), life_safety, (), audience=False)
    waits = say("IMR_UNREACHABLE", "IMR_HOLD") if request_is_old(q) else say("IMR_REQUEST_SENT")
    pending = {Said("HLD_CONSENT_PENDING", one.target) for one in say(found.code)}
    return Own(pending | waits, None, (), audience=False)


def gate_i_applies(q: Question) -> bool:
    """§5 "Gate I applies to"."""
    until = q.partner.get("valid_to")
    active = q.partner["status"] == "ACTIVE" and (until is None or moment(until) > q.as_of)
    return q.action == "READ" and active and imminent(q.report) and present_means(q) and not q.is_originator


def request_is_old(q: Question) -> bool:
    """Ten minutes after the request."""
    return q.requested_at is not None and q.as_of >= q.requested_at + ANSWER_TIME


def glass_is_broken(q: Question) -> bool:
    """§5 "The glass is broken"; that no answer came, the code of gate 6 has said."""
    if not request_is_old(q) or not lou(q.registry, q.report["originator"]).get("break_glass"):
        return False
    times: dict[bool, list[datetime]] = {True: [], False: []}
    for series, org, at in q.registry.confirmations:
        category = (q.registry.partner(org) or {}).get("category")
        if series == q.report["series_id"] and category in ("UNSMS", "INGO", "IO"):
            times[category == "UNSMS"].append(at)
    if not times[True] or not times[False]:
        return False
    second = max(min(times[True]), min(times[False]))
    return second <= q.as_of < second + GLASS_TIME


def tearline(q: Question, own: Own, projection: Projection) -> set[Said]:
    """§5 gate I, standing grants for imminent risk."""
    if not standing(q, own):
        return set()
    return say("IMR_TEARLINE") if "TEARLINE" in projection.facts & present(q.report) else set()


def standing(q: Question, own: Own) -> bool:
    """All lives that permit are IMMINENT_ONLY, and the audience does not permit."""
    only = all(life.grant.get("condition") == "IMMINENT_ONLY" for life in own.lives)
    return bool(own.lives) and only and not own.audience and gate_i_applies(q)


def gates_7_8(q: Question) -> tuple[set[Said], Consent | None]:
    """The upstream chain and the echo: what all of them permit together, or None where one does not."""
    everything = named("FULL", q.report)
    if q.echo:
        everything = without(everything, "CORROBORATION")
    if q.is_originator:
        return set(), Consent((), everything, "")
    permits: list[Life] = []
    unknown = any(one["type"] == "UNKNOWN" for one in q.report["upstream"])
    said, all_permit = say("DEN_UPSTREAM_UNKNOWN") if unknown else set(), not unknown
    chain = [("DEN_UPSTREAM_NO_CONSENT", *source) for source in sources(q.report)]
    for code, org, series in chain + [("DEN_ECHO_OF_RECEIVED", *source) for source in q.echo]:
        if org in (q.report["originator"], q.recipient):
            continue
        found = consent(q, org, series, q.action)
        if found.permits:
            permits += found.permits
            everything = meet(everything, found.projection)
        else:
            said |= {Said(code, one.target) for one in say(found.code)}
            all_permit = False
    return said, Consent(tuple(permits), everything, "") if all_permit else None


def gate_11(q: Question) -> Projection:
    """The originator's wish for attribution."""
    full = named("FULL", q.report)
    if q.is_originator:
        return full
    wish = "ANONYMOUS" if q.report["handling"]["attribution"] == "MUST_NOT" else q.report["attribution"]
    return full._replace(attribution=wish)


def gate_12(q: Question) -> set[Said]:
    """Level and kind."""
    if q.is_originator or q.report["kind"] != "OPERATIONAL_PLANNING":
        return set()
    enhanced = level(q.registry, country(q.report), q.report["received_at"]) == "ENHANCED"
    return set() if enhanced else say("DEN_LEVEL")


def routing(q: Question, own: Own) -> set[Said]:
    """§5, last paragraph; and the code that a standing grant for imminent risk spoke."""
    said = say("IMR_STANDING_GRANT") if standing(q, own) else set()
    if own.projection is None or own.audience or q.is_originator:
        return said
    if not holds(q.partner["areas"], country(q.report)):
        said |= say("NRT_AREA")
    if not holds(q.partner["kinds"], q.report["kind"]):
        said |= say("NRT_KIND")
    if imminent(q.report):
        return said
    least = q.partner.get("threshold", "")
    if least and SEVERITIES.index(q.report["severity"]) < SEVERITIES.index(least):
        said |= say("NRT_THRESHOLD")
    return said | (say("NRT_SUBSCRIPTION") if q.partner.get("paused", False) else set())
