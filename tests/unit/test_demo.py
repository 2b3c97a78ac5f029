"""The bundled scenario has what it promises, and its judge sees what is missing, surplus or wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.cli.books import Books, Read
from services.cli.chapters import scenario
from services.cli.live import buckets, quantile
from services.cli.play import Confirmed
from services.cli.scenario import Answer, Holders, Scenario, Submission, Told, Word
from services.cli.story import AWAY
from services.cli.up import REGISTRY, FolderError, claimed
from services.cli.verdict import Verdict, judge
from services.core.control import ADMIN
from services.core.envelope import DeliveryType, Envelope
from services.core.reason import Reason
from services.core.request import RequestStage
from services.core.sioc import SIOC
from services.core.stage import Source
from services.runtime.codec import Codec
from services.runtime.read_model import FINAL
from services.runtime.registry import Registry, RegistryError

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load(REGISTRY)


@pytest.fixture(scope="module")
def story(registry: Registry) -> Scenario:
    return scenario(START, registry)


# -- what is in it


def test_about_twenty_partners_and_three_hundred_reports(registry: Registry, story: Scenario) -> None:
    partners = set(registry.orgs) - {SIOC}
    assert len(partners) == 20
    assert all(org.startswith("demo-") for org in partners)
    assert 270 <= len(story.submissions) <= 330


def test_every_outcome_and_every_kind_of_message_occurs(story: Scenario) -> None:
    outcomes = Counter(sent.outcome for sent in story.submissions)
    messages = Counter(sent.fields["message"] for sent in _reports(story) if sent.outcome == "delivered")
    assert all(outcomes[name] > 2 for name in FINAL)
    assert all(messages[name] >= 4 for name in ("ALERT", "UPDATE", "CORRECT", "CANCEL"))
    assert {sent.avro for sent in _reports(story)} == {True, False}


def test_what_is_wrong_is_wrong_in_many_ways(story: Scenario) -> None:
    reasons = {item.reason for item in story.items if isinstance(item, Submission | Word)} - {""}
    assert reasons <= set(Reason)
    assert reasons >= {
        "BAD_ENCODING", "BAD_SCHEMA_ID", "BAD_TIME", "BAD_VOCABULARY", "BAD_SIGNATURE", "BAD_PARTNER", "BAD_VERSION",
        "BAD_COUNTRY", "NOT_ACTIVE",
    }  # fmt: skip
    assert any(sent.fields.get("originator", sent.org) != sent.org for sent in _reports(story))


def test_consents_come_late_run_out_and_are_taken_back(story: Scenario) -> None:
    words = [item.payload for item in story.items if isinstance(item, Word)]
    assert any(word.get("covers_earlier") for word in words)
    assert any(not isinstance(word.get("valid_to", ""), str) for word in words)
    assert {word.get("mode") for word in words if word.get("state") == "WITHDRAWN"} == {"RECALL", "PROSPECTIVE"}
    assert any(word["type"] == "end" for word in words)
    assert {word["org"] for word in words if word.get("status") == "SUSPENDED"} == AWAY
    assert any(isinstance(item, Answer) for item in story.items)
    assert any(sent.fields["status"] == "Exercise" for sent in _reports(story) if sent.outcome == "delivered")


def test_what_was_recalled_is_expected_at_nobody(story: Scenario) -> None:
    recalled = {series for act in story.acts if act.name in {"recall", "revoked"} for series in act.holds}
    assert len(recalled) == 10
    assert all(not story.holds[series] for series in recalled)
    before = {act.name: act.holds for act in story.acts}["ten reports"]
    assert all(before[series] for series in recalled)


def test_a_suspended_partner_keeps_the_old_version_and_a_reinstated_one_gets_the_new(story: Scenario) -> None:
    holds = {act.name: act.holds for act in story.acts}
    revised = [series for series in holds["Kenya"] if series in holds["meanwhile"]]
    assert len(revised) == 3
    for series in revised:
        assert (story.holds[series]["demo-pine"], story.holds[series]["demo-quince"]) == (1, 2)


def _reports(story: Scenario) -> Iterator[Submission]:
    return (sent for sent in story.submissions if not isinstance(sent.body, bytes) and "message" in sent.body)


# -- the judge


class Faithful:
    """Topics as they are when everything went as the scenario says."""

    def __init__(self, story: Scenario) -> None:
        self.story = story
        self.books = Books()
        self.confirmed: list[Confirmed] = []
        self._offsets: Counter[str] = Counter()
        self._words: set[tuple[str, str]] = set()
        codec = Codec()
        for item in story.items:
            at = self._next(item.topic)
            self.confirmed.append(Confirmed(item, at))
            if isinstance(item, Submission):
                self.books.fold(Read(at, "", "raw", item.encoded(codec)))
                self.end(at, item.outcome, item.reason)
                if item.outcome == "delivered":
                    self._internal("slt.reports", {"raw": at._asdict(), **item.fields, "series_id": item.series})
            elif isinstance(item, Answer):
                self._answer(item, at)
            else:
                self._word(item, at)
        for series, holders in story.holds.items():
            self.hold(series, holders)
        for told in story.tells:
            self._tell(told)

    def _next(self, topic: str) -> Source:
        self._offsets[topic] += 1
        return Source(topic, 0, self._offsets[topic] - 1)

    def _internal(self, topic: str, value: Mapping[str, Any], key: str = "") -> None:
        self.books.fold(Read(self._next(topic), key, "", value))

    def end(self, at: Source, outcome: str, reason: str = "") -> None:
        if outcome == "refused":
            where = {"topic": at.topic, "partition": at.partition, "offset": at.offset}
            self._internal("slt.dead", {**where, "reason": reason})
        else:
            self._internal("slt.decisions", {"accounts": [{"outcome": outcome, "raw": at._asdict()}]})

    def _answer(self, item: Answer, at: Source) -> None:
        message = self.recall(f"slt.out.{item.org}", item.series, item.answer)
        self.books.fold(Read(at, "", "raw", item.encoded(message)))
        self._internal("slt.acks", {"recipient": item.org, "message_id": message})

    def recall(self, topic: str, key: str, answer: str = "OPEN") -> str:
        """A recall, and what the ledger says became of it; its message id."""
        message = self.deliver(topic, key, {}, DeliveryType.RECALL)
        standings = [{"answer": answer, "recipients": [topic]}]
        self.ledger(message, {"recalls": [{"standings": standings}]})
        return message

    def ledger(self, key: str, value: Mapping[str, Any] | None) -> None:
        self.books.fold(Read(self._next("slt.ledger"), key, "ledger_recalls" if value else "", value))

    def _tell(self, told: Told) -> None:
        is_request = told.what in set(RequestStage)
        value = {"stage": told.what, "series_id": told.about} if is_request else {
            "status": told.what, "grant": told.about, "decided_at": START, "at": START + timedelta(seconds=2),
        }  # fmt: skip
        kind = "consent_request" if is_request else "consent_status"
        self.books.fold(Read(self._next(f"slt.notices.{told.org}"), "", kind, value))

    def _word(self, item: Word, at: Source) -> None:
        payload = orjson.dumps(item.resolved(START)).decode()
        self.books.fold(Read(at, "", "raw", orjson.dumps({"payload": payload})))
        if item.reason:
            self.end(at, "refused", item.reason)
        elif (item.author, payload) not in self._words:
            self._words.add((item.author, payload))
            value = {"author": item.author, "payload": payload, "version": item.payload["version"]}
            self._internal("slt.control", value, payload)

    def hold(self, series: str, holders: Holders) -> None:
        for org, version in holders.items():
            self.deliver(f"slt.out.{org}", series, {series: version}, DeliveryType.ALERT)

    def deliver(self, topic: str, key: str, shown: Holders, kind: DeliveryType) -> str:
        org = topic.split(".", 2)[2]
        accounts = [
            {"series_id": series, "version": version, **self._fields(org, series)} for series, version in shown.items()
        ]
        at = self._next(topic)
        envelope = Envelope(kind, f"m-{at.topic}-{at.offset}", 1, 0, 0, 0, 0, "Actual")
        sources = accounts[0].get("sources", "1") if accounts else ""
        value = {"accounts": accounts, "sources": sources}
        self.books.fold(Read(at, key, "view" if accounts else "recall", value, envelope))
        return envelope.message_id

    def _fields(self, org: str, series: str) -> dict[str, Any]:
        """What the story says that the organisation is shown; the text by which an unnamed one is known."""
        found: dict[str, Any] = {}
        for shown in (shown for act in self.story.acts for shown in act.shows):
            if (shown.org, shown.series) == (org, series):
                inner, _, field = shown.field.rpartition(".")
                (found.setdefault(inner, {}) if inner else found)[field] = shown.value
        return found

    def verdict(self) -> Verdict:
        return judge(self.story, self.confirmed, self.books.submitted(), self.books)


@pytest.fixture
def faithful(story: Scenario) -> Faithful:
    return Faithful(story)


def _some(story: Scenario) -> tuple[str, str]:
    """A series with one of those who hold it."""
    return next((series, org) for series, holders in story.holds.items() for org in holders)


def test_all_as_told_is_good(faithful: Faithful) -> None:
    found = faithful.verdict()
    assert found.good, found.differences[:5]
    assert sum(account.records for account in found.accounts) == len(faithful.story.submissions)
    assert [(sent.what, sent.repeated, sent.refused, sent.open) for sent in found.controls] == [
        ("acknowledgements", 0, 0, 0), ("control records", 1, 4, 0),
    ]  # fmt: skip


def test_a_missing_delivery_is_seen(faithful: Faithful) -> None:
    series, org = _some(faithful.story)
    faithful.recall(f"slt.out.{org}", series)
    (difference,) = faithful.verdict().differences
    assert difference.what == f"holders of {series}"
    assert org in difference.expected
    assert org not in difference.found


def test_a_recall_that_did_not_arrive_is_seen(faithful: Faithful) -> None:
    gone = next(series for act in faithful.story.acts if act.name == "recall" for series in act.holds)
    faithful.hold(gone, {"demo-maple": 1})
    (difference,) = faithful.verdict().differences
    assert difference == (f"holders of {gone}", "nobody", "demo-maple v1")


def test_an_account_without_its_sources_name_belongs_to_no_series(faithful: Faithful) -> None:
    faithful.deliver("slt.out.demo-maple", "k", {"": 0}, DeliveryType.ALERT)
    assert faithful.verdict().good


def test_an_exercise_among_actual_reports_is_seen(faithful: Faithful) -> None:
    series, org = _some(faithful.story)
    faithful.deliver(f"slt.exercise.{org}", series, {series: faithful.story.holds[series][org]}, DeliveryType.ALERT)
    assert [difference.what for difference in faithful.verdict().differences] == [f"topics of {series}"]


@pytest.mark.parametrize("again", ["duplicate", "refused"])
def test_a_second_outcome_is_seen(faithful: Faithful, again: str) -> None:
    item, at = next(each for each in faithful.confirmed if isinstance(each.item, Submission))
    faithful.end(at, again)
    found = faithful.verdict()
    assert [difference.what for difference in found.differences] == [
        f"accounts of {item.org}", f"{at.topic} offset {at.offset}",
    ]  # fmt: skip


def test_a_report_without_an_outcome_is_seen(faithful: Faithful) -> None:
    at = Source("slt.in.demo-alder", 0, 999)
    faithful.books.fold(Read(at, "", "raw", b"{}"))
    account = next(account for account in faithful.verdict().accounts if account.org == "demo-alder")
    assert account.open == 1
    assert not faithful.verdict().good


def test_an_outcome_of_nothing_is_seen(faithful: Faithful) -> None:
    faithful.end(Source("slt.in.demo-alder", 0, 999), "delivered")
    assert [difference.found for difference in faithful.verdict().differences] == ["1"]


def test_a_record_that_the_broker_lost_is_seen(faithful: Faithful) -> None:
    faithful.confirmed.pop()
    assert [difference.what for difference in faithful.verdict().differences] == ["records in slt.in.*"]


def test_a_refusal_by_a_later_stage_counts_for_the_record_that_was_submitted() -> None:
    books, raw = Books(), Source("slt.in.demo-alder", 0, 7)
    books.fold(Read(Source("slt.dead", 0, 0), "", "", {"topic": "slt.reports", "partition": 2, "offset": 5,
                                                      "reason": "BAD_COUNTRY"}))  # fmt: skip
    books.fold(Read(raw, "", "raw", b"{}"))
    assert books.aliens() == 1
    books.fold(Read(Source("slt.reports", 2, 5), "", "", {"raw": raw._asdict()}))
    assert (books.ends(raw), books.aliens()) == ((("refused", "BAD_COUNTRY"),), 0)


# -- what stands around it


def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    with claimed(tmp_path / "demo"), pytest.raises(FolderError, match="in use by process"), claimed(tmp_path / "demo"):
        pass


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("partners: [{org: demo-alder}]", "partners.0.category"),
        ("partners: [{org: Demo, category: INGO}]", "partners.0.org"),
        ("partners: [{org: demo-alder, category: INGO, colour: red}]", "partners.0.colour"),
        ("partners: [", "no YAML"),
        ("[]", "the file"),
    ],
)
def test_a_registry_that_is_none_says_where(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RegistryError, match=named):
        Registry.load(path)


def test_the_administrators_change_only_partners_ends_and_links(story: Scenario) -> None:
    kinds = {item.payload["type"] for item in story.items if isinstance(item, Word) and item.author == ADMIN}
    assert kinds == {"partner", "end", "link"}


def test_quantiles_are_read_from_the_exporter() -> None:
    name = "slt_end_to_end_seconds"
    lines = [f'{name}_bucket{{le="{bound}",partition="{lane}"}} {count}'
             for lane in (0, 1) for bound, count in (("0.1", 50), ("0.2", 100), ("+Inf", 100))]  # fmt: skip
    found = buckets(f"# TYPE {name} histogram\n" + "\n".join(lines) + "\n")
    assert quantile(found, 0.5) == pytest.approx(0.1)
    assert quantile(found, 0.75) == pytest.approx(0.15)


# -- consents with terms


def test_a_source_that_is_not_named_is_known_by_what_it_says(story: Scenario) -> None:
    faithful = Faithful(story)
    whisper = next(shown.series for act in story.acts for shown in act.shows if shown.field == "series_id")
    assert faithful.books.holders()[whisper] == dict.fromkeys(("demo-birch", "demo-hazel"), 0)


def test_more_than_is_permitted_is_seen(faithful: Faithful) -> None:
    series = next(item.series for item in _reports(faithful.story) if item.fields.get("personal"))
    account = {"series_id": series, "version": 1, "personal": {"contact": "x"}, "place": {"precision": "ADMIN2",
               "name": "", "latitude": None}}  # fmt: skip
    at, envelope = Source("slt.out.demo-nutmeg", 0, 10_000), Envelope(DeliveryType.UPDATE, "n", 2, 1, 0, 0, 0, "Actual")
    faithful.books.fold(Read(at, series, "view", {"accounts": [account], "sources": "1"}, envelope))
    assert [difference.what for difference in faithful.verdict().differences] == [
        f"personal of {series} at demo-nutmeg"
    ]


def test_a_recall_that_is_not_in_the_ledger_is_seen(faithful: Faithful) -> None:
    message = faithful.recall("slt.out.demo-fir", "k")
    assert faithful.verdict().good
    faithful.ledger(message, None)
    assert [difference.what for difference in faithful.verdict().differences] == ["recalls that are OPEN"]


def test_a_confirmation_that_is_missing_or_was_not_due_is_seen(faithful: Faithful) -> None:
    told = next(told for told in faithful.story.tells if told.what == "RECALLED_CONFIRMED")
    taken = faithful.books.told.pop(told)
    assert taken == 2.0
    faithful.books.told[told._replace(about="demo-fir/another")] = taken
    assert sorted((one.expected, one.found) for one in faithful.verdict().differences) == [
        ("nothing", "told"), ("told", "nothing"),
    ]  # fmt: skip


def test_an_originator_is_asked_and_its_answer_reaches_those_who_waited(story: Scenario) -> None:
    holds = {act.name: act.holds[story.explained] for act in story.acts if story.explained in act.holds}
    assert set(holds["danger"].values()) == {0}
    assert {org for org in holds["the answer"] if org not in holds["danger"]} == {
        SIOC,
        "demo-cedar", "demo-elm", "demo-fir", "demo-hazel", "demo-maple", "demo-nutmeg",
    }  # fmt: skip
