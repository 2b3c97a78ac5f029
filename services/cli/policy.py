"""`slt policy`: what another policy would change, which rules match nothing, and what stops release."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.core.consent import status_of
from services.core.control import Grant
from services.core.gates import Verdict
from services.core.idle import Rule, Watch
from services.core.shadow import Difference, summary
from services.core.words import OUTCOMES, SENTENCES, projection_words
from services.runtime.archive import Archive
from services.runtime.policies import NOW, load_past, policy_of
from services.runtime.replay import Replayed, compare, decided, reports
from services.runtime.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Look at the policy (partners, consents, prohibitions: slt.control). Nothing is changed.

    - [bold]slt policy diff now draft.jsonl[/]: what would have come out differently with these records

    - [bold]slt policy diff 120 now[/]: what the changes since epoch 120 mean for what was decided

    - [bold]slt policy idle[/]: rules that matched nothing

    - [bold]slt policy grants --grantor rowan[/]: whose consents stand how

    - [bold]slt policy faults[/]: records that do not load, and stop release
    """,
)
_MOST = 50
Config = Annotated[Path, typer.Option(help="The settings file.")]
Days = Annotated[float, typer.Option(min=0.01, help="So many days back.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")]
_POLICY = "An epoch (a number), `now`, or a file of control payloads (JSON lines, unsigned) added on top of now."


@app.command()
def diff(
    old: Annotated[str, typer.Argument(help=_POLICY)],
    new: Annotated[str, typer.Argument(help=_POLICY)],
    config: Config,
    days: Days = 7.0,
    as_json: AsJson = False,
) -> None:
    """Replay the decisions of the last days under two policies, and show each outcome that differs.

    Each report is decided again under both, at the moment at which it was decided; a consent in a file counts as if it
    had been there all along. Nothing is entered, sent or recalled.

    Exit status 1 if there is any difference: before an upgrade or a change of rules, there should be none, or each
    should be meant.
    """
    settings = Settings.load(config)
    with Archive(settings) as archive:
        past = load_past(settings, archive)
        found = compare(archive, past.now - timedelta(days=days), policy_of(past, old), policy_of(past, new))
    if as_json:
        typer.echo(orjson.dumps(_fields(found), option=orjson.OPT_INDENT_2))
    else:
        _show(found, days)
    raise typer.Exit(1 if found.differences else 0)


@app.command()
def idle(config: Config, days: Days = 30.0, as_json: AsJson = False) -> None:
    """List standing consents, prohibitions and areas' rules that nothing of the last days matched.

    A rule that matches nothing may be a mistake: a misspelt area, a kind that nobody sends. Rules that began within
    the days are left out; those for a single report as well.
    """
    settings = Settings.load(config)
    with Archive(settings) as archive:
        past = load_past(settings, archive)
        since = past.now - timedelta(days=days)
        watch = Watch(policy_of(past, NOW), since, past.now)
        wanted = decided(archive, since, lambda verdict: watch.named(verdict["grants"]))
        for report, _ in reports(archive, wanted):
            watch.decided(report)
    if as_json:
        typer.echo(orjson.dumps([_rule(rule) for rule in watch.idle], option=orjson.OPT_INDENT_2))
        return
    table = Table("rule", "key", "kinds", "areas", "recipients", title=f"Matched nothing for {days:g} days")
    for rule in watch.idle:
        told = _rule(rule)
        table.add_row(rule.kind, rule.key, *(", ".join(told[part]) for part in ("kinds", "areas", "recipients")))
    Console().print(table if watch.idle else f"Every rule has matched something within {days:g} days.")


