"""What a format costs: a CAP alert in and a delivery out, one at a time, without a broker.

Processor time of this process, the median of some rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import process_time

from services.cli.bench.consents import located
from services.cli.bench.targets import Result
from services.core.cap.dictionary import Version
from services.core.cap.tree import Alert, Node
from services.core.cap.write import Addressed, alert_from, delivery_from
from services.core.envelope import DeliveryType, Envelope
from services.core.projection import FULL
from services.core.view import Released, build_view
from services.runtime.cap.check import check
from services.runtime.cap.receive import receive
from services.runtime.cap.render import render
from services.runtime.codec import Codec
from services.runtime.formats import as_json

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_TIMES, _ROUNDS = 500, 5
_MOST = 1 << 20
_TIME = "2026-11-23T11:00:00-00:00"


def measure() -> list[Result]:
    """Microseconds each."""
    codec = Codec()
    (report,) = located(1, NOW)
    view = build_view("Actual", [Released(report, FULL)])
    body = codec.encode("view", view)
    fields = codec.decode(body)[1]
    addressed = Addressed("partner-001", "0" * 32, Envelope(DeliveryType.ALERT, "1" * 32, 1, 0, 0, 0, 0, "Actual"), NOW)
    incoming, outgoing = (
        render(_alert(report["headline"], report["description"])),
        render(alert_from("view", fields, addressed)),
    )
    cases: dict[str, Callable[[], object]] = {
        "cap_in_us": lambda: receive(incoming, _MOST, (), NOW),
        "cap_out_us": lambda: render(alert_from("view", fields, addressed)),
        "cap_back_us": lambda: delivery_from(check(outgoing).alerts[0]),
        "json_us_per_delivery": lambda: as_json(codec, body),
        "avro_us_per_delivery": lambda: codec.encode("view", view),
    }
    return [Result(name, median(_us(case) for _ in range(_ROUNDS))) for name, case in cases.items()]


def _us(case: Callable[[], object]) -> float:
    began = process_time()
    for _ in range(_TIMES):
        case()
    return (process_time() - began) / _TIMES * 1e6


def _alert(headline: str, description: str) -> Alert:
    """About one kilobyte, all invented."""
    info = {
        "category": "Security", "event": "roadblock", "urgency": "Immediate", "severity": "Severe",
        "certainty": "Observed", "onset": _TIME, "headline": headline, "description": description,
    }  # fmt: skip
    head = {
        "identifier": "bench-1", "sender": "origin-1", "sent": _TIME, "status": "Actual", "msgType": "Alert",
        "scope": "Public",
    }  # fmt: skip
    area = Node("area", children=(Node("areaDesc", "Quillmere"), Node("circle", "1.5,2.5 10")))
    said = (*(Node(name, text) for name, text in info.items()), area)
    return Alert(
        Version.V12,
        Node("alert", children=(*(Node(name, text) for name, text in head.items()), Node("info", children=said))),
    )
