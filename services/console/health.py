"""Whether the pipeline is well, for people: the stages' own metrics and the read model, as colours and sentences."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from prometheus_client.parser import text_string_to_metric_families

from services.runtime.picture import Picture

_KEPT_SECONDS = 2.0
"""Many pages ask; the exporters are asked once."""
_TIMEOUT = 1.0
_ORDER = ("intake", "enrich", "correlate", "distribute", "deliver")
_LATE_MS, _VERY_LATE_MS = 1000, 10_000
Json = dict[str, Any]


class Sample(NamedTuple):
    """One value of one exporter."""

    name: str
    labels: Mapping[str, str]
    value: float


class Scrape(NamedTuple):
    """What all exporters said at a moment."""

    at: float
    samples: tuple[Sample, ...]
    silent: tuple[str, ...]
    """Slots that did not answer, as stage-number."""

    def total(self, name: str, **labels: str) -> float:
        """Sum over all samples of this name with these labels."""
        return sum(one.value for one in self._of(name, labels))

    def largest(self, name: str, **labels: str) -> float:
        """0 where there is none."""
        return max((one.value for one in self._of(name, labels)), default=0.0)

    def _of(self, name: str, labels: Mapping[str, str]) -> Iterator[Sample]:
        return (one for one in self.samples if one.name == name and labels.items() <= one.labels.items())


class Gauge:
    """Asks the exporters of a Prometheus target file, at most every two seconds; keeps two answers for rates."""

    def __init__(self, targets: Path | None) -> None:
        """`targets`: as Prometheus' file_sd reads it; None: nothing is known of the stages."""
        self._targets = targets
        self._newest = self._before = Scrape(0.0, (), ())

    def pair(self) -> tuple[Scrape, Scrape]:
        """An earlier answer and the newest."""
        moment = time.monotonic()
        if moment - self._newest.at > _KEPT_SECONDS:
            self._before, self._newest = self._newest, self._ask(moment)
        return self._before, self._newest

    def _ask(self, moment: float) -> Scrape:
        samples: list[Sample] = []
        silent = []
        for name, address in self._slots():
            try:
                samples += _samples(address)
            except OSError:
                silent.append(name)
        return Scrape(moment, tuple(samples), tuple(silent))

    def _slots(self) -> Iterator[tuple[str, str]]:
        if self._targets is None or not self._targets.is_file():
            return
        for entry in orjson.loads(self._targets.read_bytes()):
            for target in entry["targets"]:
                yield f"{entry['labels']['stage']}-{entry['labels'].get('slot', '0')}", target


def _samples(address: str) -> Iterable[Sample]:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=_TIMEOUT) as answer:
        text = answer.read().decode()
    return [
        Sample(one.name, one.labels, one.value)
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name.startswith("slt_")
    ]


def health_of(picture: Picture, gauge: Gauge) -> Json:
    """The answer of /api/health."""
    before, scrape = gauge.pair()
    beat, traffic, partners = picture.beat(), picture.traffic(), picture.partners()["items"]
    overdue = [one for one in picture.recalls()["items"] if one["state"] == "overdue"]
    checks = [
        _clock(beat), _slots(scrape), _balance(scrape), _outlets(scrape, partners), _latency(traffic["latency"]),
        _refused(traffic["dead"], beat["clock"]), _answers(overdue),
    ]  # fmt: skip
    worst = max((check["state"] for check in checks), key=("ok", "warn", "bad").index)
    parked = [
        {
            "recipient": one["recipient"],
            "since": one["outlet_since"],
            "keys": None,
            "reason": "by an administrator" if one["outlet"] == "parked" else "the broker refuses it",
        }
        for one in partners
        if one["outlet"] == "parked" or scrape.largest("slt_outlet_parked", org=one["recipient"])
    ]
    stages = [_stage(stage, before, scrape) for stage in _ORDER] if scrape.samples else []
    return {"state": worst, "checks": checks, "stages": stages, "parked": parked, **traffic}


