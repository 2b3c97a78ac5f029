from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

from services.client import Access, ClientError, Problem
from services.client.errors import login_refused, topic_refused, trouble
from services.client.record import Family, cursors

VALUES: dict[str, Any] = {
    "bootstrap": "relay.example.org:9093",
    "org": "alder",
    "username": "alder.laptop",
    "password": 'a"b\\c',
}


@pytest.fixture
def saved(tmp_path: Path) -> Access:
    return Access(**VALUES).save(tmp_path / "deep" / "partner.toml")


def test_what_was_saved_is_read_again(saved: Access) -> None:
    assert {key: getattr(Access.load(saved.path), key) for key in VALUES} == VALUES


def test_only_its_owner_can_read_it(saved: Access) -> None:
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert saved.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused(saved: Access, mode: int) -> None:
    saved.path.chmod(mode)
    with pytest.raises(ClientError, match="chmod 600"):
        Access.load(saved.path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('bootstrap = "b"\norg = "o"\nusername = "u"', "`password` is missing"),
        ('bootstrap = "b"\norg = "o"\nusername = "u"\npassword = "p"\npasword = "p"', "unknown key `pasword`"),
        ('bootstrap = 1\norg = "o"\nusername = "u"\npassword = "p"', "`bootstrap` must be a text"),
        ("bootstrap =", "is no TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "partner.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ClientError, match=says) as caught:
        Access.load(path)
    assert caught.value.problem is Problem.CONFIG


def test_a_password_is_in_no_text(saved: Access) -> None:
    assert VALUES["password"] not in repr(saved)


def test_the_relay_is_reached_over_tls_alone(saved: Access) -> None:
    assert {saved.consumer()["security.protocol"], saved.producer()["security.protocol"]} == {"SASL_SSL"}
    assert saved.consumer()["isolation.level"] == "read_committed"


def test_a_credential_that_was_taken_is_remembered_until_the_file_changes(saved: Access) -> None:
    assert saved.idle_days() is None
    saved.accepted()
    days = saved.idle_days()
    assert days is not None
    assert days < 0.1
    later = saved.path.stat().st_mtime + 10
    os.utime(saved.path, (later, later))
    assert saved.idle_days() is None


@pytest.mark.parametrize(
    ("idle", "problem", "says"),
    [
        (None, Problem.WRONG_PASSWORD, "wrong"),
        (0.0, Problem.SUSPENDED, "suspended"),
        (29.0, Problem.SUSPENDED, "29 days ago"),
        (30.0, Problem.EXPIRED, "expired"),
    ],
)
def test_a_refused_login_says_which(idle: float | None, problem: Problem, says: str) -> None:
    error = login_refused("alder.laptop", idle)
    assert error.problem is problem
    assert says in str(error)


@pytest.mark.parametrize(
    ("topic", "writing", "problem"),
    [
        ("slt.out.alder", False, Problem.SUSPENDED),
        ("slt.in.alder", True, Problem.SCOPE),
        ("slt.out.birch", False, Problem.FOREIGN_TOPIC),
        ("slt.out.esalder", False, Problem.FOREIGN_TOPIC),
    ],
)
def test_a_refused_topic_says_which(topic: str, writing: bool, problem: Problem) -> None:
    assert topic_refused(topic, "alder", writing=writing).problem is problem


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (KafkaError._SSL, Problem.CERTIFICATE),
        (KafkaError._ALL_BROKERS_DOWN, Problem.UNREACHABLE),
        (KafkaError._AUTO_OFFSET_RESET, Problem.GAP),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, Problem.OTHER),
    ],
)
def test_other_trouble_says_what_to_do(code: int, problem: Problem) -> None:
    assert trouble(KafkaError(code), "relay.example.org:9093").problem is problem


def test_a_consent_is_signed_by_a_person(saved: Access) -> None:
    with pytest.raises(ClientError, match="--signing-key"):
        saved.signed({"type": "grant"})


def test_cursors_are_read() -> None:
    assert cursors("out@120,notices@7") == {Family.OUT: 120, Family.NOTICES: 7}


@pytest.mark.parametrize("text", ["", "out", "out@", "out@x", "in@3", "out@-1"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="looks like out@120"):
        cursors(text)