@app.command()
def grants(
    config: Config,
    grantor: Annotated[str, typer.Option(help="Only this organisation's.")] = "",
    as_json: AsJson = False,
) -> None:
    """List consents and prohibitions with their status: GIVEN and RENEWED hold; the others say how they ended."""
    settings = Settings.load(config)
    with Archive(settings) as archive:
        past = load_past(settings, archive)
        lives = [one for one in policy_of(past, NOW).terms() if grantor in {"", one.grant.grantor}]
    if as_json:
        found = {f"{one.grant.grantor}/{one.grant.grant}": status_of(one, past.now) for one in lives}
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    table = Table("grant", "status", "effect", "recipients", "from", "to")
    for one in sorted(lives, key=lambda one: (one.grant.grantor, one.grant.grant)):
        given = one.grant
        period = (f"{moment:%Y-%m-%d %H:%M}" for moment in (given.valid_from, given.valid_to))
        name = f"{given.grantor}/{given.grant}"
        table.add_row(name, status_of(one, past.now), given.effect, ", ".join(sorted(given.recipients)), *period)
    Console().print(table)


@app.command()
def faults(config: Config, as_json: AsJson = False) -> None:
    """List control records that do not load: while there is one, nothing is released.

    Exit status 1 if there is any. A record is mended by a higher version of the same key, signed by somebody who may.
    """
    settings = Settings.load(config)
    with Archive(settings) as archive:
        found = policy_of(load_past(settings, archive), NOW).why_faulty()
    if as_json:
        typer.echo(orjson.dumps({key: fault._asdict() for key, fault in found.items()}, option=orjson.OPT_INDENT_2))
    elif found:
        table = Table("record", "author", "what is wrong", title="Release is stopped by", style="red")
        for key, fault in sorted(found.items()):
            table.add_row(key, fault.author, fault.reason)
        Console().print(table)
        Console().print("Enter each again with a higher version, signed by a valid representative.")
    else:
        Console().print("Every control record loads.", style="green")
    raise typer.Exit(1 if found else 0)


def _show(found: Replayed, days: float) -> None:
    console = Console()
    if found.differences:
        console.print(_differences(found.differences[:_MOST]))
        if len(found.differences) > _MOST:
            console.print(f"and {len(found.differences) - _MOST} more: --json shows all")
        console.print(_summary(found.differences))
    style = "red" if found.differences else "green"
    console.print(
        f"{len(found.differences)} differences in {found.decisions} decisions about {found.reports} reports, "
        f"{days:g} days", style=style, highlight=False,
    )  # fmt: skip
    if found.missing:
        console.print(
            f"{found.missing} reports were not compared: slt.located keeps 28 days, they are older", style="yellow"
        )


def _differences(found: Iterable[Difference]) -> Table:
    table = Table("report", "recipient", "before", "after", "why now", show_lines=True)
    for one in found:
        reasons = "\n".join(SENTENCES[code] for code in one.after.reasons)
        report = f"{one.series_id}\nversion {one.version}"
        table.add_row(report, one.recipient, _outcome(one.before), _outcome(one.after), reasons)
    return table


def _outcome(verdict: Verdict) -> str:
    shows = projection_words(verdict.projection.text)
    return "\n".join(part for part in (OUTCOMES[verdict.target], shows, verdict.primary.value) if part)


def _summary(found: Iterable[Difference]) -> Table:
    table = Table("before", "after", "how often", title="Summary")
    for (before, after), count in summary(found).most_common():
        table.add_row(before, after, str(count))
    return table


def _fields(found: Replayed) -> dict[str, Any]:
    return {**found._asdict(), "differences": [_difference(one) for one in found.differences]}


def _difference(one: Difference) -> dict[str, Any]:
    return {**one._asdict(), "before": _verdict(one.before), "after": _verdict(one.after)}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {**verdict._asdict(), "effect": verdict.effect.name, "projection": verdict.projection.text}


def _rule(rule: Rule) -> dict[str, Any]:
    terms = rule.terms
    areas = terms.areas if isinstance(terms, Grant) else {rule.area}
    return {"rule": rule.kind, "key": rule.key, "kinds": sorted(terms.kinds), "areas": sorted(areas),
            "recipients": sorted(terms.recipients)}  # fmt: skip
