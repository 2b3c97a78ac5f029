"""What goes wrong between a partner and the relay, each said in a sentence: what it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from confluent_kafka import KafkaError


class Problem(StrEnum):
    """What kind of trouble it is, for programs."""

    CONFIG = "CONFIG"
    WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105  the name of a problem
    EXPIRED = "EXPIRED"
    SUSPENDED = "SUSPENDED"
    FOREIGN_TOPIC = "FOREIGN_TOPIC"
    FOREIGN_GROUP = "FOREIGN_GROUP"
    SCOPE = "SCOPE"
    CERTIFICATE = "CERTIFICATE"
    UNREACHABLE = "UNREACHABLE"
    GAP = "GAP"
    REFUSED = "REFUSED"
    OTHER = "OTHER"


class ClientError(Exception):
    """Trouble that a person or a program has to do something about; the text says what. It names no content."""

    def __init__(self, problem: Problem, text: str) -> None:
        """`text`: one sentence or two for people."""
        super().__init__(text)
        self.problem = problem


IDLE_DAYS = 30
"""A credential that nobody has used for so long has ended."""
_CODES: Mapping[int, Problem] = {
    KafkaError._AUTHENTICATION: Problem.WRONG_PASSWORD,
    KafkaError.SASL_AUTHENTICATION_FAILED: Problem.WRONG_PASSWORD,
    KafkaError._SSL: Problem.CERTIFICATE,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Problem.SUSPENDED,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Problem.FOREIGN_GROUP,
    KafkaError._AUTO_OFFSET_RESET: Problem.GAP,
    KafkaError.OFFSET_OUT_OF_RANGE: Problem.GAP,
    KafkaError._ALL_BROKERS_DOWN: Problem.UNREACHABLE,
    KafkaError._TRANSPORT: Problem.UNREACHABLE,
    KafkaError._TIMED_OUT: Problem.UNREACHABLE,
    KafkaError._MSG_TIMED_OUT: Problem.UNREACHABLE,
    KafkaError._RESOLVE: Problem.UNREACHABLE,
    KafkaError.REQUEST_TIMED_OUT: Problem.UNREACHABLE,
}


def problem_of(code: int) -> Problem:
    """The kind of trouble behind a client library's code."""
    return _CODES.get(code, Problem.OTHER)


def login_refused(username: str, idle_days: float | None) -> ClientError:
    """The relay did not take name and password. `idle_days`: since it last took these same two; None: it never did.

    The broker gives one answer for all, so that nobody can find out which names exist; what it took before tells the
    cases apart.
    """
    if idle_days is None:
        text = (
            f"The relay does not take this password for {username}: it is wrong, or was never issued. Enter it again "
            "with `slt login`; a lost one is replaced by the relay's administrators, who never see it."
        )
        return ClientError(Problem.WRONG_PASSWORD, text)
    if idle_days >= IDLE_DAYS:
        text = (
            f"The credential {username} has expired: it was last used {idle_days:.0f} days ago, and ends after "
            f"{IDLE_DAYS} without use. Ask the relay's administrators for a new one, then `slt login`."
        )
        return ClientError(Problem.EXPIRED, text)
    text = (
        f"The credential {username}, which was taken {_ago(idle_days)} with this same password, has been suspended, "
        "replaced or revoked since. Ask your organisation's representative or the relay's administrators which."
    )
    return ClientError(Problem.SUSPENDED, text)


def _ago(days: float) -> str:
    hours = days * 24
    return f"{days:.0f} days ago" if days >= 2 else f"{hours:.0f} hours ago" if hours >= 2 else "a moment ago"


def topic_refused(topic: str, org: str, *, writing: bool = False) -> ClientError:
    """The relay does not let this credential at a topic."""
    if not topic.endswith(f".{org}"):
        text = f"{topic} belongs to somebody else: {org} has topics of its own only, which `slt topics` lists."
        return ClientError(Problem.FOREIGN_TOPIC, text)
    if writing:
        text = (
            f"This credential may not write to {topic}: it lacks the scope for that, or {org} takes part no longer. "
            "Use one issued for it, or ask the relay's administrators."
        )
        return ClientError(Problem.SCOPE, text)
    text = (
        f"{org} may not read {topic} at present: it is suspended, or takes part no longer. What falls due meanwhile is "
        f"in slt.notices.{org} as long as that can be read; ask the relay's administrators."
    )
    return ClientError(Problem.SUSPENDED, text)


def group_refused(group: str, org: str) -> ClientError:
    """The relay does not let this credential use a consumer group."""
    text = f"The group {group} is not yours: name it {org}.<anything>, with the dot."
    return ClientError(Problem.FOREIGN_GROUP, text)


def trouble(error: KafkaError, bootstrap: str) -> ClientError:
    """Everything that is neither about a password nor about a right."""
    problem = problem_of(error.code())
    texts = {
        Problem.CERTIFICATE: (
            f"The relay at {bootstrap} does not prove who it is with the authority that you trust: check `ca` and the "
            "address in your configuration, and go on with neither until it does."
        ),
        Problem.UNREACHABLE: (
            f"The relay at {bootstrap} does not answer: check the address, your network and its firewall."
        ),
        Problem.GAP: (
            "Your position is older than what the relay keeps, so that something may be missing. Begin again from what "
            "is there: remove the local store (what was recalled meanwhile must go anyway), or name a later position."
        ),
    }
    return ClientError(problem, texts.get(problem, f"The relay says: {error.str()}."))
