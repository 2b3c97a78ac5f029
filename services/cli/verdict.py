"""Whether a play went as its scenario says: the accounts balance, and everybody holds what it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from services.cli.books import Account, Books, Sent
from services.cli.play import Confirmed, answers
from services.cli.scenario import Holders, Item, Scenario, Submission, Told, Word
from services.core.recall import Standing
from services.core.stage import Source
from services.runtime.topics import CANARY


class Difference(NamedTuple):
    """Something that is not as the scenario says."""

    what: str
    expected: str
    found: str


class Verdict(NamedTuple):
    """The accounts of one play, and what differs."""

    accounts: tuple[Account, ...]
    controls: tuple[Sent, ...]
    standings: Mapping[str, int]
    """Recalls by what became of them."""
    told: Mapping[Told, float]
    """Notices about consents (services.cli.books.Books)."""
    differences: tuple[Difference, ...]

    @property
    def good(self) -> bool:
        """True if nothing differs."""
        return not self.differences


def judge(scenario: Scenario, confirmed: Iterable[Confirmed], among: frozenset[Source], books: Books) -> Verdict:
    """Hold the books against the scenario; `among`: the reports that the accounts are about."""
    sent = tuple(confirmed)
    accounts, controls = books.accounts(among), books.controls()
    found = (
        *_unbalanced(accounts, controls, books),
        *_outcomes(scenario, sent, books),
        *_holdings(scenario, books),
        *_contents(scenario, books),
        *_notices(scenario, books),
        *_recalls(sent, books),
    )
    return Verdict(accounts, controls, books.standings(), books.told, found)


def _unbalanced(accounts: Iterable[Account], controls: Iterable[Sent], books: Books) -> Iterator[Difference]:
    for account in accounts:
        if account.open or account.records != sum(account.outcomes.values()):
            yield Difference(
                f"accounts of {account.org}", f"{account.records} outcomes", f"{account.open} not exactly one"
            )
    for sent in controls:
        if sent.open:
            yield Difference(sent.what, f"{sent.records} outcomes", f"{sent.open} without one")
    if aliens := books.aliens():
        yield Difference("outcomes of nothing that was submitted", "0", str(aliens))


def _outcomes(scenario: Scenario, sent: tuple[Confirmed, ...], books: Books) -> Iterator[Difference]:
    """What became of each record."""
    expected = len(scenario.submissions)
    taken = sum(isinstance(item, Submission) for item, _ in sent)
    seen = sum(at in books.submitted() for item, at in sent if isinstance(item, Submission))
    if not expected == taken == seen:
        yield Difference("records in slt.in.*", f"{expected} sent", f"{taken} confirmed, {seen} read back")
    for item, at in sent:
        wanted = _wanted(item)
        ends = [(end.outcome, end.reason) for end in books.ends(at)]
        if wanted and ends != [wanted]:
            yield Difference(f"{at.topic} offset {at.offset}", " ".join(wanted).strip(), _ends(ends))


def _wanted(item: Item) -> tuple[str, str] | None:
    """Outcome and reason; None for words and answers that are entered, which the accounts count."""
    if isinstance(item, Submission):
        return item.outcome, item.reason
    return ("refused", item.reason) if isinstance(item, Word) and item.reason else None


def _ends(ends: list[tuple[str, str]]) -> str:
    return ", ".join(" ".join(end).strip() for end in ends) or "nothing yet"


def _holdings(scenario: Scenario, books: Books) -> Iterator[Difference]:
    """Who holds what: exactly those that the scenario names, in exactly the versions."""
    expected = scenario.holds
    found = {series: holders for series, holders in books.holders().items() if not series.startswith(f"{CANARY}/")}
    for series in sorted(expected.keys() | found.keys()):
        wanted, holders = expected.get(series, {}), found.get(series, {})
        if wanted != holders:
            yield Difference(f"holders of {series}", _holders(wanted), _holders(holders))
    for series in books.wrong_topics():
        yield Difference(f"topics of {series}", "slt.out or slt.exercise", "both")


def _contents(scenario: Scenario, books: Books) -> Iterator[Difference]:
    """How much of a report somebody is shown."""
    for org, series, field, value in (shown for act in scenario.acts for shown in act.shows):
        found: Any = books.shown(org, series)
        for part in field.split("."):
            found = found.get(part) if found else None
        if found != value:
            yield Difference(f"{field} of {series} at {org}", repr(value), repr(found))


def _notices(scenario: Scenario, books: Books) -> Iterator[Difference]:
    """Who was asked for a consent, and what was confirmed: exactly what the scenario says."""
    for told in sorted(scenario.tells ^ books.told.keys()):
        meant = told in scenario.tells
        yield Difference(f"{told.what} of {told.about}, to {told.org}", "told" if meant else "nothing",
                         "nothing" if meant else "told")  # fmt: skip


def _recalls(sent: Iterable[Confirmed], books: Books) -> Iterator[Difference]:
    """Every recall that was delivered waits in the ledger, with the answer that was given."""
    answered, found = answers(sent), books.standings()
    expected = Counter({**answered, Standing.OPEN.value: len(books.recalled) - answered.total()})
    for standing in sorted(expected.keys() | found.keys()):
        if expected[standing] != found[standing]:
            yield Difference(f"recalls that are {standing}", str(expected[standing]), str(found[standing]))


def _holders(holders: Holders) -> str:
    return ", ".join(f"{org} v{version}" for org, version in sorted(holders.items())) or "nobody"
