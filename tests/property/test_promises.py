"""The promises of consent about one decision, each under its name, over the random worlds of the reference.

Hypothesis draws the seeds; a failure names the seed, and `tests.reference.main` describes such a world.
"""

from __future__ import annotations

from random import Random

import pytest

from services.core.decide import GATES
from tests.property.promises import (
    LIFE,
    PERMITS,
    answers,
    appended,
    granted,
    nobody_has_more,
    nobody_is_shown_more,
    promise,
    shuffled,
    without_small_numbers,
)
from tests.reference.cases import world
from tests.reference.decide import decide
from tests.reference.facts import PLACES, Fields
from tests.reference.lattice import coarser
from tests.reference.records import COUNTRIES, ORGS, Registry
from tests.reference.registry import Entry, key


@promise(40)
def test_default_deny(seed: int) -> None:
    """Without a permission, an audience and broken glass nobody is shown anything."""
    made = world(Random(seed))
    entries = [one for one in made.entries if not granted(one) and one.payload["type"] != "breakglass"]
    for ask in made.asks:
        plain = ask._replace(report={**ask.report, "initial_audience": []})
        for recipient, answer in answers(entries, plain).items():
            assert answer[1] != "SHOW"
            assert answer[0] != "PERMIT" or recipient == plain.report["originator"]


@promise(15)
def test_forbid_trumps_permit(seed: int) -> None:
    made = world(Random(seed))
    for ask in made.asks:
        originator = ask.report["originator"]
        no = {"type": "grant", "version": 1, "grantor": originator, "grant": "no", "status": ask.report["status"],
              "kinds": ["*"], "areas": ["*"], "recipients": list(ORGS), "effect": "PROHIBIT", **LIFE}  # fmt: skip
        if originator in ORGS:
            for recipient, answer in answers(appended(made.entries, no), ask).items():
                known = "DEN_PARTNER_UNKNOWN" not in answer[3]
                assert recipient == originator or not known or (
                    answer[1] == "NONE" and "DEN_PROHIBIT_ORIGINATOR" in answer[3]
                )  # fmt: skip


@promise(15)
def test_allowed_iff_explicitly_permitted_and_not_denied(seed: int) -> None:
    """What permits and what denies is the reference's word; that the one without the other shows, is the engine's."""
    made = world(Random(seed))
    for ask in made.asks:
        for recipient, answer in answers(made.entries, ask).items():
            told = decide(
                ask.report, recipient, ask.action, ask.purpose, made.entries, ask.as_of, fresh=ask.fresh,
                echo=ask.echo, superseded=ask.superseded, requested_at=ask.requested_at,
            ).reasons  # fmt: skip
            denied = {code for code in told if code.startswith(("DEN_", "HLD_", "NRT_")) or code in _HOLDING}
            assert (answer[1] == "SHOW") == (bool(told & PERMITS) and not denied)


_HOLDING = {"IMR_HOLD", "IMR_REFUSED", "IMR_UNREACHABLE", "IMR_REQUEST_SENT", "OK_SELF"}


@promise(25)
def test_order_independent(seed: int) -> None:
    """Gates in any order and twice; the lists of a report in any order; records of different keys in any order."""
    random = Random(seed)
    made = world(random)
    first: dict[tuple[str, ...], Entry] = {}
    for one in made.entries:
        if "version" in one.payload and one.payload["type"] != "end" and one.holds:
            first.setdefault(key(one.payload), one)
    known = [one for one in first.values() if one.payload["type"] in ("partner", "representative")]
    others = [one for one in first.values() if one not in known]
    earlier = [_numbered(number, one) for number, one in enumerate([*known, *others])]
    later = [_numbered(number, one) for number, one in enumerate([*shuffled(random, known), *shuffled(random, others)])]
    for ask in made.asks:
        plain = ask._replace(report={**ask.report, "epoch": 10_000})
        expected = answers(earlier, plain)
        lists = ("initial_audience", "upstream", "facts")
        lists_turned = {name: shuffled(random, plain.report[name]) for name in lists}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.core.judge.GATES", (*shuffled(random, GATES), random.choice(GATES)))
            assert answers(later, plain._replace(report={**plain.report, **lists_turned})) == expected