def _check(name: str, state: str, text: str, since: str | None = None) -> Json:
    return {"name": name, "state": state, "text": text, "since": since}


def _clock(beat: Json) -> Json:
    if beat["stale_since"] or beat["clock"] is None:
        return _check("clock", "bad", "The broker's clock stands still: nothing new is released.", beat["stale_since"])
    if beat["rebuilding"] is not None:
        return _check("clock", "warn", f"The picture is being rebuilt, {beat['rebuilding']} %.")
    return _check("clock", "ok", "The broker's clock runs.")


def _slots(scrape: Scrape) -> Json:
    if not scrape.samples and not scrape.silent:
        return _check("stages", "warn", "No metrics are configured, so nothing is known of the stages.")
    if scrape.silent:
        return _check("stages", "bad", f"No answer from {', '.join(scrape.silent)}.")
    return _check("stages", "ok", "Every process answers.")


def _balance(scrape: Scrape) -> Json:
    lost = int(scrape.largest("slt_balance_gap"))
    if lost > 0:
        return _check("accounts", "bad", f"{lost} accepted reports have had no outcome for a minute.")
    return _check("accounts", "ok", "Every report that was accepted has an outcome.")


def _outlets(scrape: Scrape, partners: Iterable[Json]) -> Json:
    parked = sum(one["outlet"] == "parked" for one in partners) or int(scrape.total("slt_outlet_parked"))
    if parked:
        return _check(
            "outlets", "warn", f"{parked} outlets are parked: their partners get nothing until they are opened."
        )
    return _check("outlets", "ok", "Every outlet is open.")


def _latency(latency: Json) -> Json:
    p99 = latency["p99_ms"]
    if p99 is None:
        return _check("latency", "ok", "Nothing was delivered to the SIOC yet.")
    state = "ok" if p99 < _LATE_MS else "warn" if p99 < _VERY_LATE_MS else "bad"
    return _check("latency", state, f"99 of 100 alerts reached the SIOC within {p99 / 1000:.1f} s.")


def _refused(dead: list[Json], clock: str | None) -> Json:
    hour = [one for one in dead if clock and one["at"][:13] == clock[:13] and one["stage"] != "intake"]
    if hour:
        return _check("dead letters", "warn", f"{len(hour)} records were refused behind intake within this hour.")
    return _check("dead letters", "ok", "No stage behind intake refused anything within this hour.")


def _answers(overdue: list[Json]) -> Json:
    if overdue:
        return _check("recalls", "warn", f"{len(overdue)} recalls are overdue: call their recipients.")
    return _check("recalls", "ok", "No recall is overdue.")


def _stage(stage: str, before: Scrape, scrape: Scrape) -> Json:
    inputs, earlier = scrape.total("slt_inputs_total", stage=stage), before.total("slt_inputs_total", stage=stage)
    seconds = scrape.at - before.at
    return {
        "stage": stage, "partition": None,
        "rate": max(0.0, inputs - earlier) / seconds if before.at else 0.0,
        "lag": round(scrape.largest("slt_lag_seconds", stage=stage), 3),
        "p50_ms": _quantile(scrape, stage, 0.5), "p99_ms": _quantile(scrape, stage, 0.99),
    }  # fmt: skip


def _quantile(scrape: Scrape, stage: str, share: float) -> float | None:
    """Upper bound of the bucket of commit times in which the quantile lies, in milliseconds; since the start."""
    counts: dict[float, float] = {}
    for one in scrape.samples:
        if one.name == "slt_commit_seconds_bucket" and one.labels.get("stage") == stage:
            bound = float(one.labels["le"])
            counts[bound] = counts.get(bound, 0.0) + one.value
    total = max(counts.values(), default=0.0)
    found = [bound for bound, count in sorted(counts.items()) if total and count >= share * total]
    return found[0] * 1000 if found and found[0] != float("inf") else None
