"""The gate on schema changes: within one major every version reads every other, and what was released stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import Schema, parse

from services.cli.schemas import ReleaseError, broken_promises, release, released, schema, versions
from services.runtime.codec import SCHEMAS, Codec

Avro = dict[str, Any]


def incompatibilities(old: Avro, new: Avro) -> list[str]:
    """What keeps the new schema from reading old records (BACKWARD) and the old one from reading new ones (FORWARD).

    One sentence a direction that names the field; empty when both directions work.
    """
    before, after = parse(json.dumps(old)), parse(json.dumps(new))
    return [*_unreadable("BACKWARD", after, before), *_unreadable("FORWARD", before, after)]


def _unreadable(direction: str, reader: Schema, writer: Schema) -> list[str]:
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    found = checker.get_compatibility(reader, writer)
    if found.compatibility is SchemaCompatibilityType.compatible:
        return []
    places = ", ".join(sorted({_field(reader, place) for place in found.locations if place != "/"}))
    kinds = ", ".join(sorted({kind.value for kind in found.incompatibilities}))
    return [f"{direction}: {places}: {kinds} ({', '.join(sorted(found.messages))})"]


def _field(reader: Schema, place: str) -> str:
    """`/fields/2/type/symbols` as the field's name; the checker numbers fields as the reader has them."""
    if not place.startswith("/fields"):
        return "the record itself"
    return str(reader.fields[int(place.split("/")[2])].name)  # type: ignore[attr-defined]  # every schema is a record


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Every two versions of one record and one major."""
    return [(one, other) for one, other in combinations(names, 2) if _major(one) == _major(other)]


def _major(name: str) -> str:
    return name.rsplit(".", 1)[0]


def test_versions_of_one_major_read_each_other() -> None:
    found = {pair: incompatibilities(schema(pair[0]), schema(pair[1])) for pair in _pairs(versions())}
    assert {pair: problems for pair, problems in found.items() if problems} == {}


def test_pairs_stay_within_a_major() -> None:
    assert _pairs(["beat/v1.0", "beat/v1.1", "beat/v2.0", "pulse/v1.0"]) == [("beat/v1.0", "beat/v1.1")]


@pytest.mark.parametrize("name", versions())
def test_the_checker_knows_every_schema(name: str) -> None:
    assert incompatibilities(schema(name), schema(name)) == []


def _without_default(changed: Avro) -> None:
    changed["fields"].append({"name": "ward", "type": "string"})


def _with_default(changed: Avro) -> None:
    changed["fields"].append({"name": "ward", "type": "string", "default": ""})


def _drop_required(changed: Avro) -> None:
    changed["fields"] = [field for field in changed["fields"] if field["name"] != "status"]


def _drop_defaulted(changed: Avro) -> None:
    changed["fields"] = [field for field in changed["fields"] if field["name"] != "advice"]


def _symbol(changed: Avro) -> None:
    _named(changed, "kind")["type"]["symbols"].append("RUMOUR")


def _fewer_symbols(changed: Avro) -> None:
    _named(changed, "urgency")["type"]["symbols"].remove("Past")


def _rename(changed: Avro) -> None:
    _named(changed, "series_id")["name"] = "series"


def _retype(changed: Avro) -> None:
    _named(changed, "version")["type"] = "string"
    del _named(changed, "version")["default"]


def _rename_record(changed: Avro) -> None:
    changed["name"] = "report"


def _deep(changed: Avro) -> None:
    _named(changed, "place")["type"]["fields"].append({"name": "ward", "type": "string"})


def _named(changed: Avro, name: str) -> Avro:
    return next(field for field in changed["fields"] if field["name"] == name)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(_without_default, ["BACKWARD: ward: reader_field_missing_default_value"], id="add, no default"),
        pytest.param(_with_default, [], id="add with default"),
        pytest.param(_drop_required, ["FORWARD: status: reader_field_missing_default_value"], id="drop, no default"),
        pytest.param(_drop_defaulted, [], id="drop with default"),
        pytest.param(_symbol, ["FORWARD: kind: missing_enum_symbols"], id="add a symbol"),
        pytest.param(_fewer_symbols, ["BACKWARD: urgency: missing_enum_symbols"], id="drop a symbol"),
        pytest.param(
            _rename,
            ["BACKWARD: series: reader_field_missing_default", "FORWARD: series_id: reader_field_missing_default"],
            id="rename",
        ),
        pytest.param(
            _retype, ["BACKWARD: version: type_mismatch", "FORWARD: version: type_mismatch"], id="change a type"
        ),
        pytest.param(
            _rename_record,
            ["BACKWARD: the record itself: name_mismatch", "FORWARD: the record itself: name_mismatch"],
            id="rename the record",
        ),
        pytest.param(_deep, ["BACKWARD: place: reader_field_missing_default_value"], id="inside a nested record"),
    ],
)
def test_the_gate_fails_and_names_the_field(change: Callable[[Avro], None], named: list[str]) -> None:
    old, new = schema("submission/v1.0"), schema("submission/v1.0")
    change(new)
    found = incompatibilities(old, new)
    assert [sentence.startswith(start) for sentence, start in zip(found, named, strict=True)] == [True] * len(named)


def test_a_change_inside_an_optional_record_is_seen() -> None:
    new = schema("incident_change/v1.0")
    _named(new, "report")["type"][1]["fields"].append({"name": "ward", "type": "string"})
    found = incompatibilities(schema("incident_change/v1.0"), new)
    assert len(found) == 1
    assert found[0].startswith("BACKWARD: report: missing_union_branch")


def test_no_two_versions_share_an_id() -> None:
    assert len(set(versions().values())) == len(versions())


def test_every_version_is_released() -> None:
    missing = sorted(versions().keys() - released().keys())
    assert missing == [], "run `slt schemas release` and commit schemas/released.yaml"


def test_what_was_released_stays() -> None:
    assert broken_promises() == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of schemas/ whose versions are all released."""
    copy = tmp_path / "schemas"
    shutil.copytree(SCHEMAS, copy, ignore=shutil.ignore_patterns("released.yaml"))
    assert len(release(copy)) == len(versions())
    return copy


