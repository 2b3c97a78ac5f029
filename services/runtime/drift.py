"""What slt.control says against what the broker has: each difference named, and mended in the order that cuts first.

Rights are taken before anything else, because an open connection dies with its ACL and not with its password
(docs/adr/0012); quotas come last, because the broker's tool is slow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

from services.runtime.brokerside import SECONDS, acls, done, drop_acls, drop_users, put_acls, put_users, result, users
from services.runtime.provision import admin_config, create_topics, misconfigured
from services.runtime.quotas import Quota, drop_quotas, put_quotas, quotas
from services.runtime.secrets import new_secret, secret
from services.runtime.settings import Settings
from services.runtime.topics import Topic
from services.runtime.wanted import View, Wanted, catalogue, wanted


class Kind(StrEnum):
    """What differs, in the order of mending."""

    ACL_EXTRA = "ACL_EXTRA"
    USER_EXTRA = "USER_EXTRA"
    TOPIC_MISSING = "TOPIC_MISSING"
    TOPIC_SETTINGS = "TOPIC_SETTINGS"
    TOPIC_EXTRA = "TOPIC_EXTRA"
    USER_MISSING = "USER_MISSING"
    ACL_MISSING = "ACL_MISSING"
    QUOTA_EXTRA = "QUOTA_EXTRA"
    QUOTA_MISSING = "QUOTA_MISSING"


SENTENCES: Mapping[Kind, str] = {
    Kind.ACL_EXTRA: "the broker allows what nobody entered",
    Kind.USER_EXTRA: "the broker knows a login that nobody issued",
    Kind.TOPIC_MISSING: "a topic does not exist",
    Kind.TOPIC_SETTINGS: "a topic is not set as schemas/topics.yaml says",
    Kind.TOPIC_EXTRA: "a topic belongs to nobody in the registry",
    Kind.USER_MISSING: "a login does not exist: mending it makes a new password",
    Kind.ACL_MISSING: "the broker does not allow what was entered",
    Kind.QUOTA_EXTRA: "a login has a quota that it should not have",
    Kind.QUOTA_MISSING: "a login has no quota, or another one",
}


class Difference(NamedTuple):
    """One thing to mend."""

    kind: Kind
    name: str
    """Topic, login, or the ACL in words."""
    what: Any = None
    """The ACL."""


class Mended(NamedTuple):
    """What was done."""

    mended: tuple[Difference, ...]
    left: tuple[Difference, ...]
    """What a person has to look at: a topic of nobody's that is not empty."""
    passwords: Mapping[str, str]
    """New passwords by login, to be shown once."""


