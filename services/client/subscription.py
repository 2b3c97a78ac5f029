"""The reader for partners' programs: everything that the relay asks of a reader, done.

    from services.client import Subscription

    with Subscription.open("partner.toml") as subscription:
        for delivery in subscription:
            ...  # asking for the next one says that this one is done with

It reads committed records only, drops repeats, obeys every mark in a local store, answers recalls, and goes on exactly
where it was. **Contract**: content, position and what you write through `store.connection` change in one transaction,
which is committed when you ask for the next delivery. After a crash at any point the delivery that you had in hand
comes again, with the same id; nothing else does, and nothing is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from services.client.access import Access
from services.client.acknowledge import Answers
from services.client.feed import BEGINNING, Feed
from services.client.record import Delivery, Family
from services.client.store import Store
from services.core.report import Answer

_WAIT = 0.2
"""Seconds that one look for new records takes at most; Ctrl-C is heard in between."""
ACTUAL = (Family.OUT, Family.NOTICES)
"""What a subscription reads unless it is told otherwise. Exercises are read on purpose, never by accident."""


class Subscription:
    """An iterator over a partner's deliveries. Close it, or use it in a `with`."""

    def __init__(
        self,
        access: Access,
        store: Path | None = None,
        families: Iterable[Family] = ACTUAL,
        *,
        live: bool = True,
        acknowledge: bool = True,
    ) -> None:
        """Connected and ready; ClientError says what hinders it.

        `store`: beside the configuration unless given, one for each program. `live`: go on for ever; else end when all
        that is there has been read. `acknowledge`: answer DONE to a recall that took something out of this store, when
        you ask for what comes after it. Turn that off if you keep copies that you cannot delete by then, and call
        `answer`.
        """
        self._access, self._live, self._acknowledge = access, live, acknowledge
        self.store = Store(store or access.store())
        self._answers = Answers(access, self.store)
        self._feed = Feed(access)
        self._waiting: deque[Delivery] = deque()
        self._families = frozenset(families)
        self.heartbeat: datetime | None = None
        """When the relay last said that this outlet is alive."""
        found = {family: self.store.position(family) for family in self._families}
        try:
            self._feed.start({family: BEGINNING if at is None else at for family, at in found.items()})
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, config: Path | str, *, live: bool = True) -> Subscription:
        """With a configuration file as `slt login` writes it."""
        return cls(Access.load(Path(config)), live=live)

    def __enter__(self) -> Subscription:
        """The subscription itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Iterator[Delivery]:
        """The subscription itself."""
        return self

    def __next__(self) -> Delivery:
        """The next new delivery; what was handed out before is done with. ClientError when nothing more will come."""
        self._settle()
        while True:
            while self._waiting:
                delivery = self._waiting.popleft()
                if self._new(delivery):
                    return delivery
            self._settle()
            if not self._live and self._families <= self._feed.ended:
                self._answers.finish(10.0)
                raise StopIteration
            self._waiting.extend(self._feed.take(_WAIT))

    @property
    def trouble(self) -> str:
        """In words: the relay cannot be reached, or does not take our answers; empty while all is well."""
        return self._feed.lost or (str(self._answers.problem) if self._answers.problem else "")

    def answer(self, message_id: str, answer: Answer, note: str = "") -> None:
        """Answer a recall yourself; it is sent when you ask for the next delivery, or close."""
        self.store.answer(message_id, answer, note)

    def close(self) -> None:
        """The delivery in hand is *not* done with: it comes again. Answers on their way have 5 s."""
        self._answers.finish(5.0)
        self._answers.close()
        self._feed.close()
        self.store.close()

    def _settle(self) -> None:
        self.store.commit()
        self._answers.send()

    def _new(self, delivery: Delivery) -> bool:
        if delivery.kind == "pulse":
            self.heartbeat = delivery.at
        return take_in(self.store, delivery, acknowledge=self._acknowledge)


def take_in(store: Store, delivery: Delivery, *, acknowledge: bool = True) -> bool:
    """Obey one record, uncommitted. True if it is news for whoever reads on: no repeat, no heartbeat.

    DONE is answered only for what this store had: another program may have to answer for other copies.
    """
    new = store.apply(delivery)
    if new and acknowledge and delivery.is_recall and delivery.envelope:
        recall = store.recall(delivery.envelope.message_id)
        if recall is not None and recall.removed and delivery.family is not Family.NOTICES:
            store.answer(recall.message_id, Answer.DONE)
    return new and delivery.kind != "pulse"
