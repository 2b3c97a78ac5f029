"""A whole relay under load and faults, judged by the oracle: what the proof and the mutants run on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.runtime import kafka
from services.runtime.local import LocalStack
from services.runtime.processor import Stage
from services.runtime.supervisor import Supervisor
from tests.oracle.audit import audit
from tests.oracle.findings import Finding, Findings, Kind
from tests.oracle.generator import Plan, make_plan
from tests.oracle.read import read_world
from tests.oracle.scenario import ADMIN, ORGS, Signers
from tests.oracle.submit import Submitter
from tests.oracle.world import World
from tests.system.quiet import wait_until_quiet

STAGES = tuple(stage.value for stage in Stage)
Fault = Callable[["Rig"], None]


@dataclass(frozen=True)
class Load:
    """How much is sent, how fast, and from which seed; print the seed and a run can be repeated."""

    reports: int
    rate: float
    seed: int = 1


@dataclass
class Rig:
    """A running relay with its load."""

    stack: LocalStack
    supervisor: Supervisor
    plan: Plan
    submitter: Submitter
    kills: dict[str, int] = field(default_factory=dict)

    def kill(self, stage: str) -> None:
        """kill -9 of every slot of a stage that runs; the supervisor starts it again."""
        slots = [slot for slot in self.supervisor.slots if slot.stage == stage]
        until(lambda: all(slot.pid for slot in slots), f"{stage} does not run")
        for slot in slots:
            slot.kill()
        self.kills[stage] = self.kills.get(stage, 0) + 1

    def restart_broker(self) -> None:
        """kill -9 of the broker, and a new start on the same data."""
        self.stack.kill_broker()
        self.stack.restart_broker()

    def load(self, rate: float, faults: Sequence[Fault]) -> None:
        """Set up, then send the load with the faults spread evenly over it."""
        *setup, load = self.plan.phases
        for phase in setup:
            self.submitter.send(phase)
            self.quiet()
        size = -(-len(load) // (len(faults) + 1))
        chunks = (load[start : start + size] for start in range(0, len(load), size))
        for chunk, fault in zip(chunks, [*faults, None], strict=False):
            self.submitter.send(chunk, rate)
            if fault:
                fault(self)

    def quiet(self, seconds: float = 300.0) -> None:
        """Wait until nothing is left to do anywhere."""
        wait_until_quiet(self.stack.admin_config(), seconds)

    def settled(self, seconds: float = 120.0) -> Findings:
        """The verdict once all is quiet. What time may mend has `seconds`; a leak or a repeat stays for ever."""
        deadline = time.monotonic() + seconds
        while True:
            self.quiet()
            found = self.judge()
            if not found or time.monotonic() > deadline:
                return found

    def world(self) -> World:
        """Everything that lies in the topics now."""
        return read_world(self.stack.admin_config(), self.plan.canaries, catch_up=True)

    def refused(self) -> Counter[tuple[str, str, str]]:
        """What was refused, by stage, reason and advice: a fault of ours is told by its class."""
        dead = self.world().of("slt.dead")
        return Counter((one.value["stage"], one.value["reason"], one.value["advice"]) for one in dead)

    def judge(self) -> Findings:
        """The oracle's verdict as of now, and that the broker kept what it acknowledged to the generator."""
        world = self.world()
        found = audit(world)
        gone = [at for at in self.submitter.acknowledged if world.at(at) is None]
        vanished = tuple(Finding(Kind.LOST, str(at), "acknowledged, and not in the topic") for at in gone)
        return Findings((*found.found, *vanished), found.totals)


def storm(rounds: int) -> list[Fault]:
    """Each stage killed `rounds` times in turn, a broker restart in the middle, a Redis flush after it."""
    faults: list[Fault] = [killing(stage) for stage in islice(cycle(STAGES), rounds * len(STAGES))]
    middle = len(faults) // 2
    return [*faults[:middle], Rig.restart_broker, lambda rig: rig.stack.redis_flush(), *faults[middle:]]


def killing(stage: str) -> Fault:
    """kill -9 of a stage."""
    return lambda rig: rig.kill(stage)


Make = Callable[[Signers, int, datetime], Plan]


@contextmanager
def running(folder: Path, load: Load, counts: Mapping[str, int], make: Make = make_plan) -> Iterator[Rig]:
    """Kafka, Redis and the slots in `counts`, provisioned for the invented organisations."""
    with LocalStack.start(folder, orgs=ORGS) as stack:
        settings = stack.settings
        key = bytes.fromhex(settings.secret("administrator.key").decode())
        signers = Signers(load.seed, Ed25519PrivateKey.from_private_bytes(key))
        plan = make(signers, load.reports, datetime.now(UTC))  # noqa: TID251  a test's own clock, not a rule's
        submitter = Submitter(
            lambda org: stack.admin_config() if org == ADMIN else kafka.partner_security(settings, org)
        )
        with closing(submitter), Supervisor(stack.settings_file, folder, counts) as supervisor:
            yield Rig(stack, supervisor, plan, submitter)


def until(ready: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition; AssertionError with `what` when it does not come."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} after {seconds:.0f} s")
        time.sleep(0.01)
