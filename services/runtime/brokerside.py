"""What the broker has of users and ACLs, read and changed through its administrator's client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

SECONDS = 60.0
_ITERATIONS = 8192
_T = TypeVar("_T")


def done(futures: Mapping[Any, Future[Any]]) -> None:
    """Wait for every answer; KafkaException for the first refusal."""
    for future in futures.values():
        future.result(SECONDS)


def result(future: Future[_T]) -> _T:
    """One answer."""
    return future.result(SECONDS)


def users(client: AdminClient) -> frozenset[str]:
    """Every SCRAM user."""
    described: Future[dict[str, Any]] = client.describe_user_scram_credentials()  # type: ignore[assignment]
    known = result(described)
    return frozenset(known)


def put_users(client: AdminClient, passwords: Mapping[str, str]) -> None:
    """Make these users, or give them these passwords. Connections that are open stay open."""
    upserts: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(
            name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS), password.encode()
        )
        for name, password in passwords.items()
    ]
    done(client.alter_user_scram_credentials(upserts) if upserts else {})


def drop_users(client: AdminClient, names: Iterable[str]) -> None:
    """Delete these users. An open connection lives on until it has to prove itself again: take its ACLs first."""
    deletions: list[UserScramCredentialAlteration] = [
        UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512) for name in names
    ]
    done(client.alter_user_scram_credentials(deletions) if deletions else {})


def acls(client: AdminClient) -> frozenset[AclBinding]:
    """Every ACL of the cluster, which is the relay's own."""
    anything: Any = None  # the library's annotation forgets that None matches every name
    everything = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return frozenset(result(client.describe_acls(everything)))


def put_acls(client: AdminClient, bindings: Iterable[AclBinding]) -> None:
    """Make these ACLs."""
    wanted = list(bindings)
    done(client.create_acls(wanted) if wanted else {})


def drop_acls(client: AdminClient, bindings: Iterable[AclBinding]) -> None:
    """Delete exactly these ACLs: what they allowed is refused from the next request on, on open connections too."""
    filters = [
        AclBindingFilter(
            each.restype,
            each.name,
            each.resource_pattern_type,
            each.principal,
            each.host,
            each.operation,
            each.permission_type,
        )
        for each in bindings
    ]
    done(client.delete_acls(filters) if filters else {})
