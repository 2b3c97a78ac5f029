"""`slt admin credential`: logins of partners' systems, each with a name, scopes and a life of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.table import Table

from services.cli.admin.clerk import Clerk, clerk
from services.core.access import ENDED_AFTER, WARNED_AFTER, Idle, idle
from services.core.credential import Credential, CredentialState, Scope
from services.runtime.brokerside import put_users
from services.runtime.last_use import last_uses
from services.runtime.office import OfficeError
from services.runtime.provision import admin_config
from services.runtime.secrets import new_secret
from services.runtime.wanted import View, login_of, unused_for

app = typer.Typer(no_args_is_help=True, help="Issue, rotate, suspend, resume and revoke logins; see which are used.")
Org = Annotated[str, typer.Argument(help="The organisation.")]
Name = Annotated[str, typer.Argument(help="The credential's name, without the organisation: for example laptop.")]
_ADVICE = "issue it with `slt admin credential issue` first"


@app.command()
def issue(
    context: typer.Context,
    org: Org,
    name: Name,
    scope: Annotated[list[Scope], typer.Option(help="What it is for; give it once for each scope.")],
) -> None:
    """Make a login `ORG.NAME`; its password is shown once and stored nowhere.

    Again with other scopes: it has these from then on, and keeps its password.
    """
    one = clerk(context)
    known = one.view().policy.credential(f"{org}.{name}")
    view = one.enter(
        {"type": "credential", "org": org, "name": name, "scopes": sorted({each.value for each in scope}),
         "state": CredentialState.ISSUED.value, "issue": known.issue if known else 1}
    )  # fmt: skip
    if known:
        one.settle(view, org)
        one.say(f"{org}.{name} was issued before: its password cannot be shown again, rotate it for a new one")
    else:
        one.settle(view, org, quotas=True)


@app.command()
def rotate(context: typer.Context, org: Org, name: Name) -> None:
    """Give it a new password, shown once. Who is connected stays so until it has to prove itself again (15 minutes)."""
    one = clerk(context)
    found = _found(one.view(), org, name)
    view = one.change(_key(org, name), _ADVICE, issue=found.issue + 1)
    if login_of(view, _found(view, org, name)) is None:
        raise OfficeError(f"{org} has left, or {name} is revoked: there is no login to rotate")
    password = new_secret()
    put_users(AdminClient(admin_config(one.settings)), {found.principal: password})
    one.show_once(found.principal, password)


@app.command()
def suspend(context: typer.Context, org: Org, name: Name) -> None:
    """Take every right from it, at once and on open connections too; the password stays."""
    _move(context, org, name, CredentialState.SUSPENDED)


@app.command()
def resume(context: typer.Context, org: Org, name: Name) -> None:
    """Give a suspended one its rights back."""
    _move(context, org, name, CredentialState.ISSUED)


@app.command()
def revoke(context: typer.Context, org: Org, name: Name) -> None:
    """End it for good: its rights first, which cuts open connections, then the login. Its name is never used again."""
    _move(context, org, name, CredentialState.REVOKED)


@app.command("list")
def list_(
    context: typer.Context,
    org: Annotated[str, typer.Argument(help="Only this organisation's.")] = "",
) -> None:
    """Show every login with its scopes, its state and its last use, as the brokers saw it."""
    one = clerk(context)
    view = one.view()
    ours = [each for each in view.policy.credentials() if org in {"", each.org}]
    used = last_uses(one.settings.access_log, [each.principal for each in ours])
    table = Table("login", "scopes", "state", "password no.", "last use", "unused")
    for each in ours:
        last = used.get(each.principal) if used is not None else None
        shown = f"{last:%Y-%m-%d %H:%M}" if last else "never seen" if used is not None else "not recorded"
        unused = _days(unused_for(view, each, last)) if used is not None else ""
        table.add_row(each.principal, ", ".join(sorted(each.scopes)), each.state, str(each.issue), shown, unused)
    Console().print(table)


@app.command()
def sweep(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be ended.")] = False,
) -> None:
    """Run it daily: name logins unused for 21 days, and end those unused for 30.

    Where the brokers keep no access log nothing is known of use, and nothing is ended.
    """
    one = clerk(context)
    view = one.view()
    ours = [each for each in view.policy.credentials() if each.state is not CredentialState.REVOKED]
    used = last_uses(one.settings.access_log, [each.principal for each in ours])
    if used is None:
        raise OfficeError("no access log: set `access_log` to the folder that the brokers write theirs to")
    for each in ours:
        unused = unused_for(view, each, used.get(each.principal))
        verdict = idle(unused)
        if verdict is Idle.WARNED:
            left = _days(ENDED_AFTER - unused)
            one.say(f"{each.principal}: unused for {_days(unused)}; ends in {left}: tell {each.org}")
        elif verdict is Idle.ENDED:
            one.say(f"{each.principal}: unused for {_days(unused)}: {'would end' if dry_run else 'ended'}")
            if not dry_run:
                _revoke(one, each)
    one.say(f"{len(ours)} logins looked at; warned after {_days(WARNED_AFTER)}, ended after {_days(ENDED_AFTER)}")


def _move(context: typer.Context, org: str, name: str, state: CredentialState) -> None:
    one = clerk(context)
    one.settle(one.change(_key(org, name), _ADVICE, state=state.value), org)


def _revoke(one: Clerk, each: Credential) -> None:
    one.settle(one.change(_key(each.org, each.name), _ADVICE, state=CredentialState.REVOKED.value), each.org)


def _found(view: View, org: str, name: str) -> Credential:
    found = view.policy.credential(f"{org}.{name}")
    if found is None:
        raise OfficeError(f"there is no credential {org}.{name}: {_ADVICE}")
    return found


def _key(org: str, name: str) -> str:
    return f"credential/{org}/{name}"


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.0f} d"
