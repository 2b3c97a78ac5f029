"""After the meet: sensitivity, small numbers (docs/rules.md §6)."""

from __future__ import annotations

from tests.reference.codes import Said, say
from tests.reference.consent import Question, consent
from tests.reference.facts import LEVELS, PLACES, TIMES, country, mark_above, present
from tests.reference.lattice import Projection, coarser, without


def sensitivity(q: Question, place: str) -> str:
    """§6: the sensitivity of a place precision for the report's kind and country; UNKNOWN uses COUNTRY's row."""
    precision = "COUNTRY" if place == "UNKNOWN" else place
    kind = q.report["kind"]
    for area in (country(q.report), "*"):
        table = q.registry.newest.get(("sensitivity", area))
        if area and table:
            return _row(table["rows"], kind, precision)
    return _built_in(kind, precision)


def _row(rows: list[dict[str, str]], kind: str, precision: str) -> str:
    for word in (kind, "*"):
        found = [row["level"] for row in rows if row["kind"] == word and row["precision"] == precision]
        if found:
            return max(found, key=LEVELS.index)
    return "LOW"


def _built_in(kind: str, precision: str) -> str:
    if kind == "OPERATIONAL_PLANNING":
        return "HIGH"
    if kind == "INCIDENT_REPORT" and precision in ("EXACT", "TOWN", "ADMIN2"):
        return "MODERATE" if precision == "ADMIN2" else "HIGH"
    return "MODERATE" if precision in ("EXACT", "TOWN") else "LOW"


def ceiling(q: Question, named: bool) -> str:
    """§6: the recipient's; a named one with HIGH has SEVERE."""
    own = str(q.partner.get("ceiling", "HIGH"))
    return "SEVERE" if own == "HIGH" and named else own


def after(q: Question, projection: Projection, named: bool) -> tuple[Projection, set[Said]]:
    """The eight steps of §6 in their order."""
    most = ceiling(q, named)
    if most != "SEVERE":
        projection = without(projection, "PERSONAL")
    projection, said = facts(q, projection, most)
    for step in (time, place):
        projection, more = step(q, projection, most)
        said |= more
    projection, more = small_numbers(q, projection)
    return projection, said | more | personal(q, projection) | source(projection)


def facts(q: Question, projection: Projection, most: str) -> tuple[Projection, set[Said]]:
    """Step 2."""
    gone = [
        fact
        for fact in projection.facts
        if fact not in ("WHERE", "WHEN", "CORROBORATION") and mark_above(q.report, fact, most)
    ]
    return without(projection, *gone), say("RED_SENSITIVE_FACT") if gone else set()


def time(q: Question, projection: Projection, most: str) -> tuple[Projection, set[Said]]:
    """Step 3."""
    if not mark_above(q.report, "WHEN", most):
        return projection, set()
    found = coarser(TIMES, projection.time, "WEEK")
    return projection._replace(time=found), say("RED_TIME_COARSENED") if found != projection.time else set()


def place(q: Question, projection: Projection, most: str) -> tuple[Projection, set[Said]]:
    """Step 4."""
    marked = mark_above(q.report, "WHERE", most)
    for precision in PLACES[PLACES.index(projection.place) :]:
        if marked and precision in ("EXACT", "TOWN", "ADMIN2"):
            continue
        if LEVELS.index(sensitivity(q, precision)) <= LEVELS.index(most):
            changed = precision != projection.place
            return projection._replace(place=precision), say("RED_GEO_COARSENED") if changed else set()
    return projection, say("DEN_SENSITIVITY_CEILING")


def small_numbers(q: Question, projection: Projection) -> tuple[Projection, set[Said]]:
    """Step 5."""
    if "SMALL_NUMBERS" not in projection.facts or projection.place not in ("EXACT", "TOWN"):
        return projection, set()
    if consent(q, q.report["originator"], q.report["series_id"], "PERSONAL").permits:
        return projection, set()
    return without(projection, "SMALL_NUMBERS"), say("RED_SMALL_NUMBER")


def personal(q: Question, projection: Projection) -> set[Said]:
    """Steps 6 and 7."""
    if "PERSONAL" not in present(q.report):
        return set()
    said = say("RED_PERSONAL") if "PERSONAL" not in projection.facts else set()
    return said if projection.facts - {"PERSONAL", "CORROBORATION"} else said | say("DEN_PRIVACY")


def source(projection: Projection) -> set[Said]:
    """Step 8."""
    if projection.attribution == "NAMED":
        return set()
    return say(f"RED_SOURCE_{projection.attribution}")
