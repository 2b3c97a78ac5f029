"""The partners' reader on real Kafka, over TLS, with a partner's own credential."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.client import Access, ClientError, Delivery, Family, Problem, Subscription
from services.client.feed import END, Feed
from services.runtime.local import LocalStack
from services.runtime.local.certificates import certificates
from tests.partner import RECALL, Writer, access, cut, delivery, envelope, write
from tests.support import until

pytestmark = pytest.mark.kafka

SIZES = [50, pytest.param(1000, marks=pytest.mark.full)]


def port_of(stack: LocalStack) -> int:
    return int(stack.settings.partner_bootstrap.rpartition(":")[2])


@pytest.fixture
def writing(stack: LocalStack) -> Iterator[list[Delivery]]:
    """Deliveries written to birch, some twice, while the test reads; the list of them without repeats."""
    stop, written = threading.Event(), list[Delivery]()

    def run() -> None:
        chance = random.Random(7)
        with closing(Writer(stack, "birch")) as writer:
            while not stop.wait(0.005):
                batch = [delivery(f"{chance.getrandbits(64):x}", envelope("ALERT", 1)) for _ in range(5)]
                writer.write([each for each in batch for _ in range(chance.choice((1, 1, 1, 2)))])
                written.extend(batch)

    thread = threading.Thread(target=run)
    thread.start()
    yield written
    stop.set()
    thread.join()


@pytest.mark.parametrize("breaks", SIZES)
def test_replay_turns_live_without_gap_or_repeat(
    stack: LocalStack, writing: list[Delivery], tmp_path: Path, breaks: int
) -> None:
    """Connections are cut and the reader is dropped with a delivery in hand, again and again, at random moments."""
    partner, chance = access(stack, "birch", tmp_path), random.Random(breaks)
    until(lambda: len(writing) > 20, "something to replay")
    broken, got = 0, list[str]()
    while broken < breaks:
        with Subscription(partner, families=[Family.OUT]) as subscription:
            for _ in range(chance.randrange(1, 8)):
                for _ in range(chance.randrange(1, 30)):
                    got.append(next(subscription).envelope.message_id)  # type: ignore[union-attr]
                broken += cut(port_of(stack)) and 1
        got.pop()  # in hand when the reader was dropped: the contract says that it comes again
        broken += 1
    count = len(writing)
    with Subscription(partner, families=[Family.OUT]) as subscription:
        while len(got) < count:
            got.append(next(subscription).envelope.message_id)  # type: ignore[union-attr]
    assert got[:count] == [each.envelope.message_id for each in writing[:count] if each.envelope]


def test_a_recall_is_obeyed_and_answered(stack: LocalStack, tmp_path: Path) -> None:
    partner = access(stack, "cedar", tmp_path)
    recall = envelope("RECALL", 2, "recalled", delete_to=1)
    write(stack, [delivery("k", envelope("ALERT", 1)), delivery("k", recall, "recall", RECALL)], "cedar")
    with Subscription(partner, live=False) as subscription:
        assert [each.kind for each in subscription] == ["view", "recall"]
        (recalled,) = subscription.store.recalls()
        assert subscription.store.held() == []
        assert (recalled.answer, recalled.sent) == ("DONE", True)


def test_an_empty_topic_waits(stack: LocalStack, tmp_path: Path) -> None:
    with Feed(access(stack, "elm", tmp_path)) as feed:
        feed.start({Family.EXERCISE: END})
        until(lambda: feed.take(0.1) == [] and Family.EXERCISE in feed.ended, "the end of nothing")
        write(stack, [delivery("k", envelope("ALERT", 1, status="Exercise"), family=Family.EXERCISE)], "elm")
        until(lambda: feed.take(0.1), "what was written then")


def password(stack: LocalStack, org: str) -> str:
    return stack.settings.secret(f"{org}.password").decode()


def problem(partner: Access, family: Family = Family.OUT) -> Problem:
    with Feed(partner) as feed, pytest.raises(ClientError) as caught:
        feed.start({family: 0})
    return caught.value.problem


def test_a_wrong_password_is_told_from_a_credential_that_was_taken_away(stack: LocalStack, tmp_path: Path) -> None:
    partner = access(stack, "elm", tmp_path, password="wrong")
    assert problem(partner) is Problem.WRONG_PASSWORD
    partner.accepted()
    assert problem(partner) is Problem.SUSPENDED


def test_the_topics_of_others_are_refused(stack: LocalStack, tmp_path: Path) -> None:
    partner = access(stack, "elm", tmp_path, username="birch", password=password(stack, "birch"))
    assert problem(partner) is Problem.SUSPENDED  # birch's credential on elm's topic: no right, and no more is told


def test_another_authority_is_not_trusted(stack: LocalStack, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificates(other, ["localhost"])
    assert problem(access(stack, "elm", tmp_path, ca=other / "ca.pem")) is Problem.CERTIFICATE


def test_a_position_that_is_gone_is_an_error(stack: LocalStack, tmp_path: Path) -> None:
    with Feed(access(stack, "elm", tmp_path)) as feed, pytest.raises(ClientError) as caught:
        feed.start({Family.OUT: 1_000_000})
    assert caught.value.problem is Problem.GAP
