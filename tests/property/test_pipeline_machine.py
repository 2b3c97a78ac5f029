"""The whole pure pipeline under anything that can happen to it, against the naive reconciler and recipients' own hands.

What a rule does goes in at the doors (signed consents and submissions to intake, changes to distribute), is settled,
and then every recipient is looked at: in the ledger, by the reference, and at its outlet.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from services.core.stage import Outcome
from services.distribute.entries import load_incident
from services.runtime.signing import public_hex
from tests.property.pipeline import HOUR, ORGS, PERMITS, SIGNER, Pipeline, Story, Version
from tests.reference.reconcile import Incident, reconcile
from tests.reference.reconcile import Moment as Step
from tests.registry import grant, officer, partner
from tests.unit.test_correlation import handled
from tests.unit.test_distribute import CODEC

orgs = st.sampled_from(ORGS)
some_orgs = st.lists(orgs, max_size=2, unique=True)
which = st.integers(0, 1000)
modes = st.sampled_from(("RECALL", "PROSPECTIVE"))
projections = st.sampled_from(("FULL", "FULL", "NO_SOURCE", "COARSE_GEO", "TEARLINE"))


class Life(Pipeline):
    """Everything that partners, administrators, time and crashes may do."""

    # -- partners

    @initialize(grants=st.booleans())
    def found(self, grants: bool) -> None:
        for org in ORGS:
            self.consent(partner(org))
            self.consent(officer(org, public_key=public_hex(SIGNER)))
        if grants:
            self.give("alder", "g0", ["*"], "FULL", False, 2000)
        self.settle()

    def give(self, org: str, name: str, to: list[str], projection: str, earlier: bool, hours: int) -> None:
        now = self.doors.now
        made = grant(org, grant=name, recipients=to or ["*"], projection=projection, covers_earlier=earlier,
                     valid_from=now.isoformat(), valid_to=(now + hours * HOUR).isoformat())  # fmt: skip
        self.grants[f"{org}/{name}"] = made
        self.consent(made)

    @rule(org=orgs, to=some_orgs, short=st.booleans(), urgent=st.booleans())
    def submit(self, org: str, to: list[str], short: bool, urgent: bool) -> None:
        fields: dict[str, Any] = {"initial_audience": to}
        if short:
            fields["expires"] = self.doors.now + 2 * HOUR
        if urgent:
            fields |= {"urgency": "Immediate", "severity": "Severe", "certainty": "Observed"}
        made = self.report(org, f"s{len(self.reports)}", **fields)
        if made:
            self.feed(handled(self.correlate, self.memory, made)[1])
        self.settle()

    def again(self, number: int, **fields: Any) -> None:
        """A further version; of a series that only this machine placed, the change is written here."""
        known = self.reports[self.pick(self.reports, number)]
        org, name = known["series_id"].split("/")
        kept = {"initial_audience": known["initial_audience"], "urgency": known["urgency"],
                "severity": known["severity"], "certainty": known["certainty"]}  # fmt: skip
        made = self.report(org, name, home=known["home"], **{**kept, **fields})
        if made and self.memory.get(f"s|{made['series_id']}"):
            self.feed(handled(self.correlate, self.memory, made)[1])
        elif made:
            self.feed(self.revision(made))
        self.settle()

    def revision(self, made: dict[str, Any]) -> dict[str, Any]:
        """With its links, as correlate tells them with every version."""
        incident = self.home[made["series_id"]]
        links = (link for link in self.stories[incident].links if made["series_id"] in (link.one, link.other))
        told = [{"one": link.one, "other": link.other, "relation": "SAME", "score": 1.0} for link in links]
        return self.change("REVISION", made, [incident]) | {"links": told}

    def change(self, relation: str, made: dict[str, Any], joined: list[str]) -> dict[str, Any]:
        return {"relation": relation, "report": made, "series_id": made["series_id"], "joined": joined, "left": [],
                "merged": [], "links": []}  # fmt: skip

    @precondition(lambda self: self.reports)
    @rule(number=which, to=some_orgs)
    def revise(self, number: int, to: list[str]) -> None:
        self.again(number, message="UPDATE", initial_audience=to)

    @precondition(lambda self: self.reports)
    @rule(number=which)
    def correct(self, number: int) -> None:
        self.again(number, message="CORRECT")

    @precondition(lambda self: self.reports)
    @rule(number=which)
    def cancel(self, number: int) -> None:
        self.again(number, message="CANCEL")

    @rule(org=orgs, name=st.sampled_from(("g0", "g1")), to=some_orgs, projection=projections, earlier=st.booleans(),
          hours=st.sampled_from((1, 40, 2000)))  # fmt: skip
    def grant(self, org: str, name: str, to: list[str], projection: str, earlier: bool, hours: int) -> None:
        self.give(org, name, to, projection, earlier, hours)
        self.settle()

    @precondition(lambda self: self.grants)
    @rule(number=which, to=orgs, coarse=st.booleans())
    def narrow(self, number: int, to: str, coarse: bool) -> None:
        made = self.grants[self.pick(self.grants, number)]
        less = {"projection": "COARSE_GEO", "actions": ["READ"]} if coarse else {"recipients": [to]}
        self.consent({**made, **less})
        self.settle()

    @precondition(lambda self: self.grants)
    @rule(number=which, mode=modes)
    def withdraw(self, number: int, mode: str) -> None:
        self.consent({**self.grants[self.pick(self.grants, number)], "state": "WITHDRAWN", "mode": mode})
        self.settle()

    @precondition(lambda self: self.reports)
    @rule(number=which, mode=modes)
    def withdraw_series(self, number: int, mode: str) -> None:
        series = self.pick(self.reports, number)
        self.consent({"type": "withdrawal", "originator": series.split("/")[0], "series": series, "mode": mode})
        self.settle()

    @precondition(lambda self: self.grants)
    @rule(number=which, state=st.sampled_from(("REVOKED", "INVALIDATED")))
    def revoke(self, number: int, state: str) -> None:
        grantor, name = self.pick(self.grants, number).split("/")
        self.consent({"type": "end", "grantor": grantor, "grant": name, "state": state})
        self.settle()

    # -- administrators and time

    @rule(hours=st.sampled_from((0, 1, 2, 39, 73)))
    def expire(self, hours: int) -> None:
        self.doors.now += hours * HOUR + timedelta(seconds=1)
        self.settle()

    @rule(org=orgs)
    def suspend(self, org: str) -> None:
        self.consent(partner(org, status="SUSPENDED"))
        self.settle()

    @rule(org=orgs)
    def return_(self, org: str) -> None:
        self.consent(partner(org))
        self.settle()

    # -- correlation

    @precondition(lambda self: self.stories)
    @rule(number=which, org=orgs, to=some_orgs, linked=st.booleans())
    def merge(self, number: int, org: str, to: list[str], linked: bool) -> None:
        """A report joins an incident; if it is linked, what it is linked with becomes one."""
        incident = self.pick(self.stories, number)
        others = sorted(self.stories[incident].items)
        made = self.report(org, f"s{len(self.reports)}", home=0, initial_audience=to)
        if made and others:
            change = self.change("SAME" if linked else "RELATED", made, [incident])
            change["links"] = [{"one": made["series_id"], "other": other, "relation": change["relation"], "score": 1.0}
                               for other in others]  # fmt: skip
            self.feed(change)
        elif made:
            self.feed(self.change("NEW", made, [f"{made['series_id']}~0"]))
        self.settle()

    @precondition(lambda self: any(made["home"] == 0 for made in self.reports.values()))
    @rule(number=which)
    def unmerge(self, number: int) -> None:
        """A series without a home finds one: it leaves with its links, and goes on elsewhere."""
        series = self.pick([one for one, made in self.reports.items() if made["home"] == 0], number)
        org, name = series.split("/")
        made = self.report(org, name, message="UPDATE", initial_audience=self.reports[series]["initial_audience"])
        if made:
            gone = self.change("MOVED", made, []) | {"left": [self.home[series]], "report": None}
            self.feed(gone)
            self.feed(self.change("NEW", made, [f"{series}~1"]))
        self.settle()

    # -- machines

    @rule(org=orgs)
    def park(self, org: str) -> None:
        self.doors.parked.setdefault(org, {})

    @precondition(lambda self: self.doors.parked)
    @rule(number=which)
    def open(self, number: int) -> None:
        self.doors.open(self.pick(self.doors.parked, number))

    @rule()
    def crash(self) -> None:
        """Now, and again in the middle of what comes next."""
        self.doors.crash()
        self.crashing = True
        self.settle()
        self.crashing = True

    @precondition(lambda self: self.changes)
    @rule(number=which)
    def replay(self, number: int) -> None:
        """A change comes a second time: it is counted and changes nothing."""
        change = self.changes[number % len(self.changes)]
        if change["report"] and self.home[change["series_id"]] in change["joined"]:
            before = len(self.doors.log)
            assert self.take(change) is Outcome.DUPLICATE
            self.outcomes["fed duplicate"] += 1
            assert len(self.doors.log) == before
        self.settle()

    # -- what holds after every step

    @invariant()
    def everybody_holds_what_it_should(self) -> None:
        fresh, self.read = self.doors.log[self.read :], len(self.doors.log)
        for incident, story in self.stories.items():
            found = load_incident(incident, story.items, self.doors.store)
            assert found is not None
            items = tuple(item._replace(requested_at=found.entries[series].requested_at)
                          for series, item in sorted(story.items.items()))  # fmt: skip
            step = Step(Incident(items, story.links), self.entries, self.doors.now)
            for org in ORGS:
                outcome = reconcile(step, org, story.keys[org])
                story.keys[org] = outcome.keys
                expected = {key.founder: {(h.series, h.version, h.projection.text) for h in key.held}
                            for key in outcome.keys}  # fmt: skip
                assert expected == {
                    slot.name.split("|")[0]: {(m.series_id, m.version, m.projection.text) for m in slot.members}
                    for slot in found.holdings.get(org, ())
                }
                self.look(org, outcome.decisions, story)
                delivered = {self.said[one].series for owed in fresh if owed.recipient == org for one in owed.says}
                for series in delivered & set(outcome.decisions):
                    assert outcome.decisions[series].reasons & PERMITS

    def look(self, org: str, decisions: dict[str, Any], story: Story) -> None:
        """At the outlet itself, unless it is shut."""
        if org in self.doors.parked:
            return
        holds = {self.said[one] for one in self.doors.outlets[org].holds}
        for series, decision in decisions.items():
            newest = Version(series, story.items[series].report["version"])
            assert decision.target != "NONE" or not any(one.series == series for one in holds)
            assert decision.target != "SHOW" or newest in holds

    @invariant()
    def accounts_balance(self) -> None:
        """Every record has one outcome at intake, and every report that was passed on one in the decisions."""
        entered = sum(n for outcome, n in self.outcomes.items() if not outcome.startswith("fed"))
        assert sum(self.sent.values()) == entered
        assert self.sent["slt.consent"] == self.outcomes[Outcome.CONTROLLED] == len(self.entries)
        told = [account for data in self.doors.decisions for account in CODEC.decode(data)[1]["accounts"]]
        fed = sum(n for outcome, n in self.outcomes.items() if outcome.startswith("fed"))
        assert len(told) + self.outcomes["fed relinked"] == fed
        assert {(one["series_id"], one["version"]) for one in told} == set(self.said.values())


TestPipeline = Life.TestCase
TestPipeline.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
