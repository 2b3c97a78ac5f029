"""The whole judgement over one world."""

from __future__ import annotations

from tests.oracle.accounts import check_accounts, check_balance, check_chain
from tests.oracle.consent import check_canaries, check_holdings, check_leaks, check_recalls
from tests.oracle.entitlement import History
from tests.oracle.findings import Finding, Findings, Kind
from tests.oracle.outlets import check_order, check_outlets
from tests.oracle.world import World


def audit(world: World) -> Findings:
    """Every broken promise in what was read; pure, so that a log made by hand can be judged as well."""
    history = History(world.of("slt.control"))
    accounts, submitted = check_accounts(world)
    outlets, delivered = check_outlets(world)
    found = [
        *accounts,
        *check_balance(world),
        *check_chain(world),
        *outlets,
        *check_order(world),
        *check_leaks(world, history),
        *check_canaries(world, history),
        *check_recalls(world, history),
        *check_holdings(world, history),
        *(Finding(Kind.HANGING, where, "an open transaction hides the end") for where in world.hanging),
    ]
    return Findings(tuple(found), {**submitted, **delivered})
