"""Rules for the runner's contract: small, and each with one thing to get wrong."""

from __future__ import annotations

from collections.abc import Iterable

from services.core.reason import Reason
from services.core.stage import Change, Moment, Outcome, Output, Record, Refusal, Result, State
from services.runtime.processor import Assignment, Processor, Stage


class Once:
    """Sends each key once: a second record of a key is a duplicate. Values: {"by": text}."""

    def __init__(self, part: Assignment, state: State, out: str) -> None:
        self.part, self.state, self.out = part, state, out
        self.known = set(state.keys())
        self.moments: list[Moment] = []

    def handle(self, record: Record, moment: Moment) -> Result:
        self.moments.append(moment)
        text = record.value["by"]
        if text == "bug":
            raise KeyError("a rule of ours fails")
        if text == "bad":
            return Result(Outcome.REFUSED, refusal=Refusal(Reason.BAD_TIME, "give a time that has passed", "by"))
        if self.state.get(record.key) is not None:
            return Result(Outcome.DUPLICATE)
        return self._sent(record.key, text)

    def applied(self, result: Result) -> None:
        for change in result.changes:
            if change.value == {"by": "unappliable"}:
                raise ValueError("a rule of ours cannot take its own result in")
            self.known.add(change.key)
        assert self.known == set(self.state.keys())

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        return ()

    def _sent(self, key: str, text: str) -> Result:
        value = {"by": text}
        sent = Output(self.out, key, "beat", value, self.part.partition)
        return Result(Outcome.LOCATED, (sent,), (Change(key, "beat", value),))


class Due(Once):
    """Has a piece of due work for every key that is known but not yet reported."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        for key in sorted(self.known)[:limit]:
            if not key.endswith("-due") and f"{key}-due" not in self.known:
                yield self._sent(f"{key}-due", "due")


class FailsAtOnce(Once):
    """Its due work fails when it is asked for."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        raise LookupError("a rule of ours fails")


class FailsLater(Due):
    """Its due work fails after the first piece."""

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        yield Result(None)
        raise LookupError("a rule of ours fails")


class Told(Once):
    """Sends what the policy of the moment says, and whether it may be relied on."""

    def handle(self, record: Record, moment: Moment) -> Result:
        self.moments.append(moment)
        return self._sent(record.key, f"{','.join(moment.policy)} {moment.fresh}")


class Hears(Once):
    """Sends every acknowledgement that it is told of, once."""

    heard = 0

    def work(self, moment: Moment, limit: int) -> Iterable[Result]:
        for message in moment.answers.since(self.heard):
            found = moment.answers.get(message)
            yield self._sent(message, found.answer if found else "")
        self.heard = moment.answers.count


class Enters(Told):
    """Enters each record in the control topic, as intake does."""

    def handle(self, record: Record, moment: Moment) -> Result:
        told = super().handle(record, moment)
        entered = Output(self.out.replace(".out", ".control"), record.key, "beat", {"by": record.key})
        return told._replace(outputs=(*told.outputs, entered))


class Names:
    """A policy that is the list of control ids so far."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()

    def apply(self, record: Record) -> None:
        self.names += (record.value["by"],)

    def compiled(self) -> tuple[str, ...]:
        return self.names


def processor(topics: str, rule: type[Once] = Once, *, reads_control: bool = False) -> Processor:
    """`<topics>.in` to `<topics>.out` with state in `<topics>.state`."""

    def build(part: Assignment, state: State) -> Once:
        return rule(part, state, f"{topics}.out")

    return Processor(Stage.ENRICH, (f"{topics}.in",), build, state=f"{topics}.state", reads_control=reads_control)
