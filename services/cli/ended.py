"""What the demo says of consents when all is over: ends that were confirmed, recalls and their answers, one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.box import SIMPLE
from rich.table import Table

from services.cli.scenario import Scenario, Told
from services.cli.verdict import Difference
from services.core.audit import Audited
from services.core.confirmation import ConsentStatus
from services.core.recall import Standing
from services.runtime.read_model import audit, connect
from services.runtime.settings import Settings

_WORDS = {Standing.OPEN: "no answer yet", Standing.OVERDUE: "overdue"}


def confirmed(told: Mapping[Told, float]) -> Table:
    """Seconds from the end of a consent to each of its confirmations."""
    table = Table("end of consent, told to its grantor", "REVOKED: nothing more is delivered",
                  "RECALLED: every recall is in its topic", box=SIMPLE)  # fmt: skip
    for org, grant in sorted({(one.org, one.about) for one in told if one.what in set(ConsentStatus)}):
        taken = (told.get(Told(org, status, grant)) for status in ConsentStatus)
        table.add_row(grant, *("-" if seconds is None else f"after {seconds:.2f} s" for seconds in taken))
    return table


def recalls(standings: Mapping[str, int]) -> Table:
    """How many recalls were answered how, one for each recipient."""
    table = Table("recalls", box=SIMPLE)
    for standing in Standing:
        table.add_column(_WORDS.get(standing, standing.value), justify="right")
    table.add_row(str(sum(standings.values())), *(str(standings.get(standing, 0)) for standing in Standing))
    return table


def audit_of(settings: Settings, scenario: Scenario) -> Audited | None:
    """What the read model knows of the report that is explained; redis.RedisError if it does not answer."""
    with connect(settings) as client:
        return audit(client, scenario.explained)


def unlike(found: Audited | None, scenario: Scenario) -> Iterator[Difference]:
    """Whether the explanation names as holders exactly those that the scenario does."""
    wanted = sorted(scenario.holds.get(scenario.explained, {}))
    holders = sorted(org for holding in found["held"] for org in holding["recipients"]) if found else []
    if wanted != holders:
        yield Difference(f"slt explain {scenario.explained}", ", ".join(wanted), ", ".join(holders) or "nobody")
