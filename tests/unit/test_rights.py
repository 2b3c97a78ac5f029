"""The rights of a partner's login, by scope and standing, and of an outlet that is parked."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType

from services.core.access import Access
from services.core.credential import Scope
from services.runtime.drift import principal_of, words
from services.runtime.rights import Login, login_acls, parked_acls
from services.runtime.topics import Catalogue

CATALOGUE = Catalogue.load()
ROWS: dict[str, tuple[Scope, Access, set[str]]] = {
    "reads": (Scope.READ, Access.ALL, {"READ slt.out.esa", "READ slt.exercise.esa", "READ slt.notices.esa"}),
    "submits": (Scope.SUBMIT, Access.ALL, {"WRITE slt.in.esa", "READ slt.notices.esa"}),
    "consents": (Scope.CONSENT, Access.ALL, {"WRITE slt.consent.esa", "READ slt.notices.esa"}),
    "reads, suspended": (Scope.READ, Access.NOTICES, {"READ slt.notices.esa"}),
    "submits, suspended": (Scope.SUBMIT, Access.NOTICES, {"WRITE slt.in.esa", "READ slt.notices.esa"}),
    "reads, turned out": (Scope.READ, Access.NONE, set()),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_login_holds_its_scope_of_its_own_organisation(row: str) -> None:
    scope, reach, expected = ROWS[row]
    found = list(login_acls(CATALOGUE, Login("esa.desk", "esa", frozenset({scope}), reach)))
    topics = [each for each in found if each.restype is ResourceType.TOPIC]
    groups = [each for each in found if each.restype is ResourceType.GROUP]
    assert {f"{AclOperation(each.operation).name} {each.name}" for each in topics} == expected
    assert {each.resource_pattern_type for each in topics} <= {ResourcePatternType.LITERAL}
    assert {principal_of(each) for each in found} <= {"esa.desk"}
    assert [each.name for each in groups] == (["esa.desk."] if expected else [])
    assert len(topics) + len(groups) == len(found)


def test_a_parked_outlet_is_denied_to_deliver_alone() -> None:
    found = list(parked_acls(CATALOGUE, "esa"))
    assert {each.name for each in found} == {"slt.out.esa", "slt.exercise.esa"}
    assert {(each.principal, each.operation, each.permission_type) for each in found} == {
        ("User:deliver", AclOperation.WRITE, AclPermissionType.DENY)
    }
    assert words(found[0]).startswith("deliver may not WRITE topic slt.")
