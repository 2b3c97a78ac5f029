"""The bundled scenario against the rules: what it says by hand is what the gates decide, act by act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from services.cli.chapters import scenario
from services.cli.scenario import Act, Submission, Word
from services.cli.up import REGISTRY
from services.core.control import ADMIN, control_id
from services.core.control_read import read_control
from services.core.draft import drafted
from services.core.fold import PolicyFold
from services.core.gates import Target
from services.core.place import Area
from services.core.projection import Attribution, parse_projection
from services.core.stage import Record, Refusal, Source
from services.core.view import Released, build_view
from services.runtime.codec import Codec
from services.runtime.registry import OFFICER, Registry, Signers, control_key, founding

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _account(released: Released) -> Mapping[str, Any]:
    """As a recipient reads it: what was left out has its default."""
    codec = Codec()
    _, view = codec.decode(codec.encode("view", build_view("Actual", [released])))
    account: Mapping[str, Any] = view["accounts"][0]
    return account


def located(place: Mapping[str, Any]) -> Area:
    return Area(place["country"], "", "", "", "", "", "")


class Pipeline:
    """Folds words, decides about reports, and keeps what everybody holds."""

    def __init__(self, registry: Registry, secrets: Path) -> None:
        self.fold = PolicyFold(b"", lambda *_: True)
        self.offset, self.now = 0, START
        self.reports: dict[str, dict[str, Any]] = {}
        self.held: dict[str, dict[str, int]] = {}
        self.views: dict[tuple[str, str], Released] = {}
        for payload in founding(registry, Signers(secrets)):
            self.word(ADMIN, payload)

    def word(self, author: str, payload: Mapping[str, Any]) -> None:
        found = read_control(payload)
        assert not isinstance(found, Refusal), found
        kind, version, control = found
        value = {
            "type": kind.value, "id": control_id(control), "version": version, "author": author,
            "signer": "root" if author == ADMIN else OFFICER, "payload": orjson.dumps(payload).decode(),
            "signature": b"", "covers_from": -1,
        }  # fmt: skip
        self.fold.apply(Record(Source("slt.control", 0, self.offset), self.now, control_key(payload), "control", value))
        self.offset += 1

    def play(self, act: Act) -> None:
        self.now += timedelta(seconds=1 + (act.after.seconds if act.after else 0))
        policy = self.fold.compiled()
        for item in act.items:
            if isinstance(item, Word) and not item.reason:
                self.word(item.author, item.resolved(self.now))
            elif isinstance(item, Submission) and item.outcome not in {"refused", "duplicate"}:
                report = drafted(item.fields, item.org, self.now, policy.epoch, located)
                assert not isinstance(report, Refusal), report
                self.reports[item.series] = report
        for series in self.reports:
            self.reconcile(series)

    def reconcile(self, series: str) -> None:
        report, before = self.reports[series], self.held.get(series, {})
        policy, after = self.fold.compiled(), {}
        for verdict, recipients in policy.decide(report, self.now).groups:
            for org in recipients:
                if verdict.target is Target.SHOW:
                    projection = parse_projection(verdict.projection.text)
                    self.views[org, series] = Released(report, projection)
                    after[org] = report["version"] if projection.attribution == Attribution.NAMED else 0
                elif verdict.target is Target.KEEP and org in before:
                    after[org] = before[org]
        self.held[series] = after


def test_the_gates_decide_what_the_story_tells(tmp_path: Path) -> None:
    registry = Registry.load(REGISTRY)
    story = scenario(START, registry)
    pipeline = Pipeline(registry, tmp_path)
    for act in story.acts:
        pipeline.play(act)
        for series in act.holds.keys() & pipeline.held.keys():
            assert (act.name, series, pipeline.held[series]) == (act.name, series, dict(act.holds[series]))
        for org, series, field, value in act.shows:
            if field == "sources":
                continue  # of a view, not of one report
            found: Any = _account(pipeline.views[org, series])
            for part in field.split("."):
                found = found[part]
            assert (org, series, field, found) == (org, series, field, value)
    assert {series for series, holders in story.holds.items() if holders} <= pipeline.held.keys()
