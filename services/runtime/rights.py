"""The ACLs that schemas/topics.yaml implies, for our stages and for partners' logins (docs/adr/0012).

Each is the least that the work needs. READ and WRITE include DESCRIBE; topics of a partner are named in full, and every
prefix ends in a separator.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from services.core.access import Access
from services.core.credential import Scope
from services.runtime.topics import Catalogue, Topic


class Login(NamedTuple):
    """A name at the broker by which an organisation's system comes."""

    principal: str
    org: str
    scopes: frozenset[Scope]
    access: Access


def house_login(org: str, access: Access = Access.ALL) -> Login:
    """The login whose password lies in the installation's own secrets: for demonstrations, tests and the canary."""
    return Login(org, org, frozenset(Scope), access)


def acl_bindings(catalogue: Catalogue, orgs: Iterable[str]) -> tuple[AclBinding, ...]:
    """Every ACL of an installation whose organisations have nothing but their house logins."""
    return (*stage_acls(catalogue), *(each for org in orgs for each in login_acls(catalogue, house_login(org))))


def stage_acls(catalogue: Catalogue) -> tuple[AclBinding, ...]:
    """What our own stages hold."""
    return tuple(binding for stage in catalogue.stages for binding in _of_stage(catalogue, stage))


def login_acls(catalogue: Catalogue, login: Login) -> Iterable[AclBinding]:
    """What a partner's login holds: topics by its scopes, and the consumer groups under its own name."""
    if login.access is Access.NONE:
        return
    yield _allow(login.principal, ResourceType.GROUP, f"{login.principal}.", AclOperation.READ, prefixed=True)
    for topic in catalogue.topics:
        if topic.scopes.isdisjoint(login.scopes) or (topic.outlet and login.access is Access.NOTICES):
            continue
        for operation, people in _operations(topic):
            if "partner" in people:
                yield _allow(login.principal, ResourceType.TOPIC, topic.prefix + login.org, operation)


def parked_acls(catalogue: Catalogue, org: str) -> Iterable[AclBinding]:
    """An outlet that an administrator parked: DELIVER may not write it, parks it, and comes back by itself."""
    for topic in catalogue.topics:
        if topic.outlet:
            yield AclBinding(
                ResourceType.TOPIC, topic.prefix + org, ResourcePatternType.LITERAL, "User:deliver", "*",
                AclOperation.WRITE, AclPermissionType.DENY,
            )  # fmt: skip


def _of_stage(catalogue: Catalogue, stage: str) -> Iterable[AclBinding]:
    yield _allow(stage, ResourceType.GROUP, f"{stage}.", AclOperation.READ, prefixed=True)
    if any(stage in topic.producers for topic in catalogue.topics):
        yield _allow(stage, ResourceType.TRANSACTIONAL_ID, f"{stage}.", AclOperation.WRITE, prefixed=True)
    for topic in catalogue.topics:
        for operation, people in _operations(topic):
            if stage in people or "everyone" in people:
                yield _allow(stage, ResourceType.TOPIC, topic.prefix, operation, prefixed=topic.family)


def _operations(topic: Topic) -> tuple[tuple[AclOperation, frozenset[str]], ...]:
    return (AclOperation.READ, topic.consumers), (AclOperation.WRITE, topic.producers)


def _allow(
    principal: str, kind: ResourceType, name: str, operation: AclOperation, *, prefixed: bool = False
) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    return AclBinding(kind, name, pattern, f"User:{principal}", "*", operation, AclPermissionType.ALLOW)
