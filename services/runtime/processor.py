"""What a stage's author wires: which topics, which state, and the pure task of one partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.core.stage import State, Task


class Stage(StrEnum):
    """The stages of the pipeline, in their order; also their principals' and groups' names."""

    INTAKE = "intake"
    ENRICH = "enrich"
    CORRELATE = "correlate"
    DISTRIBUTE = "distribute"
    DELIVER = "deliver"


class Assignment(NamedTuple):
    """One input partition that a slot owns."""

    topic: str
    partition: int


@dataclass(frozen=True)
class Processor:
    """A stage on the transactional runner."""

    stage: Stage
    sources: tuple[str, ...]
    """Topic names of `schemas/topics.yaml`; one with `{org}` stands for every topic of that family."""
    task: Callable[[Assignment, State], Task]
    """Makes the rule for one partition from its restored state; made again after an abort."""
    state: str | None = None
    """Changelog topic; its partition numbers are those of the input."""
    reads_control: bool = False
    """True: every batch waits for the barrier and its moment carries the policy (ARCHITECTURE §5 rule 7)."""
    reads_acks: bool = False
    """True: its moment carries every acknowledgement so far (services.runtime.acks)."""
    raw: bool = False
    """True: records reach the task as bytes (intake); else decoded by the codec."""
