"""The acts of the bundled scenario, one function each, in the order in which they are played."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from services.cli.linked import one_incident
from services.cli.scenario import After, Answer, Scenario, Submission, Word
from services.cli.story import AWAY, BOX, BOX_PASSED, LANES, WORDS, Lane, Story, demo
from services.cli.terms import in_danger, in_part
from services.core.confirmation import ConsentStatus
from services.core.control import ADMIN, PartnerStatus
from services.core.sioc import SIOC
from services.runtime.codec import Codec
from services.runtime.registry import Registry

_KENYA = LANES[4]
_SHARED = Lane("demo-fir", "SITUATION_REPORT", "AFG", demo("alder", "ironwood", "maple"))
_PILOT = Lane("demo-ginkgo", "LESSON_LEARNT", "KEN", demo("nutmeg"))
_BOXED = Lane("demo-ginkgo", "SECURITY_ALERT", "COL", demo("juniper"))
_SILENT = Lane("demo-dogwood", "INCIDENT_REPORT", "KEN", ())


def scenario(start: datetime, registry: Registry) -> Scenario:
    """The whole story; `start` is about now."""
    story = Story(start, registry)
    _consents(story)
    _news(story)
    _late_grant(story)
    _time_box(story)
    story.act("second wave", "More of everyday: ten kinds of report from six originators.", story.wave(5))
    in_part(story)
    in_danger(story)
    one_incident(story, start)
    _withdrawals(story)
    _suspension(story)
    _exercise(story)
    _wrong_reports(story, start)
    _wrong_consents(story)
    story.act("last wave", "Everyday goes on, whatever was refused.", story.wave(5))
    _ends(story, start)
    return story.scenario()


def _consents(story: Story) -> None:
    words = [story.grant(**word) for word in WORDS]
    story.tells("demo-elm", "demo-elm/not-maple", *ConsentStatus)  # a prohibition ends what was permitted before
    story.act("consents", "Seven standing consents are given, one of them a prohibition; one is sent twice.",
              [*words, words[0]])  # fmt: skip


def _news(story: Story) -> None:
    first = story.wave(5)
    story.act(
        "first wave", "Everyday: ten kinds of report from six originators, half of them in JSON, half in Avro.", first
    )
    series = [report.series for report in first]
    updates = [story.revision(one, "UPDATE") for one in (*series[0:10:2], *series[10:20])]
    story.act("updates", "Fifteen reports are revised: whoever holds them gets an UPDATE.", updates)
    story.act("corrections", "Five are corrected, and five are over: CORRECT and CANCEL, and nothing is recalled.", [
        *(story.revision(one, "CORRECT") for one in series[20:25]),
        *(story.revision(one, "CANCEL") for one in series[30:35]),
    ])  # fmt: skip
    named = series[28]  # fir names its readers itself
    narrower = story.revision(named, "CORRECT", to=demo("nutmeg"), initial_audience=list(demo("nutmeg")))
    story.act(
        "narrowed", "An originator takes one reader out of a report's audience: that reader gets a RECALL.", [narrower]
    )
    copies = [story.again(one) for one in series[40:50]]
    copies += [story.again(one, series_id=f"copy-{number}") for number, one in enumerate(series[40:45])]
    story.act(
        "duplicates", "Ten reports are sent twice, five once more under another id: nobody gets anything twice.", copies
    )


def _late_grant(story: Story) -> None:
    silent = [story.report(_SILENT) for _ in range(6)]
    story.act("no consent", "Six reports of an originator that has consented to nothing: nobody gets them.", silent)
    readers = demo("maple", "nutmeg")
    word = story.grant("demo-dogwood", grant="late", recipients=readers, covers_earlier=True)
    story.holds(silent, dict.fromkeys(readers, 1))
    story.act("late grant", "Now it consents, for earlier reports too: two partners get all six.", [word])


def _time_box(story: Story) -> None:
    seconds = int(BOX.total_seconds())
    word = story.grant("demo-ginkgo", grant="boxed", recipients=_BOXED.to, kinds=[_BOXED.kind], valid_to=BOX)
    story.act("time box", f"A consent that lasts {seconds} seconds.", [word])
    story.act("in time", "Three alerts within that time.", [story.report(_BOXED) for _ in range(3)])


def _withdrawals(story: Story) -> None:
    pilot = story.grant("demo-ginkgo", grant="pilot", recipients=_PILOT.to, kinds=[_PILOT.kind])
    shared = story.grant("demo-fir", grant="shared", recipients=_SHARED.to)
    story.act("two grants", "Two more consents.", [pilot, shared])
    sent, tried = [story.report(_SHARED) for _ in range(6)], [story.report(_PILOT) for _ in range(4)]
    story.act("ten reports", "And ten reports under them.", [*sent, *tried])
    gone = story.grant("demo-fir", version=2, grant="shared", recipients=_SHARED.to, state="WITHDRAWN", mode="RECALL")
    story.holds(sent, {})
    story.tells("demo-fir", "demo-fir/shared", *ConsentStatus)
    story.act("recall", "The first is withdrawn with recall: three partners are told to delete all six, and the "
              "grantor hears when nothing is delivered any more, and when every recall is out.", [gone])  # fmt: skip
    answers = [Answer("demo-maple", report.series, "DONE") for report in sent]
    answers.append(Answer("demo-ironwood", sent[0].series, "ALREADY_ACTED_ON"))
    story.act("answers", "One has deleted all six, one has acted on one already, the third does not answer.", answers)
    end = {"type": "end", "version": 1, "grantor": "demo-ginkgo", "grant": "pilot", "state": "REVOKED"}
    story.holds(tried, {})
    story.tells("demo-ginkgo", "demo-ginkgo/pilot", *ConsentStatus)
    story.act(
        "revoked", "The administrators revoke the second: its four reports are recalled as well.", [Word(ADMIN, end)]
    )
    later = story.grant("demo-dogwood", version=2, grant="late", recipients=demo("maple", "nutmeg"), state="WITHDRAWN",
                        mode="PROSPECTIVE")  # fmt: skip
    story.tells("demo-dogwood", "demo-dogwood/late", ConsentStatus.REVOKED)
    story.act(
        "from now on", "A consent is withdrawn for the future only: what is held stays, nothing new is sent.", [later]
    )
    after = [story.report(_SILENT) for _ in range(2)]
    story.act("silence", "And so two new reports of that originator go to nobody.", after)


def _suspension(story: Story) -> None:
    before = [story.report(_KENYA) for _ in range(3)]
    story.act("Kenya", "Three alerts about Kenya go to ten partners.", before)
    words = story.standing(2, PartnerStatus.SUSPENDED, *sorted(AWAY))
    story.leaves(AWAY)
    story.act("suspended", "Two partners are suspended: they keep what they hold and get nothing more.", words)
    refused = story.report(_SILENT)._replace(org="demo-pine", outcome="refused", reason="NOT_ACTIVE")
    updates = [story.revision(one, "UPDATE") for one in (report.series for report in before)]
    story.act(
        "meanwhile", "Life goes on without them, and what they submit is refused.", [*updates, *story.wave(4), refused]
    )
    words = story.standing(3, PartnerStatus.ACTIVE, "demo-quince")
    story.returns("demo-quince")
    story.act("reinstated", "One of the two is back, and gets everything that it has missed.", words)


def _exercise(story: Story) -> None:
    drill = Lane(
        "demo-alder", "SECURITY_ALERT", "UKR", (*demo("birch", "ironwood"), SIOC)
    )  # tamarack takes no exercises
    story.act("exercise", "An exercise: eight reports on slt.exercise topics, and none among the actual ones.", [
        story.report(drill, status="Exercise") for _ in range(8)
    ])  # fmt: skip


def _wrong_reports(story: Story, start: datetime) -> None:
    good = {"series_id": "wrong", "status": "Actual", "kind": "INCIDENT_REPORT", "headline": "Invented, and wrong"}
    ahead = start + timedelta(days=5)
    older, known = story.report(_SILENT), story.report(_SILENT)
    revised = story.revision(older.series, "UPDATE")
    bodies: list[tuple[dict[str, Any] | bytes, str]] = [
        (b'{"series_id": ', "BAD_ENCODING"),
        (b"\xff\xfe not UTF-8", "BAD_ENCODING"),
        (Codec().encode("submission", good)[:12], "BAD_ENCODING"),
        (b"\x00\x00\x0f\x42\x3f" + b"an unknown schema id", "BAD_SCHEMA_ID"),
        ({**good, "description": "x" * 1_100_000}, "BAD_SIZE"),
        ({name: value for name, value in good.items() if name != "kind"}, "BAD_FIELD_MISSING"),
        ({**good, "surplus": 1}, "BAD_FIELD_UNKNOWN"),
        ({**good, "headline": 7}, "BAD_FIELD_TYPE"),
        ({**good, "headline": "x" * 301}, "BAD_FIELD_LENGTH"),
        ({**good, "kind": "RUMOUR"}, "BAD_VOCABULARY"),
        ({**good, "occurred_from": ahead}, "BAD_TIME"),
        ({**good, "occurred_from": "1989-12-31T00:00:00+00:00"}, "BAD_TIME"),
        ({**good, "place": {"latitude": 123.0, "longitude": 0.0}}, "BAD_PLACE"),
        ({**good, "place": {"country": "KEN", "latitude": 4.0, "longitude": -73.0}}, "BAD_COUNTRY"),
        (orjson.dumps({"payload": "{}", "signer": "officer", "signature": ""}), "BAD_TOPIC"),
    ]
    wrong = [Submission("demo-juniper", body, "refused", reason) for body, reason in bodies]
    story.act("basis", "Two reports, one of them revised.", [older, known, revised])
    story.act("malformed", "Twenty records that are wrong in many ways: each is refused with a reason, or noted.", [
        *wrong,
        older._replace(outcome="refused", reason="BAD_VERSION"),
        _other_status(known),
        story.report(LANES[0], originator="demo-elm"),  # the topic says who it is, and the sender is told so
        story.report(LANES[0], series_id="never-begun", version=3, message="UPDATE"),
    ])  # fmt: skip


def _other_status(sent: Submission) -> Submission:
    """A next version that turns an actual report into an exercise."""
    return sent._replace(
        body={**sent.fields, "version": 2, "status": "Exercise"}, outcome="refused", reason="BAD_STATUS"
    )


def _wrong_consents(story: Story) -> None:
    word = story.grant("demo-alder", grant="wrong", recipients=["*"])
    story.act("wrong consents", "Four consents that are none: forged, for nobody known, another's, without an end.", [
        word._replace(forged=True, reason="BAD_SIGNATURE"),
        word._replace(payload={**word.payload, "recipients": ["demo-nobody"]}, reason="BAD_PARTNER"),
        word._replace(payload={**word.payload, "grantor": "demo-elm"}, reason="BAD_AUTHOR"),
        word._replace(payload={k: v for k, v in word.payload.items() if k != "valid_to"}, reason="BAD_FIELD_MISSING"),
    ])  # fmt: skip


def _ends(story: Story, start: datetime) -> None:
    late = _BOXED._replace(to=())
    items = [story.report(late) for _ in range(3)]
    story.act("time is over", "The consent of half a minute is over: three alerts stay, three new ones do not go out.",
              items, After("time box", BOX_PASSED))  # fmt: skip
    stale = LANES[0]._replace(to=())
    over = start - timedelta(minutes=1)
    old = [
        story.report(stale, outcome="expired", expires=over, occurred_from=start - timedelta(hours=2)) for _ in range(3)
    ]
    story.act("expired", "Three reports arrive when their time is over already.", old)