class Drift:
    """Compares one installation's broker with one view of slt.control."""

    def __init__(self, settings: Settings, view: View) -> None:
        """Nothing is asked yet."""
        self._settings = settings
        self._catalogue = catalogue()
        self._wanted: Wanted = wanted(view)
        self._expected: Mapping[str, Topic] = self._catalogue.expected(sorted(self._wanted.topics))
        self._admin = AdminClient(admin_config(settings))

    def rights(self, principals: Callable[[str], bool] = lambda _: True) -> list[Difference]:
        """Differences of ACLs and logins whose name `principals` accepts: the fast part."""
        found = {each for each in acls(self._admin) if principals(principal_of(each))}
        entered = {each for each in self._wanted.acls if principals(principal_of(each))}
        there = set(filter(principals, users(self._admin)))
        issued = set(filter(principals, self._wanted.users))
        pairs: tuple[tuple[Kind, Iterable[str]], ...] = (
            (Kind.USER_EXTRA, there - issued), (Kind.USER_MISSING, issued - there),
        )  # fmt: skip
        return _in_order(
            [
                *_of_acls(Kind.ACL_EXTRA, found - entered),
                *_of_acls(Kind.ACL_MISSING, entered - found),
                *(Difference(kind, name) for kind, names in pairs for name in names),
            ]
        )

    def topics(self, names: Callable[[str], bool] = lambda _: True) -> list[Difference]:
        """Differences of topics whose name `names` accepts."""
        listed = self._admin.list_topics(timeout=SECONDS).topics
        existing = {name for name in listed if name.startswith("slt.") and names(name)}
        expected = {name: topic for name, topic in self._expected.items() if names(name)}
        present = {name: topic for name, topic in expected.items() if name in existing}
        extra = existing - self._catalogue.expected(sorted(self._wanted.known)).keys()
        found = [Difference(Kind.TOPIC_MISSING, name) for name in expected.keys() - existing]
        found += [Difference(Kind.TOPIC_EXTRA, name) for name in extra]
        found += [Difference(Kind.TOPIC_SETTINGS, name) for name in misconfigured(self._admin, present)]
        return _in_order(found)

    def quotas(self) -> list[Difference]:
        """Differences of quotas; QuotaError or StackError where the broker's tool does not run."""
        there = quotas(self._settings)
        right = {name for name, quota in there.items() if quota == Quota.of(self._settings)}
        extra = [Difference(Kind.QUOTA_EXTRA, name) for name in there.keys() - self._wanted.quotas]
        return _in_order([*extra, *(Difference(Kind.QUOTA_MISSING, name) for name in self._wanted.quotas - right)])

    def everything(self) -> list[Difference]:
        """Every difference, in the order of mending."""
        return _in_order([*self.rights(), *self.topics(), *self.quotas()])

    def mend(self, differences: Sequence[Difference]) -> Mended:
        """Mend these in their order; the same call again finds nothing to do."""
        passwords: dict[str, str] = {}
        left: list[Difference] = []
        for kind in Kind:
            these = [each for each in differences if each.kind is kind]
            names = [each.name for each in these]
            if kind is Kind.USER_MISSING:
                passwords.update(self._make_users(names))
            elif kind is Kind.TOPIC_EXTRA:
                left += self._delete_empty(these)
            elif these:
                self._mend(kind, these, names)
        return Mended(tuple(each for each in differences if each not in left), tuple(left), passwords)

    def _mend(self, kind: Kind, these: Sequence[Difference], names: Sequence[str]) -> None:
        match kind:
            case Kind.ACL_EXTRA:
                drop_acls(self._admin, [each.what for each in these])
            case Kind.ACL_MISSING:
                put_acls(self._admin, [each.what for each in these])
            case Kind.USER_EXTRA:
                drop_users(self._admin, names)
            case Kind.TOPIC_MISSING | Kind.TOPIC_SETTINGS:
                create_topics(self._admin, self._settings, {name: self._expected[name] for name in names})
            case Kind.QUOTA_EXTRA:
                drop_quotas(self._settings, names)
            case Kind.QUOTA_MISSING:
                put_quotas(self._settings, names, Quota.of(self._settings))

    def _make_users(self, names: Sequence[str]) -> Mapping[str, str]:
        """Our own logins get the password of the secrets again; a partner's gets a new one, which is returned."""
        ours = {name for name in names if name not in self._wanted.quotas}
        made = {name: new_secret() for name in names if name not in ours}
        put_users(self._admin, {**made, **{name: secret(self._settings.secrets / f"{name}.password") for name in ours}})
        return made

    def _delete_empty(self, these: Sequence[Difference]) -> list[Difference]:
        """Delete what holds no record; the others are for a person."""
        full = [each for each in these if self._holds(each.name)]
        empty = [each.name for each in these if each not in full]
        done(self._admin.delete_topics(empty) if empty else {})
        return full

    def _holds(self, topic: str) -> bool:
        numbers = self._admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        ends = [self._offsets(topic, numbers, spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest())]  # type: ignore[no-untyped-call]
        return ends[0] != ends[1]

    def _offsets(self, topic: str, numbers: Iterable[int], spec: Any) -> list[int]:
        asked: dict[Any, Any] = {TopicPartition(topic, number): spec for number in numbers}
        return [result(future).offset for future in self._admin.list_offsets(asked).values()]


def words(binding: AclBinding) -> str:
    """An ACL in words."""
    end = "…" if binding.resource_pattern_type is ResourcePatternType.PREFIXED else ""
    may = "may" if binding.permission_type is AclPermissionType.ALLOW else "may not"
    operation, kind = AclOperation(binding.operation).name, ResourceType(binding.restype).name.lower()
    return f"{principal_of(binding)} {may} {operation} {kind} {binding.name}{end}"


def principal_of(binding: AclBinding) -> str:
    """The login that an ACL is about."""
    return binding.principal.removeprefix("User:")


def _of_acls(kind: Kind, bindings: Iterable[AclBinding]) -> Iterator[Difference]:
    return (Difference(kind, words(binding), binding) for binding in bindings)


def _in_order(found: Iterable[Difference]) -> list[Difference]:
    order = list(Kind)
    return sorted(found, key=lambda each: (order.index(each.kind), each.name))