def _manifest(folder: Path, change: Callable[[Avro], None]) -> None:
    path = folder / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text())
    change(manifest["records"])
    path.write_text(yaml.safe_dump(manifest))


def test_a_second_release_adds_nothing(folder: Path) -> None:
    before = (folder / "released.yaml").read_text()
    assert release(folder) == []
    assert (folder / "released.yaml").read_text() == before


def test_a_new_version_is_added_and_the_old_stays(folder: Path) -> None:
    before = released(folder)
    shutil.copy(folder / "beat" / "v1.0.avsc", folder / "beat" / "v1.1.avsc")
    _manifest(folder, lambda records: records["beat"]["versions"].append("1.1"))
    assert release(folder) == ["beat/v1.1"]
    assert {name: released(folder)[name] for name in before} == before


def test_a_record_of_an_older_version_is_read_with_the_newest(folder: Path) -> None:
    old = Codec(folder).encode("beat", {"by": "intake-0"})
    newer = schema("beat/v1.0", folder)
    newer["fields"].append({"name": "slot", "type": "int", "default": 7})
    (folder / "beat" / "v1.1.avsc").write_text(json.dumps(newer))
    _manifest(folder, lambda records: records["beat"]["versions"].append("1.1"))
    assert Codec(folder).decode(old) == ("beat", {"by": "intake-0", "slot": 7})


def test_a_changed_file_is_named(folder: Path) -> None:
    path = folder / "beat" / "v1.0.avsc"
    path.write_text(path.read_text().replace('"by"', '"sender"'))
    assert broken_promises(folder) == ["beat/v1.0 has changed since it was released: put it back and add a new version"]
    with pytest.raises(ReleaseError, match=r"beat/v1\.0 has changed"):
        release(folder)


def test_a_dropped_version_is_named(folder: Path) -> None:
    _manifest(folder, lambda records: records.pop("beat"))
    assert broken_promises(folder) == ["beat/v1.0 was released and is gone from the manifest: put it back"]


def test_a_reused_id_is_named(folder: Path) -> None:
    def give_away(records: Avro) -> None:
        records["pulse"]["number"] = records.pop("beat")["number"]

    _manifest(folder, give_away)
    found = broken_promises(folder)
    assert "id 210100 belongs to beat/v1.0: give pulse/v1.0 a number never used" in found