def _numbered(offset: int, entry: Entry) -> Entry:
    payload = entry.payload
    earlier = {"covers_earlier": True} if payload["type"] == "grant" else {}
    return entry._replace(offset=offset, payload={**payload, **earlier})


@promise(30)
def test_coarsening_never_widens(seed: int) -> None:
    """Of two logs whose grants differ in how much they show, the coarser one shows nobody more."""
    random = Random(seed)
    made = world(random)
    coarser = [one._replace(payload=_coarser(random, one.payload)) if granted(one) else one for one in made.entries]
    for ask in map(without_small_numbers, made.asks):
        nobody_has_more(answers(coarser, ask), answers(made.entries, ask))


_COARSER = {"FULL": "NO_PERSONAL", "NO_PERSONAL": "COARSE_GEO", "TEARLINE": "LIFE_SAFETY"}


def _coarser(random: Random, payload: Fields) -> Fields:
    shown = payload.get("projection", "FULL")
    if isinstance(shown, str):
        return {**payload, "projection": _COARSER.get(shown, shown)}
    facts = [fact for fact in shown["facts"] if random.random() < 0.7] or shown["facts"]
    return {
        **payload,
        "projection": {**shown, "facts": facts, "place": coarser(PLACES, shown["place"], random.choice(PLACES))},
    }


@promise(30)
def test_overlay_only_narrows(seed: int) -> None:
    random = Random(seed)
    made = world(random)
    base = [one for one in made.entries if one.payload["type"] != "overlay"]
    overlays = [{**Registry(random).overlay(), "version": 1, "area": area} for area in (*COUNTRIES, "*")]
    for ask in map(without_small_numbers, made.asks):
        nobody_has_more(answers(appended(base, *overlays), ask), answers(base, ask))


@promise(30)
def test_enhanced_superset(seed: int) -> None:
    """Enhanced cooperation adds to what regular gives: grants that are given for it, and planning (SLT-04)."""
    made = world(Random(seed))
    base = [
        one for one in made.entries
        if one.payload["type"] not in ("area", "end")
        and (one.payload["type"] != "grant" or one.payload.get("state", "GIVEN") == "GIVEN")
        and not one.payload.get("obligations")
    ]  # fmt: skip

    def level(word: str) -> list[Entry]:
        areas = [{"type": "area", "version": 1, "area": area, "srm_level": "HIGH", "level": word, "approver": "cedar",
                  "valid_from": LIFE["valid_from"]} for area in COUNTRIES]  # fmt: skip
        return appended(base, *areas)

    for ask in map(without_small_numbers, made.asks):
        nobody_is_shown_more(answers(level("REGULAR"), ask), answers(level("ENHANCED"), ask))


@promise(15)
def test_revocation_monotonic(seed: int) -> None:
    """A revocation gives nobody more, and no replay, duplicate or other order of what was said before undoes it."""
    random = Random(seed)
    made = world(random)
    lives = {key(one.payload) for one in made.entries if granted(one)}
    prohibits = {key(one.payload) for one in made.entries if one.payload["type"] == "grant" and not granted(one)}
    ends = [
        {"type": "end", "version": 1000, "grantor": grantor, "grant": name, "state": "REVOKED"}
        for _, grantor, name in sorted(lives - prohibits)
        if random.random() < 0.5
    ]
    after = appended(made.entries, *ends)
    again = random.choices(after, k=len(after)) + shuffled(random, after)
    replayed = [*after, *(one._replace(offset=after[-1].offset + n) for n, one in enumerate(again, start=1))]
    for ask in made.asks:
        revoked = answers(after, ask)
        assert answers(replayed, ask) == revoked
        plain = without_small_numbers(ask)
        nobody_is_shown_more(answers(after, plain), answers(made.entries, plain))
