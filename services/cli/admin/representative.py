"""`slt admin representative`: whose signature counts for an organisation, and until when (SLT-45)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from services.cli.admin.clerk import clerk
from services.runtime.office import OfficeError

app = typer.Typer(no_args_is_help=True, help="Nominate people who sign, and end their nomination.")
Org = Annotated[str, typer.Argument(help="The organisation; `admin` for administrators and co-chairs.")]
Name = Annotated[str, typer.Argument(help="The person's name as it stands in signatures.")]
_ADVICE = "nominate the person with `slt admin representative add` first"


@app.command()
def add(  # noqa: PLR0913, PLR0917  # one option for each field of the record
    context: typer.Context,
    org: Org,
    name: Name,
    public_key: Annotated[Path, typer.Option(help="File of the person's Ed25519 public key (hex).")],
    scope: Annotated[list[str] | None, typer.Option(help="consent; for `admin`: administer, cochair-un, …")] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="So long the nomination lasts.")] = 365,
    home: Annotated[str, typer.Option(help="Of a co-chair: the organisation that the person comes from.")] = "",
) -> None:
    """Nominate a person. The private key is made, and stays, where the person works."""
    one = clerk(context)
    view = one.view()
    begins = view.past.now.replace(microsecond=0)
    key = f"representative/{org}/{name}"
    before = one.payload(view, key, "") if view.policy.version(key) else {}
    new = {
        "type": "representative", "org": org, "name": name, "public_key": _hex(public_key),
        "scopes": sorted(scope or ["consent"]), "home": home,
    }  # fmt: skip
    if new.items() <= before.items() and datetime.fromisoformat(before["valid_to"]) > begins:
        one.enter(before)
        return
    period = {"valid_from": begins.isoformat(), "valid_to": (begins + timedelta(days=days)).isoformat()}
    one.enter({**new, **period})


@app.command()
def end(context: typer.Context, org: Org, name: Name) -> None:
    """End a nomination now: nothing that the person signs from now on counts; what was signed stays."""
    one = clerk(context)
    view = one.view()
    before = one.payload(view, f"representative/{org}/{name}", _ADVICE)
    now = view.past.now
    ends = max(now, datetime.fromisoformat(before["valid_from"]) + timedelta(seconds=1))
    if datetime.fromisoformat(before["valid_to"]) > now:
        before["valid_to"] = ends.isoformat()
    one.enter(before)


def _hex(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OfficeError(f"no public key in {path}: {error.strerror}") from error
