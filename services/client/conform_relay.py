"""The part of the self-test that needs the relay: is the connection what it should be, and no more than that?"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from confluent_kafka import Consumer, KafkaError

from services.client.access import Access
from services.client.conform import Verdict
from services.client.feed import END, Feed
from services.client.record import UNREADABLE, Family

_FOREIGN = "canary"
"""The relay's own test organisation: every installation has it, and nobody else may see it."""
_PULSE = 20.0
_SKEW = timedelta(seconds=5)
_ANSWER = 10.0


def probe(access: Access, now: Callable[[], datetime]) -> list[Verdict]:
    """Log in and look; ClientError if that is not possible at all. Takes up to half a minute."""
    with Feed(access) as feed:
        seen = feed.topics()
        reads = {access.topic(family) for family in Family}
        own = reads | {f"slt.in.{access.org}", f"slt.consent.{access.org}"}
        tell = "of another: tell the relay's administrators."
        return [
            Verdict("tls_and_login", True, ""),
            _said("own_topics", reads <= set(seen) <= own, f"You are shown {', '.join(seen)}: ask the administrators."),
            _said("foreign_topic", _refuses_topic(access), f"You could read the topic {tell}"),
            _said("foreign_group", _refuses_group(access), f"You could join the group {tell}"),
            _readable(feed),
            *_alive(feed, now),
        ]


def _said(name: str, passed: bool, advice: str) -> Verdict:
    return Verdict(name, passed, "" if passed else advice)


def _refuses_topic(access: Access) -> bool:
    topic = f"slt.out.{_FOREIGN}"
    consumer = Consumer(access.consumer())
    try:
        error = consumer.list_topics(topic, timeout=_ANSWER).topics[topic].error
    finally:
        consumer.close()
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def _refuses_group(access: Access) -> bool:
    consumer = Consumer(access.consumer(**{"group.id": f"{_FOREIGN}.conform"}))
    try:
        consumer.subscribe([access.topic(Family.OUT)])
        found = consumer.poll(_ANSWER)
    finally:
        consumer.close()
    error = found.error() if found else None
    return error is not None and error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def _readable(feed: Feed) -> Verdict:
    """Every record that lies in the topics now."""
    feed.start({family: feed.bounds(family).low for family in Family})
    unread = 0
    while feed.ended < set(Family):
        unread += sum(each.kind == UNREADABLE for each in feed.take(0.2))
    return _said("schemas", not unread, f"{unread} records are of a kind that this version does not know: update slt.")


def _alive(feed: Feed, now: Callable[[], datetime]) -> list[Verdict]:
    feed.start({Family.OUT: END})
    deadline = time.monotonic() + _PULSE
    while time.monotonic() < deadline:
        pulses = [each for each in feed.take(0.1) if each.kind == "pulse"]
        if pulses:
            skew = abs(now() - pulses[-1].at)
            advice = f"Your clock is {skew.total_seconds():.0f} s from the relay's: let it be set by NTP."
            return [Verdict("heartbeat", True, ""), _said("clock", skew <= _SKEW, advice)]
    return [
        Verdict(
            "heartbeat", False, f"No heartbeat within {_PULSE:.0f} s: the relay stands still, or your outlet is parked."
        )
    ]
