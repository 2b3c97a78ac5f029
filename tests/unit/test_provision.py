"""What provisioning asks of the broker, without one: names, ids and the ACLs that topics.yaml implies."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from services.runtime.provision import ProvisionError, check_orgs
from services.runtime.rights import acl_bindings
from services.runtime.secrets import administrator_key, secret
from services.runtime.topics import Catalogue

CATALOGUE = Catalogue.load()


def held_by(principal: str) -> set[tuple[object, ...]]:
    return {
        (each.restype, each.name, each.resource_pattern_type, each.operation)
        for each in acl_bindings(CATALOGUE, ("esa", "esab"))
        if each.principal == f"User:{principal}"
    }


def test_a_partner_holds_its_own_topics_by_name_and_its_groups_by_prefix() -> None:
    topic, literal = ResourceType.TOPIC, ResourcePatternType.LITERAL
    assert held_by("esa") == {
        (ResourceType.GROUP, "esa.", ResourcePatternType.PREFIXED, AclOperation.READ),
        *((topic, f"slt.{kind}.esa", literal, AclOperation.WRITE) for kind in ("in", "consent")),
        *((topic, f"slt.{kind}.esa", literal, AclOperation.READ) for kind in ("out", "exercise", "notices")),
    }


def test_deliver_alone_writes_partners_topics() -> None:
    writers = {
        each.principal
        for each in acl_bindings(CATALOGUE, ("esa",))
        if each.operation is AclOperation.WRITE and each.name.startswith(("slt.out.", "slt.exercise.", "slt.notices."))
    }
    assert writers == {"User:deliver"}


def test_intake_alone_writes_the_control_topic() -> None:
    writers = {
        each.principal
        for each in acl_bindings(CATALOGUE, ("esa",))
        if (each.name, each.operation) == ("slt.control", AclOperation.WRITE)
    }
    assert writers == {"User:intake"}


def test_every_prefix_ends_in_a_separator() -> None:
    prefixed = [
        each.name
        for each in acl_bindings(CATALOGUE, ("esa",))
        if each.resource_pattern_type is ResourcePatternType.PREFIXED
    ]
    assert prefixed
    assert [name for name in prefixed if not name.endswith(".")] == []


@pytest.mark.parametrize("org", ["admin", "intake", "deliver", "projector", "everyone", "partner"])
def test_a_reserved_id_is_refused(org: str) -> None:
    with pytest.raises(ProvisionError, match=f"'{org}' is reserved"):
        check_orgs(CATALOGUE, (org,))


@pytest.mark.parametrize("org", ["a", "Esa", "1esa", "esa.b", "es a", "e" * 32, ""])
def test_a_malformed_id_is_refused(org: str) -> None:
    with pytest.raises(ProvisionError, match="use 2 to 31 of"):
        check_orgs(CATALOGUE, (org,))


def test_ids_at_the_bounds_are_taken() -> None:
    check_orgs(CATALOGUE, ("es", "e" * 31, "e-1"))


def test_administrators_have_a_consent_topic_and_no_outlet() -> None:
    names = CATALOGUE.names(())
    assert "slt.consent.admin" in names
    assert "slt.out.admin" not in names


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first = secret(tmp_path / "esa.password")
    assert len(first) >= 43  # 256 bits
    assert secret(tmp_path / "esa.password") == first
    assert secret(tmp_path / "esab.password") != first
    assert stat.S_IMODE((tmp_path / "esa.password").stat().st_mode) == 0o600


def test_the_administrators_public_key_belongs_to_the_kept_private_one(tmp_path: Path) -> None:
    public = administrator_key(tmp_path / "administrator.key")
    assert len(bytes.fromhex(public)) == 32
    assert administrator_key(tmp_path / "administrator.key") == public
    assert public != (tmp_path / "administrator.key").read_text().strip()
