"""Acts about one incident that two organisations report, each in its own words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from services.cli.scenario import Submission, Word
from services.cli.story import INGOS, LANES, Lane, Story, demo
from services.core.control import ADMIN
from services.core.sioc import SIOC

_HARM = {"scheme": "invented", "killed": 0, "injured": 3, "kidnapped": None, "detained": None}
_ALDER = Lane("demo-alder", "INCIDENT_REPORT", "KEN", (*demo("birch", "ironwood", "larch"), SIOC))
_CEDAR = Lane("demo-cedar", "SECURITY_ALERT", "KEN", (*INGOS, "demo-kauri", SIOC))
_BOTH = (*demo("birch", "ironwood", "larch"), SIOC)
_ELM = next(lane for lane in LANES if lane.org == "demo-elm")
_HAZEL = Lane("demo-hazel", "INCIDENT_REPORT", "SSD", (*demo("cedar", "elm", "juniper", "maple", "rowan"), SIOC))
_ELM_AND_HAZEL = (*demo("cedar", "juniper", "rowan"), SIOC)


def one_incident(story: Story, start: datetime) -> None:
    """Two reports that matching links, two that an operator links; whoever is shown both sees two sources."""
    began = start - timedelta(days=4)
    first = _told(story, _ALDER, "Three drivers of an invented charity were hurt when armed men stopped their lorries "
                  "at Copper Bridge.", began, 0.02)  # fmt: skip
    second = _told(story, _CEDAR, "Avoid Copper Bridge: a convoy (invented) was fired on there, 3 people injured.",
                   began, 0.0)  # fmt: skip
    story.shows(first, *_BOTH, sources="2")
    story.shows(second, "demo-kauri", sources="1")
    story.act("one incident", "Two organisations report one attack in their own words: three partners and the SIOC "
              "are shown both, as one incident with 2 sources; others see one report.", [first, second])  # fmt: skip
    third = _told(story, _ELM, "Invented: a field office near Amber Market was entered at night.", began, 0.0)
    fourth = _told(story, _HAZEL, "Unknown people broke into premises (invented), a night or two ago.", began, 0.0,
                   occurred_from=began - timedelta(days=1), harm={**_HARM, "injured": None})  # fmt: skip
    story.act("perhaps one", "Two more that may be one incident: not alike enough to be joined without a person.",
              [third, fourth])  # fmt: skip
    word = {"type": "link", "version": 1, "link": "demo-word", "word": "CONFIRM", "one": [third.series],
            "other": [fourth.series], "note": "invented: both organisations were asked"}  # fmt: skip
    story.shows(third, *_ELM_AND_HAZEL, sources="2")
    story.act("an operator's word", "An operator confirms that they are one: now they are shown as one, too.",
              [Word(ADMIN, word)])  # fmt: skip


def _told(story: Story, lane: Lane, text: str, began: datetime, north: float, **fields: Any) -> Submission:
    latitude, longitude = (0.52 + north, 35.27) if lane.country == "KEN" else (7.0 + north, 29.5)
    place = {"country": lane.country, "latitude": latitude, "longitude": longitude, "precision": "TOWN",
             "name": "Copper Bridge" if lane.country == "KEN" else ""}  # fmt: skip
    return story.report(lane, **{"description": text, "headline": text[:60], "occurred_from": began, "place": place,
                                 "harm": _HARM, "time_precision": "DAY", "event": "armed attack",
                                 **fields})  # fmt: skip
