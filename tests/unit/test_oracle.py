"""The oracle against logs made by hand: silent on a faultless one, and each fault is found and called by its name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.audit import audit
from tests.oracle.findings import Kind
from tests.oracle.handmade import Logs, faultless
from tests.oracle.recalls import Taken, recalls_due, recalls_made

ORACLE = Path(__file__).resolve().parents[1] / "oracle"


def test_a_faultless_history_has_no_findings() -> None:
    findings = audit(faultless().world())

    assert not findings, findings.table()
    assert findings.totals == {
        "submissions": 7, "acknowledged": 0, "controlled": 5, "delivered": 2, "entered before": 0, "refused": 0,
        "owed deliveries": 10, "arrived deliveries": 10,
    }  # fmt: skip


def _submission_without_outcome(logs: Logs) -> None:
    logs.append("slt.in.alder", None, data=b"{}")


def _consent_without_outcome(logs: Logs) -> None:
    logs.append("slt.consent.alder", None, data=b'{"payload": "never entered"}')


def _submission_without_receipt(logs: Logs) -> None:
    logs.topics["slt.receipts"].pop()
    logs.topics["slt.notices.alder"].pop()


def _copy_of_nothing(logs: Logs) -> None:
    logs.report(1, outcome="duplicate", relation="DUPLICATE", series_id="alder/s9", content_hash=b"9")


def _copy_of_an_exercise(logs: Logs) -> None:
    logs.report(1, outcome="withheld", series_id="alder/s8", content_hash=b"8", status="Exercise")
    logs.report(1, outcome="duplicate", relation="DUPLICATE", series_id="alder/s9", content_hash=b"8")


def _two_outcomes(logs: Logs) -> None:
    logs.decision([{"series_id": "alder/s1", "version": 1, "outcome": "delivered", "raw": _raw(0)}])


def _refused_and_delivered(logs: Logs) -> None:
    logs.append("slt.dead", {"topic": "slt.reports", "partition": 0, "offset": 0})


def _delivered_twice(logs: Logs) -> None:
    first = logs.topics["slt.out.birch"][-1]
    logs.arrive(first.data, first.header)


def _id_used_twice(logs: Logs) -> None:
    body, header = logs.view(2), logs.topics["slt.out.birch"][-1].header.replace(b"seq=3", b"seq=4")
    logs.arrive(body, header)


def _outcome_of_nothing(logs: Logs) -> None:
    logs.decision([{"series_id": "alder/s1", "version": 1, "outcome": "withheld", "raw": _raw(99)}])


def _nobody_decided_it(logs: Logs) -> None:
    logs.arrive(logs.recall(), b"type=RECALL;id=x;seq=9;prev=3;delete=3;replace=1;keep=0;status=Actual")


def _altered_on_the_way(logs: Logs) -> None:
    last = logs.topics["slt.out.birch"].pop(0)
    logs.topics["slt.out.birch"].insert(0, last._replace(data=logs.view(1, word="altered")))


def _control_of_nobody(logs: Logs) -> None:
    logs.append("slt.control", logs.topics["slt.control"][0].value, key="partner/alder")


def _never_arrived(logs: Logs) -> None:
    logs.topics["slt.out.birch"].pop()


def _shown_without_consent(logs: Logs) -> None:
    logs.report(3)
    logs.deliver(logs.view(3), 4, delete=2, replace=1)


def _decided_behind_the_barrier(logs: Logs) -> None:
    entry = logs.topics["slt.deliveries"][-1]
    logs.report(3, epoch=4)
    logs.deliver(logs.view(3), 4, delete=2, replace=1)
    late = logs.topics["slt.deliveries"].pop()
    logs.topics["slt.deliveries"].append(late._replace(value={**late.value, "epoch": entry.value["epoch"] - 1}))


def _exercise_among_the_real(logs: Logs) -> None:
    logs.deliver(logs.recall(), 4, status="Exercise", delete=3, replace=1)


def _word_to_a_stranger(logs: Logs) -> None:
    logs.arrive(logs.view(1), b"type=ALERT;id=x;seq=1;prev=0;delete=0;replace=0;keep=0;status=Actual", "slt.out.cedar")


def _word_outside_its_account(logs: Logs) -> None:
    logs.deliver(logs.view(series="birch/s1"), 4, delete=2, replace=1)
    body = logs.codec.encode("view", {"status": "Actual", "accounts": [], "notice": "zq-alder-word"})
    logs.deliver(body, 5, delete=2, replace=1)


def _nameless_without_consent(logs: Logs) -> None:
    logs.deliver(logs.view(0, series="", word=""), 4, delete=2, replace=1)


def _never_recalled(logs: Logs) -> None:
    logs.topics["slt.out.birch"].pop()
    logs.topics["slt.deliveries"].pop()


def _recalled_twice(logs: Logs) -> None:
    logs.deliver(logs.recall(), 4, type="RECALL", delete=3, replace=1)


def _recalled_without_cause(logs: Logs) -> None:
    logs.grant(3, covers_earlier=True)
    logs.deliver(logs.view(2), 4, delete=2, replace=1)
    logs.deliver(logs.recall(), 5, type="RECALL", delete=4, replace=1)
    logs.deliver(logs.view(2), 6, delete=4, replace=1)


def _half_recalled(logs: Logs) -> None:
    _never_recalled(logs)
    logs.deliver(logs.recall(), 3, type="RECALL", delete=1, replace=1)


def _late_grant_not_released(logs: Logs) -> None:
    logs.grant(3, covers_earlier=True)


def _holds_an_old_version(logs: Logs) -> None:
    logs.grant(3, covers_earlier=True)
    logs.deliver(logs.view(1), 4, delete=2, replace=1)


def _sequence_falls_back(logs: Logs) -> None:
    entries = logs.topics["slt.out.birch"]
    entries[0], entries[1] = entries[1], entries[0]


def _mark_taken_back(logs: Logs) -> None:
    logs.grant(3, covers_earlier=True)
    logs.deliver(logs.view(2), 4, delete=0, replace=1)


def _gap_in_the_log(logs: Logs) -> None:
    logs.grant(3, covers_earlier=True)
    logs.deliver(logs.view(2), 5, prev=4, delete=2, replace=1)


def _stage_swallows(logs: Logs) -> None:
    logs.topics["slt.located"].pop()


def _stage_invents(logs: Logs) -> None:
    logs.append("slt.located", {**logs.topics["slt.located"][0].value, "raw": _raw(99)})


def _decision_altered(logs: Logs) -> None:
    first = logs.topics["slt.decisions"][0]
    logs.topics["slt.decisions"][0] = first._replace(data=b"altered")


def _decision_removed(logs: Logs) -> None:
    logs.topics["slt.decisions"].pop(0)


def _raw(offset: int) -> dict[str, Any]:
    return {"topic": "slt.in.alder", "partition": 0, "offset": offset}


FAULTS: list[tuple[Callable[[Logs], None], Kind]] = [
    (_submission_without_outcome, Kind.LOST),
    (_consent_without_outcome, Kind.LOST),
    (_submission_without_receipt, Kind.LOST),
    (_copy_of_nothing, Kind.LOST),
    (_copy_of_an_exercise, Kind.LOST),
    (_two_outcomes, Kind.DUPLICATED),
    (_refused_and_delivered, Kind.DUPLICATED),
    (_delivered_twice, Kind.DUPLICATED),
    (_id_used_twice, Kind.DUPLICATED),
    (_outcome_of_nothing, Kind.ALIEN),
    (_nobody_decided_it, Kind.ALIEN),
    (_altered_on_the_way, Kind.ALIEN),
    (_control_of_nobody, Kind.ALIEN),
    (_never_arrived, Kind.MISSING),
    (_shown_without_consent, Kind.LEAKED),
    (_decided_behind_the_barrier, Kind.LEAKED),
    (_exercise_among_the_real, Kind.LEAKED),
    (_word_to_a_stranger, Kind.LEAKED),
    (_word_outside_its_account, Kind.LEAKED),
    (_nameless_without_consent, Kind.LEAKED),
    (_never_recalled, Kind.RECALL),
    (_recalled_twice, Kind.RECALL),
    (_recalled_without_cause, Kind.RECALL),
    (_half_recalled, Kind.RECALL),
    (_late_grant_not_released, Kind.DIVERGED),
    (_holds_an_old_version, Kind.DIVERGED),
    (_sequence_falls_back, Kind.ORDER),
    (_mark_taken_back, Kind.ORDER),
    (_gap_in_the_log, Kind.ORDER),
    (_stage_swallows, Kind.BALANCE),
    (_stage_invents, Kind.BALANCE),
    (_decision_altered, Kind.CHAIN),
    (_decision_removed, Kind.CHAIN),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=[fault.__name__.strip("_") for fault, _ in FAULTS])
def test_every_fault_is_found(fault: Callable[[Logs], None], kind: Kind) -> None:
    logs = faultless()

    fault(logs)

    assert kind in audit(logs.world()).kinds(), audit(logs.world()).table()


@pytest.mark.parametrize("told", [False, True])
def test_after_the_confirmation_nothing_is_in_time_any_more(told: bool) -> None:
    """A decision that did not know of the withdrawal may still arrive, unless alder was told that all is over."""
    logs = faultless()
    logs.grant(3)
    logs.report(3, epoch=logs.epoch)
    logs.grant(4, state="WITHDRAWN")
    if told:
        logs.confirmed()
    logs.now += timedelta(seconds=1)
    logs.deliver(logs.view(3), 4, delete=2, replace=1)
    late = logs.topics["slt.deliveries"].pop()
    logs.topics["slt.deliveries"].append(late._replace(value={**late.value, "epoch": logs.epoch - 1}))

    assert (Kind.LEAKED in audit(logs.world()).kinds()) is told


@pytest.mark.parametrize(("mode", "found"), [("RECALL", {Kind.RECALL}), ("PROSPECTIVE", set())])
def test_a_withdrawn_series_is_taken_back(mode: str, found: set[Kind]) -> None:
    logs = faultless()
    logs.grant(3)
    logs.report(3)
    logs.deliver(logs.view(3), 4, delete=2, replace=1)
    logs.control(
        "alder", {"type": "withdrawal", "version": 1, "originator": "alder", "series": "alder/s1", "mode": mode}
    )

    assert audit(logs.world()).kinds() == found
    assert recalls_due(logs.world()) == Counter({Taken("slt.out.birch", "alder/s1"): 1} if found else {})


def test_recalls_are_counted_by_what_their_keys_held() -> None:
    assert recalls_made(faultless().world()) == Counter({Taken("slt.out.birch", "alder/s1"): 1})


def test_the_same_consent_again_is_no_fault() -> None:
    logs = faultless()
    again = logs.topics["slt.consent.alder"][0]
    logs.answered("alder", logs.append("slt.consent.alder", None, data=again.data).at)

    findings = audit(logs.world())

    assert not findings, findings.table()
    assert findings.totals["entered before"] == 1


def test_an_account_without_its_sources_name_may_be_any_that_is_permitted() -> None:
    logs = faultless()
    logs.grant(3, covers_earlier=True)
    logs.deliver(logs.view(0, series=""), 4, delete=2, replace=1)
    logs.grant(4, state="WITHDRAWN")
    logs.deliver(logs.recall(), 5, type="RECALL", delete=4, replace=1)

    assert not audit(logs.world()), audit(logs.world()).table()


def test_an_open_transaction_is_found() -> None:
    assert audit(faultless().world(hanging=("slt.reports/0",))).kinds() == {Kind.HANGING}


def test_every_kind_of_finding_has_a_fault_that_shows_it() -> None:
    assert {kind for _, kind in FAULTS} | {Kind.HANGING} == set(Kind)


def test_catching_up_by_key_may_skip_what_is_overtaken() -> None:
    logs = faultless()
    logs.topics["slt.out.birch"] = [logs.topics["slt.out.birch"][0], logs.topics["slt.out.birch"][2]]

    assert audit(logs.world()).kinds() == {Kind.MISSING}
    assert not audit(logs.world(catch_up=True))


def test_catching_up_by_key_may_skip_a_recall_of_what_never_got_there() -> None:
    logs = faultless()
    logs.topics["slt.out.birch"] = []

    assert not audit(logs.world(catch_up=True))


def test_catching_up_never_skips_the_newest() -> None:
    logs = faultless()
    logs.topics["slt.out.birch"].pop()

    assert Kind.MISSING in audit(logs.world(catch_up=True)).kinds()


def test_the_oracle_shares_nothing_with_the_pipeline_but_the_codec() -> None:
    imported = {
        (file.name, name)
        for file in ORACLE.glob("*.py")
        for name in _imports(ast.parse(file.read_text(encoding="utf-8")))
        if name.split(".")[0] == "services"
    }

    assert imported
    assert {name for _, name in imported} == {"services.runtime.codec"}


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found
