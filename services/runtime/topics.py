"""schemas/topics.yaml in memory: every topic of the relay, its settings, and who works with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from services.core.credential import Scope
from services.runtime.codec import SCHEMAS

ADMIN = "admin"
"""The broker's administrator; slt.consent.admin is the administrators' own topic, answered in slt.notices.admin."""
CANARY = "canary"
"""The test organisation that every installation has (ARCHITECTURE §8, heartbeats)."""
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Topic:
    """One entry of topics.yaml; with `{org}` in its name a family of topics, one for each organisation."""

    name: str
    meaning: str
    key: str
    records: tuple[str, ...]
    cleanup: str
    producers: frozenset[str]
    consumers: frozenset[str]
    partitions: int | None = None
    """None: the installation's lanes."""
    retention: timedelta | None = None
    compaction_lag: timedelta | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[Scope] = frozenset()
    """Scopes of a partner's credential, any of which opens the topic to it."""

    @property
    def family(self) -> bool:
        """True if every organisation has one of its own."""
        return "{org}" in self.name

    @property
    def outlet(self) -> bool:
        """True if deliveries lie in it: what a suspended partner may not read."""
        return self.scopes == {Scope.READ}

    @property
    def prefix(self) -> str:
        """The family's names up to the organisation; it ends in the separator, or esa would read esab."""
        return self.name.removesuffix("{org}")

    def settings(self) -> dict[str, str]:
        """The topic's configuration at the broker."""
        found = {"cleanup.policy": self.cleanup}
        if self.retention:
            found["retention.ms"] = _milliseconds(self.retention)
        if self.compaction_lag:
            found["min.compaction.lag.ms"] = _milliseconds(self.compaction_lag)
        return {**found, **self.config}


@dataclass(frozen=True)
class Catalogue:
    """All topics of the relay and who works with them."""

    topics: tuple[Topic, ...]

    @classmethod
    def load(cls, path: Path = SCHEMAS / "topics.yaml") -> Catalogue:
        """Read topics.yaml; ProvisionError names an entry that cannot be read."""
        return cls(tuple(_topic(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["topics"]))

    @property
    def stages(self) -> tuple[str, ...]:
        """Every principal of our own except the administrator, sorted."""
        named = frozenset[str]().union(*(topic.producers | topic.consumers for topic in self.topics))
        return tuple(sorted(named - {"partner", "everyone"}))

    def for_org(self, org: str) -> tuple[str, ...]:
        """The topics of one organisation."""
        return tuple(topic.prefix + org for topic in self.topics if topic.family)

    def names(self, orgs: Iterable[str]) -> tuple[str, ...]:
        """Every topic of an installation with these organisations."""
        return tuple(self.expected(orgs))

    def expected(self, orgs: Iterable[str]) -> dict[str, Topic]:
        """Topic name -> its entry; the test organisation's and the administrators' own are always among them."""
        everyone = dict.fromkeys((CANARY, *orgs))
        found = {topic.name: topic for topic in self.topics if not topic.family}
        for topic in self.topics:
            if topic.family:
                administrators = (ADMIN,) if topic.prefix in {"slt.consent.", "slt.notices."} else ()
                found.update({topic.prefix + org: topic for org in (*administrators, *everyone)})
        return found

    def inputs(self, stage: str) -> tuple[Topic, ...]:
        """What a stage consumes in its group: not its own output, and no compacted table that it reads whole."""
        return tuple(
            topic
            for topic in self.topics
            if stage in topic.consumers and stage not in topic.producers and topic.cleanup == "delete"
        )


def _topic(entry: Mapping[str, Any]) -> Topic:
    partitions = entry["partitions"]
    return Topic(
        name=entry["name"],
        meaning=entry["meaning"],
        key=entry["key"],
        records=tuple(entry["records"]),
        cleanup=entry["cleanup"],
        producers=frozenset(entry["producers"]),
        consumers=frozenset(entry["consumers"]),
        partitions=None if partitions == "lanes" else int(partitions),
        retention=_duration(entry.get("retention")),
        compaction_lag=_duration(entry.get("compaction_lag")),
        config={key: str(value) for key, value in entry.get("config", {}).items()},
        scopes=frozenset(map(Scope, entry.get("scopes", ()))),
    )


def _duration(text: str | None) -> timedelta | None:
    return timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]]) if text else None


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))
