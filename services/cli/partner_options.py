"""What several of the partners' commands share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

HOME = Path(typer.get_app_dir("slt")) / "partner.toml"
Config = Annotated[Path, typer.Option("--config", envvar="SLT_PARTNER", help="Your configuration, of `slt login`.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: a line of JSON for each.")]
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def now() -> datetime:
    """A person's own clock: what is dated with it, the relay judges by the broker's."""
    return datetime.now(UTC)  # noqa: TID251  a partner's clock, not a rule's


def span(text: str) -> timedelta:
    """`90m`, `2h`, `3d`; BadParameter if it is none of these."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS:
        raise typer.BadParameter(f"{text!r}: write a number with m, h or d, as in 2h")
    return int(number) * _UNITS[unit]
