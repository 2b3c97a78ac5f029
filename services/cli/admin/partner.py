"""`slt admin partner`: the life of a partner, from its application to its leaving (SLT-42, consent.md F1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from services.cli.admin.clerk import clerk
from services.core.control import ANY, Category, PartnerStatus
from services.runtime.office import OfficeError
from services.runtime.settled import wait_until_settled
from services.runtime.wanted import View

app = typer.Typer(
    no_args_is_help=True, help="Let an organisation in, and out: apply, agree, admit, suspend, return, withdraw."
)
Org = Annotated[str, typer.Argument(help="The organisation's id.")]
_APPLY = "enter it with `slt admin partner apply` first"


class Joining(StrEnum):
    """Categories that join by letters; the others are entered by `slt admin apply`."""

    UNSMS = Category.UNSMS
    INGO = Category.INGO
    IO = Category.IO
    COORDINATION_PLATFORM = Category.COORDINATION_PLATFORM


@app.command("apply")
def apply_(
    context: typer.Context,
    org: Org,
    category: Annotated[Joining, typer.Option(help="Kind of organisation.")],
    evidence: Annotated[str, typer.Option(help="How it is shown that an INGO or IO works with the UN.")] = "",
    area: Annotated[list[str] | None, typer.Option(help="ISO 3166-1 alpha-3; all if left out.")] = None,
) -> None:
    """Enter an application: status APPLIED. Nothing is delivered, and no login works."""
    one = clerk(context)
    payload: dict[str, Any] = {
        "type": "partner", "org": org, "category": category.value, "status": PartnerStatus.APPLIED.value,
        "areas": area or [ANY], "kinds": [ANY], "statuses": ["Actual", "Exercise"], "evidence": evidence,
    }  # fmt: skip
    known = one.view().status(org)
    if known not in {None, PartnerStatus.APPLIED, PartnerStatus.WITHDRAWN}:
        raise OfficeError(f"{org} is {known}: it has applied already")
    one.enter(payload)


@app.command()
def agree(context: typer.Context, org: Org) -> None:
    """The Oversight Committee agrees: a key of each co-chair, then status OC_AGREED; topics are made.

    Each co-chair runs it once, with --as and --key. Until then the organisation is UNDER_REVIEW.
    """
    one = clerk(context)
    status = _status(one.view(), org)
    if status is PartnerStatus.APPLIED:
        one.change(f"partner/{org}", _APPLY, status=PartnerStatus.UNDER_REVIEW.value)
    if one.turned(org, PartnerStatus.OC_AGREED):
        one.settle(one.change(f"partner/{org}", _APPLY, status=PartnerStatus.OC_AGREED.value), org)


@app.command()
def admit(
    context: typer.Context,
    org: Org,
    lou: Annotated[str, typer.Option(help="Id of the letter of understanding that was exchanged.")],
    lou_text: Annotated[str, typer.Option(help="Version of its text; needed for a letter that is new.")] = "",
) -> None:
    """Letters were exchanged: status ACTIVE. Its logins work from now on, and deliveries begin."""
    one = clerk(context)
    if lou_text:
        one.enter({"type": "lou", "lou": lou, "text_version": lou_text})
    one.settle(one.change(f"partner/{org}", _APPLY, status=PartnerStatus.ACTIVE.value, lou=lou), org)


@app.command()
def suspend(context: typer.Context, org: Org) -> None:
    """A breach is documented: a key of each co-chair, then nothing more is delivered to it, or read by it.

    What it holds stays; recalls still reach it on slt.notices. Open connections are cut at once.
    """
    one = clerk(context)
    if one.turned(org, PartnerStatus.SUSPENDED):
        one.settle(one.change(f"partner/{org}", _APPLY, status=PartnerStatus.SUSPENDED.value), org)


@app.command("return")
def return_(context: typer.Context, org: Org) -> None:
    """A suspended partner comes back: ACTIVE; it may read as soon as every recall that is owed is in its topics."""
    one = clerk(context)
    if _status(one.view(), org) is PartnerStatus.OC_AGREED:
        raise OfficeError(f"{org} was never admitted: use `slt admin partner admit`")
    view = one.change(f"partner/{org}", _APPLY, status=PartnerStatus.ACTIVE.value)
    wait_until_settled(one.settings, view.past.records[-1].source.offset)
    one.settle(view, org)


@app.command()
def withdraw(context: typer.Context, org: Org) -> None:
    """It leaves of its own will: deliveries end at once, what it holds is recalled; 30 days for notices remain."""
    one = clerk(context)
    one.settle(one.change(f"partner/{org}", _APPLY, status=PartnerStatus.WITHDRAWN.value), org)


@app.command()
def terminate(context: typer.Context, org: Org) -> None:
    """A suspended partner is turned out for good: every right and every login goes."""
    one = clerk(context)
    one.settle(one.change(f"partner/{org}", _APPLY, status=PartnerStatus.TERMINATED.value), org)


@app.command("list")
def list_(context: typer.Context) -> None:
    """Every organisation of the registry with its standing, since when, and its logins."""
    view = clerk(context).view()
    table = Table("partner", "category", "status", "since", "letter", "logins")
    for org in view.registered:
        found = view.policy.partner(org)
        if found:
            logins = [one.name for one in view.policy.credentials() if one.org == org]
            since = f"{view.times[f'partner/{org}']:%Y-%m-%d %H:%M}"
            table.add_row(org, found.category, found.status, since, found.lou, ", ".join(logins))
    Console().print(table)


def _status(view: View, org: str) -> PartnerStatus:
    status = view.status(org)
    if status is None:
        raise OfficeError(f"{org} is not in the registry: {_APPLY}")
    return status
