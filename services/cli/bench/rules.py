"""Consent's own cost, without a broker: `decide` alone, and distribute's whole rule, for 50 and for 200 recipients.

Processor time of this process, the median of some rounds: what others use meanwhile is not in it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from services.cli.bench.consents import Fields, consents, located
from services.cli.bench.targets import Result
from services.core.control import Category
from services.core.features import features
from services.core.ids import Ids
from services.core.ledger import Entry, Incident
from services.core.policy import Policy
from services.core.reconcile import reconcile
from services.core.stage import Moment
from services.core.view import Released, build_view
from services.distribute.processor import Distribute, Tools
from services.runtime.codec import Codec
from services.runtime.ports import Message
from services.runtime.processor import Stage
from services.runtime.step import Step
from services.runtime.store import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_REPORTS = 2000
_ROUNDS = 5
_LARGEST = 1_000_000
_SECRET = b"an invented secret of the bench."


def measure() -> Iterator[tuple[list[Result], str]]:
    """The results by number of recipients, with what the whole is made of as a note."""
    reports = located(_REPORTS, NOW)
    gc.collect()
    gc.freeze()  # as every slot does
    for recipients in (50, 200):
        policy = consents(recipients)
        warm = _median_us(lambda each: policy.decide(each, NOW), reports)  # noqa: B023  used in this round only
        found = [
            Result(f"decide_us_per_recipient_warm_{recipients}", warm / recipients),
            Result(f"reconcile_us_report_{recipients}", _distribute_us(policy, reports)),
        ]
        if recipients == 50:
            found.append(Result("decide_us_new_class_50", _new_class_us(recipients, reports)))
        made_of = {"decide": warm, **_parts(policy, reports)}
        yield found, ", ".join(f"{name} {us:.1f}" for name, us in made_of.items())


def _new_class_us(recipients: int, reports: Sequence[Fields]) -> float:
    """Each class of report once, and a new policy for every round: none was ever seen."""
    classes = list({features(each): each for each in reports}.values())
    policies = [consents(recipients) for _ in range(_ROUNDS)]
    gc.collect()
    gc.freeze()
    return median(_us(lambda each: policy.decide(each, NOW), classes) for policy in policies)  # noqa: B023


def _distribute_us(policy: Policy, reports: Sequence[Fields]) -> float:
    """The first report of an incident, from its bytes on slt.incidents to all outputs and changes, encoded."""
    codec = Codec()
    messages = [
        Message("slt.incidents", 0, number, 0, None, codec.encode("incident_change", _change(each)))
        for number, each in enumerate(reports)
    ]
    return median(_us(_distribute(codec, policy), messages) for _ in range(_ROUNDS))


def _distribute(codec: Codec, policy: Policy) -> Callable[[Message], None]:
    """One slot of distribute without its clients."""
    step = Step(Stage.DISTRIBUTE, codec, raw=False, size_limit=lambda _: _LARGEST)
    store = Store(codec)
    task = Distribute(0, Tools(Ids(_SECRET), codec.encode, timedelta(days=30)), store)
    moment = Moment(NOW, True, policy, policy.epoch)

    def handle(message: Message) -> None:
        effects = step.handle(task, message, moment)
        for key, data in effects.changes:
            store.put(key, data)
        step.applied(task, effects.result)

    return handle


def _change(report: Fields) -> Fields:
    series = report["series_id"]
    return {"relation": "NEW", "report": report, "series_id": series, "joined": [series], "left": [], "links": []}


def _parts(policy: Policy, reports: Sequence[Fields]) -> dict[str, float]:
    """Microseconds of what dominates: to reconcile, one view, and its encoding."""
    incidents = [Incident(each["series_id"], "Actual", {each["series_id"]: Entry(each, NOW)}, {}) for each in reports]
    shown = [(incident, reconcile(incident, policy, NOW).deliveries) for incident in incidents]
    views = [_released(incident, delivery.send) for incident, deliveries in shown for delivery in deliveries]
    encode, built = Codec().encode, [build_view("Actual", [one]) for one in views]
    return {
        "reconcile": _median_us(lambda one: reconcile(one, policy, NOW), incidents),
        "views of a report": len(views) / len(reports),
        "a view": _median_us(lambda one: build_view("Actual", [one]), views),
        "to encode it": _median_us(lambda one: encode("view", one), built),
    }


def _released(incident: Incident, send: Any) -> Released:
    (member,) = send.shown
    return Released(incident.entries[member.series_id].report, member.projection, Category.UNSMS.value)


def _median_us(rule: Callable[[Any], object], items: Sequence[Any]) -> float:
    return median(_us(rule, items) for _ in range(_ROUNDS))


def _us(rule: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Processor time for one item."""
    started = time.process_time()
    for item in items:
        rule(item)
    return (time.process_time() - started) * 1e6 / len(items)
