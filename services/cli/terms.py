"""Acts about consents with terms: how much of a report each is shown, and what happens when somebody may be hurt."""

from __future__ import annotations

from services.cli.story import Lane, Story, demo
from services.core.project import NO_VERSION
from services.core.projection import Attribution
from services.core.request import RequestStage
from services.core.sioc import SIOC

_STAFF = Lane("demo-ironwood", "INCIDENT_REPORT", "COL", demo("cedar", "elm", "nutmeg"))
_QUIET = Lane("demo-tamarack", "SITUATION_REPORT", "AFG", demo("birch", "hazel"))
_DANGER = Lane(
    "demo-juniper", "SECURITY_ALERT", "UKR",
    demo("alder", "birch", "dogwood", "ginkgo", "ironwood", "kauri", "pine", "quince", "tamarack"),
)  # fmt: skip
"""Every INGO but larch, which asked for two other countries."""
_WAITING = (*demo("cedar", "elm", "fir", "hazel", "maple", "nutmeg"), SIOC)
"""Everybody else who works there and is neither an observer nor a third party."""
_PLACE = {"admin1": "Ember Province (invented)", "admin2": "Ash District (invented)", "name": "Cinder (invented)"}
_CONTACT = {"contact": "A. Invented, no such person"}
_TEARLINE = "Invented: keep away from the north bank today."
_ADVICE = "Invented: use the southern road."


def in_part(story: Story) -> None:
    """One report, three recipients, three amounts of it; and a source that nobody learns."""
    names = story.grant("demo-ironwood", grant="names", recipients=demo("elm"),
                        actions=["READ", "ATTRIBUTE", "AGGREGATE", "PERSONAL"])  # fmt: skip
    staff = story.grant("demo-ironwood", grant="staff", recipients=demo("cedar", "nutmeg"))
    quiet = story.grant("demo-tamarack", grant="quiet", recipients=_QUIET.to)
    story.act("terms", "Three consents with terms: one of them permits personal data, to one partner.",
              [names, staff, quiet])  # fmt: skip
    report = story.report(_STAFF, personal=_CONTACT, place={
        **_PLACE, "country": "COL", "latitude": 4.0, "longitude": -73.0, "precision": "TOWN",
    })  # fmt: skip
    story.shows(report, "demo-elm", personal=_CONTACT, place__precision="TOWN", place__name=_PLACE["name"])
    story.shows(report, "demo-cedar", personal={}, place__precision="TOWN", place__name=_PLACE["name"])
    story.shows(report, "demo-nutmeg", personal={}, place__precision="ADMIN2", place__name="", place__latitude=None)
    whisper = story.report(_QUIET, attribution=Attribution.ANONYMOUS.name)
    story.holds([whisper], dict.fromkeys(_QUIET.to, NO_VERSION))
    story.shows(whisper, *_QUIET.to, source="", originator=None, series_id="", headline=whisper.fields["headline"])
    story.act("in part", "A report with personal data: one partner gets them, one all but them, one with a lower "
              "ceiling a coarser place too. And a report whose source nobody is shown.", [report, whisper])  # fmt: skip


def in_danger(story: Story) -> None:
    """A consent for imminent risk releases the tear-line at once; for the others the originator is asked."""
    standing = story.grant("demo-juniper", grant="life-safety", recipients=["category:INGO"], condition="IMMINENT_ONLY")
    story.act("for life", "A standing consent to all INGOs, for the case that somebody may be hurt soon.", [standing])
    alert = story.report(_DANGER, urgency="Immediate", severity="Severe", tearline=_TEARLINE, advice=_ADVICE,
                         event="flood (invented)", place={
        **_PLACE, "country": "UKR", "latitude": 49.0, "longitude": 32.0, "precision": "TOWN",
    })  # fmt: skip
    saved = dict.fromkeys(_DANGER.to, NO_VERSION)
    story.holds([alert], saved)
    story.shows(
        alert, *_DANGER.to, tearline=_TEARLINE, advice=_ADVICE, headline="", source="", place__precision="ADMIN1"
    )
    story.tells("demo-juniper", alert.series, RequestStage.REQUEST)
    story.act("danger", "Somebody may be hurt soon: nine partners get what saves lives at once, and no more; for six "
              "and the SIOC, who have no consent, the originator is asked.", [alert])  # fmt: skip
    answer = story.grant("demo-juniper", grant="answer", recipients=["category:UNSMS", *demo("fir", "nutmeg")],
                         series=[alert.series], kinds=[], areas=[], covers_earlier=True)  # fmt: skip
    story.holds([alert], saved | dict.fromkeys(_WAITING, 1))
    story.shows(alert, *_WAITING, tearline=_TEARLINE, headline=alert.fields["headline"], originator="demo-juniper")
    story.act("the answer", "It answers with a consent for this report: those who waited get all of it.", [answer])
    story.explained = alert.series
