"""The Aid Worker Security Database (Humanitarian Outcomes): its exports of 2016, March 2025 and August 2025.

One table serves all layouts. The export of 2016 has codes where the later ones have words; they are read with the
table below, and the code stays beside the word. AWSD counts a death in captivity as a killing (consent.md F7).
"""

from __future__ import annotations

from services.core.feeds.table import Feed, Row, Rule, Submission, add_attribute, keep, set_headline, set_period, to

_ORGANISATIONS = ("UN", "INGO", "LNGO/NRCS", "ICRC", "IFRC", "NRCS and IFRC", "NNGO", "Other")
_DETAIL_COUNTS = (
    "Nationals killed", "Nationals wounded", "Nationals kidnapped", "Nationals detained", "Total nationals",
    "Internationals killed", "Internationals wounded", "Internationals kidnapped", "Internationals detained",
    "Total internationals", "Total affected", "Gender Male", "Gender Female", "Gender Unknown",
)  # fmt: skip
_TIMES = ("occurred_from", "occurred_to", "time_precision")

MEANS = {
    "S": "Shooting", "K": "Kidnapping", "KK": "Kidnap-killing", "BA": "Bodily assault", "CX": "Complex attack",
    "AB": "Aerial bombardment, shelling or other explosives", "B": "Other explosives", "LM": "Landmine",
    "RIED": "Roadside IED", "BBIED": "Body-borne IED", "VBIED": "Vehicle-borne IED", "VBIED-S": "Vehicle-borne IED",
    "VBIED-RC": "Vehicle-borne IED", "RSA": "Rape or serious sexual assault", "U": "Unknown",
    "Vehicle-born IED": "Vehicle-borne IED", "Rape/sexual assault": "Rape or serious sexual assault",
    "Other Explosives": "Other explosives",
}  # fmt: skip
"""Codes of 2016 and older spellings -> the codebook's word. What was coded AB was later split into three kinds."""
_CODES = {
    "Attack context": {
        "Am": "Ambush", "IA": "Individual attack", "R": "Raid", "C": "Combat/Crossfire", "MV": "Mob violence",
        "D": "Detention", "U": "Unknown",
    },
    "Location": {
        "R": "Road", "OC": "Office/compound", "P": "Public location", "PS": "Project site", "H": "Home",
        "C": "Custody", "U": "Unknown",
    },
}  # fmt: skip

_RULES: tuple[Rule, ...] = (
    to("Incident ID", "series_id", note="`awsd-<Incident ID>`"),
    to("Year", *_TIMES, note="UTC range of the day, month or year; parts that are no date are kept as attributes"),
    to("Month", *_TIMES),
    to("Day", *_TIMES),
    to("Country Code", "place.country"),
    to("Country", "place.country", "attributes", note="the place's country where there is no code"),
    to("Region", "place.admin1"),
    to("District", "place.admin2"),
    to("City", "place.name", "place.precision", note="blank for Palestine; given: the coordinates are a town's"),
    *(
        to(name, "victims", "attributes", note="named as a victim where the count is above 0")
        for name in _ORGANISATIONS
    ),
    *keep(*_DETAIL_COUNTS),
    to("Total killed", "harm.killed"),
    to("Total wounded", "harm.injured"),
    to("Total kidnapped", "harm.kidnapped"),
    to("Total detained", "harm.detained"),
    to("Means of attack", "event", "means", "attributes", note="the codebook's word; as written: attribute"),
    *keep("Attack context", "Location"),
    to("Latitude", "place.latitude", note="blank for Palestine"),
    to("Longitude", "place.longitude", note="blank for Palestine"),
    *keep("Motive", "Actor type"),
    to("Actor name", "actor"),
    to("Details", "description"),
    to("Verified", "certainty", "attributes", note="Yes: Observed; else Unknown"),
    *keep("Source"),
)


def _series(row: Row) -> str:
    incident = row.get("Incident ID", "").strip()
    return f"awsd-{incident}" if incident else ""


def _derive(row: Row, found: Submission) -> None:
    if not set_period(found, row.get("Year", ""), row.get("Month", ""), row.get("Day", "")):
        for name in ("Year", "Month", "Day"):
            add_attribute(found, name, row.get(name, "").strip())
    means = row.get("Means of attack", "").strip()
    found["event"] = found["means"] = MEANS.get(means, means)
    found["certainty"] = "Observed" if row.get("Verified", "").strip() == "Yes" else "Unknown"
    for name, words in _CODES.items():
        code = row.get(name, "").strip()
        if code in words:
            found["attributes"][name] = f"{words[code]} ({code})"
    _precision(found["place"])
    set_headline(found, found["event"], row.get("Country", "").strip())


def _precision(place: dict[str, object]) -> None:
    """AWSD states none: the finest place that it names is what its coordinates stand for."""
    if "latitude" not in place or "longitude" not in place:
        return
    for name, precision in (("name", "TOWN"), ("admin2", "ADMIN2"), ("admin1", "ADMIN1")):
        if name in place:
            place["precision"] = precision
            return
    place["precision"] = "COUNTRY"


AWSD = Feed(
    name="awsd",
    title="Aid Worker Security Database",
    scheme="AWSD",
    kind="INCIDENT_REPORT",
    marks=frozenset({"Incident ID", "Means of attack", "Year"}),
    rules=_RULES,
    series=_series,
    derive=_derive,
    protected=("City", "Latitude", "Longitude"),
)
