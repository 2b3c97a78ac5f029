"""`slt cap`: is this an alert that everybody can read, and if not, what should its publisher change?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from cryptography.x509 import Certificate

from services.cli.cap_inventory import Inventory, InventoryError
from services.core.cap.dictionary import Version
from services.core.cap.findings import Finding, Rule, Weight
from services.core.cap.xsd import render
from services.runtime.cap.check import Verdict, check
from services.runtime.cap.parse import MOST_BYTES
from services.runtime.cap.signature import certificates, signed_part

app = typer.Typer(no_args_is_help=True, help="Common Alerting Protocol: check alerts and feeds, print the schemas.")
_SHOWN = 20
_DISAGREED = 1


class Signing(NamedTuple):
    """Whether alerts have to be signed, and by whom."""

    required: bool
    registered: Sequence[Certificate]


@app.command("check")
def check_command(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Alerts or feeds; a folder means every file in it.")
    ] = None,
    inventory: Annotated[Path | None, typer.Option(help="CSV of expected verdicts; alone, all its files.")] = None,
    require_signature: Annotated[bool, typer.Option(help="Refuse alerts that are not signed as registered.")] = False,
    certificate: Annotated[Path | None, typer.Option(help="PEM of the certificates registered for signing.")] = None,
) -> None:
    """Accepted or refused, with line, rule and advice; exit status 1 if a file is refused, or differs from INVENTORY.

    CAP 1.0, 1.1 and 1.2, alone, in Atom or RSS feeds, or wrapped in another document (docs/cap.md).
    """
    try:
        expected = Inventory.load(inventory) if inventory else None
        signing = Signing(require_signature, certificates(certificate.read_bytes()) if certificate else ())
    except (OSError, ValueError, InventoryError) as error:
        raise typer.BadParameter(str(error)) from error
    paths = list(_paths(files or (expected.files() if expected else [])))
    if not paths:
        raise typer.BadParameter("name a file, a folder, or an --inventory")
    verdicts = {path: _told(path, signing) for path in paths}
    if expected is not None:
        agreed, count = _compare(expected, verdicts, require_signature)
        typer.echo(f"agreed {agreed} of {count}")
        raise typer.Exit(0 if agreed == count else _DISAGREED)
    raise typer.Exit(0 if all(verdicts.values()) else _DISAGREED)


@app.command("schema")
def schema_command(version: Annotated[Version, typer.Argument(help="Version of CAP.")] = Version.V12) -> None:
    """Print the XML Schema of a version of CAP, as under schemas/cap."""
    typer.echo(render(version), nl=False)


def _paths(named: Sequence[Path]) -> Iterator[Path]:
    for path in named:
        yield from sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _told(path: Path, signing: Signing) -> bool:
    """Print the verdict on one file; whether it is accepted."""
    verdict = _verdict(path)
    findings = list(verdict.findings)
    if signing.required:
        findings += _unsigned(verdict, signing.registered)
    accepted = not any(finding.weight is Weight.REFUSED for finding in findings)
    kind = f" ({verdict.kind}, alerts: {len(verdict.alerts)})" if verdict.kind else ""
    typer.echo(f"{path}: {'accepted' if accepted else 'refused'}{kind}")
    for finding in findings[:_SHOWN]:
        typer.echo(f"  line {finding.line}  {finding.weight}  {finding.rule}  {finding.where}  {finding.advice}")
    if len(findings) > _SHOWN:
        typer.echo(f"  and {len(findings) - _SHOWN} more")
    return accepted


def _verdict(path: Path) -> Verdict:
    """Of a file; one that is too large is not even read."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return Verdict("", (), (Finding(Rule.TOO_LARGE, 0, "", f"send at most {MOST_BYTES} bytes"),))
        return check(path.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}") from error


def _unsigned(verdict: Verdict, registered: Sequence[Certificate]) -> Iterator[Finding]:
    """Every alert that no registered certificate signed; certificates are judged as of when it says it was sent."""
    for alert, element in zip(verdict.alerts, verdict.elements, strict=False):
        try:
            sent = datetime.fromisoformat(alert.root.value("sent"))
        except ValueError:
            sent = datetime.fromtimestamp(0, UTC)
        found = signed_part(element, registered, sent if sent.tzinfo else sent.replace(tzinfo=UTC))
        if isinstance(found, Finding):
            yield found


def _compare(expected: Inventory, verdicts: dict[Path, bool], require_signature: bool) -> tuple[int, int]:
    """How many of the files with an expectation agree with it."""
    agreed = count = 0
    for path, accepted in verdicts.items():
        wanted = expected.wanted(path, require_signature)
        if wanted is None:
            continue
        count += 1
        agreed += wanted == accepted
        if wanted != accepted:
            typer.echo(f"{path}: expected to be {'accepted' if wanted else 'refused'}")
    return agreed, count
