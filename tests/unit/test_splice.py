"""Kept bytes are what encoding the fields would give, whatever is amended and whatever version was read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.core.kept import Kept, amended
from services.runtime.codec import SCHEMAS, Codec, CodecError
from tests.registry import report

CODEC = Codec()
AREA = {
    "country": "UGA", "admin1": "UG-C", "admin1_name": "Central", "pcode": "", "cell": "", "found": "SERIES",
    "note": "",
}  # fmt: skip
HOLDERS: dict[str, dict[str, Any]] = {
    "incident_change": {
        "relation": "NEW", "series_id": "o/1", "joined": ["i"], "left": [], "merged": [],
        "links": [{"one": "o/1", "other": "p/2", "relation": "SAME", "score": 0.5}],
    },
    "ledger_report": {
        "decided_at": report("o/1")["received_at"], "links": [], "echo": [], "requested_at": None, "asked": 0,
        "closed": False,
    },
}  # fmt: skip


def plain(value: Any) -> Any:
    """The same fields without any bytes."""
    return dict(value) if isinstance(value, Kept) else value


def read(kind: str, value: Any) -> Any:
    found, fields = CODEC.decode(CODEC.encode(kind, value))
    assert found == kind
    return fields


@pytest.fixture
def kept() -> Any:
    found = read("report", report("o/1", area=None, home=0, description="x" * 300, attributes={"a": "b"}))
    assert isinstance(found, Kept)
    return found


def test_a_record_that_was_read_is_written_with_the_same_bytes(kept: Any) -> None:
    assert CODEC.encode("report", kept) == CODEC.encode("report", plain(kept))


@pytest.mark.parametrize(
    "changes",
    [{"area": AREA, "home": 1}, {"area": AREA}, {"home": 1}, {"headline": "other"}, {"headline": "other", "home": 1}],
    ids="-".join,
)
def test_an_amended_record_is_written_as_its_fields_say(kept: Any, changes: dict[str, Any]) -> None:
    found = amended(kept, **changes)
    assert found == {**kept, **changes}
    assert CODEC.encode("report", found) == CODEC.encode("report", {**kept, **changes})


def test_only_a_tail_is_amended_without_encoding_the_rest(kept: Any) -> None:
    assert isinstance(amended(kept, area=AREA, home=1), Kept)
    assert not isinstance(amended(kept, headline="other"), Kept)


def test_a_plain_mapping_is_amended_too() -> None:
    assert amended({"home": 0, "series_id": "o/1"}, home=1) == {"home": 1, "series_id": "o/1"}


@pytest.mark.parametrize("kind", sorted(HOLDERS))
@pytest.mark.parametrize("changes", [{}, {"area": AREA, "home": 1}], ids=["as read", "amended"])
def test_a_record_within_another_keeps_its_bytes(kept: Any, kind: str, changes: dict[str, Any]) -> None:
    inner = amended(kept, **changes)
    data = CODEC.encode(kind, {**HOLDERS[kind], "report": inner})
    assert data == CODEC.encode(kind, {**HOLDERS[kind], "report": plain(inner)})
    again = CODEC.decode(data)[1]
    assert isinstance(again["report"], Kept)
    assert again == {**HOLDERS[kind], "report": inner}
    assert CODEC.encode(kind, again) == data


def test_null_where_a_record_may_be() -> None:
    value = {**HOLDERS["incident_change"], "report": None}
    assert read("incident_change", value) == value


def test_a_value_that_does_not_fit_is_refused(kept: Any) -> None:
    with pytest.raises(CodecError):
        CODEC.encode("report", amended(kept, home="one"))


@pytest.mark.parametrize("kind", ["report", "incident_change"])
@pytest.mark.parametrize("cut", [6, 40, -1])
def test_bytes_that_end_too_early_are_no_record(kept: Any, kind: str, cut: int) -> None:
    value = kept if kind == "report" else {**HOLDERS[kind], "report": kept}
    with pytest.raises(CodecError):
        CODEC.decode(CODEC.encode(kind, value)[:cut])


# A release that adds a field


@pytest.fixture
def newer(tmp_path: Path) -> Codec:
    """Version 1.1 of `report` with a field more at its end, which `ledger_report` has and `incident_change` has not."""
    folder = shutil.copytree(SCHEMAS, tmp_path / "schemas")
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    for kind in ("report", "ledger_report"):
        newest = folder / kind / f"v{manifest['records'][kind]['versions'][-1]}.avsc"
        schema = json.loads(newest.read_text(encoding="utf-8"))
        inner = schema if kind == "report" else next(f["type"] for f in schema["fields"] if f["name"] == "report")
        inner["fields"].append({"name": "added", "type": "string", "default": "?"})
        manifest["records"][kind]["versions"].append("1.99")
        (folder / kind / "v1.99.avsc").write_text(json.dumps(schema), encoding="utf-8")
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return Codec(folder)


def test_bytes_of_an_older_version_are_not_kept(newer: Codec) -> None:
    found = newer.decode(CODEC.encode("report", report("o/1")))[1]
    assert not isinstance(found, Kept)
    assert found["added"] == "?"


def test_an_added_field_travels_in_the_tail(newer: Codec) -> None:
    found = newer.decode(newer.encode("report", {**report("o/1"), "added": "new"}))[1]
    located = amended(found, area=AREA, home=1)
    assert isinstance(located, Kept)
    assert newer.decode(newer.encode("report", located))[1] == {**found, "area": AREA, "home": 1, "added": "new"}


def test_a_record_keeps_its_bytes_only_where_its_form_is_the_same(newer: Codec) -> None:
    found = newer.decode(newer.encode("report", {**report("o/1"), "added": "new"}))[1]
    same = {**HOLDERS["ledger_report"], "report": found}
    assert newer.decode(newer.encode("ledger_report", same))[1]["report"]["added"] == "new"
    other = {**HOLDERS["incident_change"], "report": found}
    read_again = newer.decode(newer.encode("incident_change", other))[1]["report"]
    assert read_again == {name: value for name, value in found.items() if name != "added"}
