"""`slt incident`: which reports tell of one incident, why, and an operator's word on it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from confluent_kafka import Producer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from services.core.control import ADMIN
from services.core.control_read import read_control
from services.core.incidents import Incident, Known, known_of
from services.core.link import LinkWord
from services.core.stage import Refusal
from services.runtime import kafka
from services.runtime.archive import Archive, ArchiveError
from services.runtime.matching import load_weights
from services.runtime.policies import NOW, load_past, policy_of
from services.runtime.settings import Settings
from services.runtime.signing import sign

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Which reports tell of one incident. For SIOC operators who administer: every report is
    shown, whoever may see it.

    Most reports are linked without anybody: those that are too alike to be two. The others that may be one are
    suggested; nothing is joined until an operator says so. An operator's word wins over every score, for later
    versions too; of two words on the same reports the later counts.

    - [bold]slt incident list --suggested[/]: pairs that wait for a word

    - [bold]slt incident show demo-elm/r115[/]: one report's incident, and what speaks for and against its links

    - [bold]slt incident confirm demo-elm/r115 demo-hazel/r116 --note "both were asked"[/]

    - [bold]slt incident split demo-elm/r115 --from demo-hazel/r116[/]
    """,
)
INCIDENTS = "slt.incidents"
_FLUSH = 30.0
Config = Annotated[Path, typer.Option(help="The settings file.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")]
Days = Annotated[float, typer.Option(min=0.01, help="Changes of so many days back; slt.incidents keeps 28.")]
Note = Annotated[str, typer.Option(help="Why, for those who look at it later.")]
Sign = Annotated[
    str,
    typer.Option(
        metavar="NAME=FILE",
        help="Your name as an administrators' representative, and the file of your Ed25519 key (hex). "
        "Without it: `root` and administrator.key of the secrets folder.",
    ),
]  # fmt: skip
Series = Annotated[str, typer.Argument(metavar="SERIES", help="A report's series, as originator/id.")]
Others = Annotated[list[str], typer.Argument(metavar="SERIES...", help="The series, as originator/id.")]


@app.command("list")
def list_command(
    config: Config,
    suggested: Annotated[bool, typer.Option("--suggested", help="Only pairs that wait for a word.")] = False,
    days: Days = 28.0,
    as_json: AsJson = False,
) -> None:
    """List incidents with more than one report, and pairs that an operator should look at."""
    known, weights = _known(config, days), load_weights()
    several = [] if suggested else [one for one in known.incidents() if len(one.series) > 1]
    pairs = known.suggested(weights)
    if as_json:
        found = {"incidents": [one._asdict() for one in several], "suggested": [one._asdict() for one in pairs]}
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    console = Console()
    if not suggested:
        table = Table("incident", "reports", "told by", title="One incident, several reports")
        for one in several:
            table.add_row(one.id, "\n".join(one.series), str(len({series.split("/")[0] for series in one.series})))
        console.print(table if several else "No two reports tell of one incident.")
    table = Table("one", "other", "probability", title="Perhaps one incident: confirm or reject")
    for pair in pairs:
        table.add_row(pair.one, pair.other, f"{pair.score:.2f}")
    console.print(table if pairs else "Nothing waits for a word.")


@app.command()
def show(series: Series, config: Config, days: Days = 28.0, as_json: AsJson = False) -> None:
    """Show a report's incident, and what speaks for and against each of its links, the likeliest first.

    Exit status 1 if nothing is known about the report.
    """
    known, weights = _known(config, days), load_weights()
    incident = next((one for one in known.incidents() if series in one.series), None)
    if incident is None:
        Console(stderr=True).print(f"nothing is known about {series} for {days:g} days: slt incident list names others")
        raise typer.Exit(1)
    others = sorted((other for other in known.links(series) if other in known.reports),
                    key=lambda other: -known.links(series)[other].score)  # fmt: skip
    evidence = {other: known.evidence(series, other, weights) for other in others}
    if as_json:
        typer.echo(orjson.dumps({**incident._asdict(), "evidence": evidence}, option=orjson.OPT_INDENT_2))
    else:
        _show(incident, series, evidence, known)


def _show(incident: Incident, series: str, evidence: dict[str, list[str]], known: Known) -> None:
    console = Console(highlight=False)
    table = Table("report", "headline", title=f"Incident {incident.id}")
    for one in incident.series:
        table.add_row(one, known.reports[one]["headline"])
    console.print(table)
    for other, words in evidence.items():
        where = "in this incident" if other in incident.series else "apart"
        console.print(f"{series} and {other}: {where}", style="bold")
        console.print("\n".join(f"  {word}" for word in words))


@app.command()
def confirm(one: Series, other: Series, config: Config, note: Note = "", sign: Sign = "") -> None:
    """Say that two reports tell of one incident."""
    _say(_Word(LinkWord.CONFIRM, [one], [other], note), config, sign)


@app.command()
def reject(one: Series, other: Series, config: Config, note: Note = "", sign: Sign = "") -> None:
    """Say that two reports tell of two incidents: they are never joined, and no more suggested."""
    _say(_Word(LinkWord.REJECT, [one], [other], note), config, sign)


From = Annotated[list[str], typer.Option("--from", help="A report that stays (may be given several times).")]
With = Annotated[list[str], typer.Option("--with", help="A report of the other incident (may be given several times).")]


@app.command()
def split(series: Others, stay: From, config: Config, note: Note = "", sign: Sign = "") -> None:
    """Take reports out of an incident: each of them is another than each that stays.

    Whoever holds both sees them apart from then on; nothing is recalled.
    """
    _say(_Word(LinkWord.SPLIT, series, stay, note), config, sign)


@app.command()
def merge(series: Others, others: With, config: Config, note: Note = "", sign: Sign = "") -> None:
    """Make one incident of two. Reports of two countries stay two, noted as related: a notice says so."""
    _say(_Word(LinkWord.MERGE, series, others, note), config, sign)


class _Word:
    """What is to be signed."""

    def __init__(self, word: LinkWord, one: list[str], other: list[str], note: str) -> None:
        self.one, self.other = sorted(one), sorted(other)
        self.fields = {"type": "link", "word": word.value, "one": self.one, "other": self.other, "note": note}


def _known(config: Path, days: float) -> Known:
    with Archive(Settings.load(config)) as archive:
        start = archive.since(INCIDENTS, archive.now() - timedelta(days=days))
        return known_of(record.value for record in archive.records(INCIDENTS, start))


def _say(word: _Word, config: Path, as_whom: str) -> None:
    """Sign and send; the receipt on slt.notices.admin says whether it was entered."""
    settings = Settings.load(config)
    signer, _, file = (as_whom or f"root={settings.secrets / 'administrator.key'}").partition("=")
    with Archive(settings) as archive:
        policy = policy_of(load_past(settings, archive), NOW)
    payload = {**word.fields, "link": f"{signer}-{policy.epoch}", "version": 1}
    found = read_control(payload)
    if isinstance(found, Refusal):
        raise ArchiveError(f"{found.reason} {found.field}: {found.advice}")
    secret = Path(file).read_text(encoding="utf-8")
    signed = sign(payload, signer, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.strip())))
    producer = Producer({**kafka.COMMON, **kafka.security(settings, ADMIN), **kafka.PRODUCER})
    producer.produce(f"slt.consent.{ADMIN}", signed)
    if producer.flush(_FLUSH):
        raise ArchiveError("the broker did not take the word: is it up?")
    Console().print(
        f"sent as link/{payload['link']}: the receipt comes on slt.notices.admin, the change on {INCIDENTS}"
    )
