"""`slt schemas`: shows the record types and topics, writes docs/topics.md, fixes released schema files by hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from services.runtime.codec import SCHEMAS
from services.runtime.topics import Catalogue, Topic

app = typer.Typer(help="Record types and topics.", no_args_is_help=True)

_TOPICS_HEAD = """# Topics

Generated from `schemas/topics.yaml` by `slt schemas topics --markdown`; edit that file, not this one.

`{org}` stands for one partner organisation, `lanes` for the installation's partition count (fixed when it is created),
`raw` for bytes as a partner sent them, `everyone` for every stage. A record type is described in `schemas/README.md`.
"""
_TOPICS_COLUMNS = ("topic", "meaning", "key", "records", "partitions", "kept", "written by", "read by")
_RELEASED_HEAD = """\
# Written by `slt schemas release`. A schema file named here never changes and its id is never given to another:
# records of that version lie in topics and in partners' systems. What changes is a new version (schemas/README.md).
"""


class ReleaseError(Exception):
    """A released schema was changed or its id reused; the text says what to do for each."""


def versions(folder: Path = SCHEMAS) -> dict[str, int]:
    """`record/vM.m` -> schema id, for every version of the manifest."""
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text(encoding="utf-8"))
    return {
        f"{record}/v{version}": _schema_id(entry["number"], version)
        for record, entry in manifest["records"].items()
        for version in entry["versions"]
    }


def _schema_id(number: int, version: str) -> int:
    major, minor = version.split(".")
    return number * 10000 + int(major) * 100 + int(minor)


def schema(name: str, folder: Path = SCHEMAS) -> dict[str, Any]:
    """The Avro schema of `record/vM.m`."""
    found: dict[str, Any] = json.loads((folder / f"{name}.avsc").read_text(encoding="utf-8"))
    return found


def released(folder: Path = SCHEMAS) -> dict[str, dict[str, Any]]:
    """`record/vM.m` -> {id, sha256} of every released version; empty before the first release."""
    path = folder / "released.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.is_file() else {}


def _entry(name: str, number: int, folder: Path) -> dict[str, Any]:
    return {"id": number, "sha256": hashlib.sha256((folder / f"{name}.avsc").read_bytes()).hexdigest()}


def broken_promises(folder: Path = SCHEMAS) -> list[str]:
    """What was released and is not as it was, one sentence each with what to do; empty when all is well."""
    now = versions(folder)
    owners = {number: name for name, number in now.items()}
    found = []
    for name, entry in released(folder).items():
        if owners.get(entry["id"], name) != name:
            found.append(f"id {entry['id']} belongs to {name}: give {owners[entry['id']]} a number never used")
        if name not in now:
            found.append(f"{name} was released and is gone from the manifest: put it back")
        elif _entry(name, now[name], folder) != entry:
            found.append(f"{name} has changed since it was released: put it back and add a new version")
    return found


def release(folder: Path = SCHEMAS) -> list[str]:
    """Write the hash of every version not yet released and name them; ReleaseError if a promise is broken."""
    if problems := broken_promises(folder):
        raise ReleaseError("\n".join(problems))
    before = released(folder)
    now = {name: _entry(name, number, folder) for name, number in versions(folder).items()}
    (folder / "released.yaml").write_text(_RELEASED_HEAD + yaml.safe_dump(now, sort_keys=False), encoding="utf-8")
    return [name for name in now if name not in before]


def topics_markdown(topics: Iterable[Topic]) -> str:
    """docs/topics.md from the catalogue's topics, in their order."""
    rows = [_TOPICS_COLUMNS, ("---",) * len(_TOPICS_COLUMNS), *(_topic_row(topic) for topic in topics)]
    return _TOPICS_HEAD + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _topic_row(topic: Topic) -> tuple[str, ...]:
    ages = {"retention": topic.retention, "compaction lag": topic.compaction_lag}
    kept = [topic.cleanup, *(f"{name} {age.days} d" for name, age in ages.items() if age)]
    partitions = "lanes" if topic.partitions is None else str(topic.partitions)
    return (
        f"`{topic.name}`", topic.meaning, topic.key, ", ".join(topic.records), partitions,
        "; ".join([*kept, *(f"`{name}={value}`" for name, value in topic.config.items())]),
        ", ".join(sorted(topic.producers)), ", ".join(sorted(topic.consumers)),
    )  # fmt: skip


def type_text(kind: Any) -> str:
    """An Avro type in a few words, for people."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return " or ".join(type_text(branch) for branch in kind)
    match kind["type"]:
        case "array":
            return f"list of {type_text(kind['items'])}"
        case "map":
            return f"map of {type_text(kind['values'])}"
        case "enum":
            return "one of " + ", ".join(kind["symbols"])
        case other:
            return str(kind.get("logicalType") or kind.get("name") or other)


@app.command("list")
def list_records() -> None:
    """Every record type with its versions' ids and what it is."""
    for name, number in versions().items():
        print(f"{number:>7}  {name:<22} {schema(name).get('doc', '')}")


@app.command()
def show(record: Annotated[str, typer.Argument(help="a record type, as `slt schemas list` names it")]) -> None:
    """The fields of a record type's newest version."""
    newest = [name for name in versions() if name.split("/")[0] == record]
    if not newest:
        raise typer.BadParameter(f"no record type {record}: `slt schemas list` names them all")
    for field in schema(newest[-1])["fields"]:
        default = f" = {json.dumps(field['default'])}" if "default" in field else " (required)"
        print(f"{field['name']}: {type_text(field['type'])}{default}{'  ' + field['doc'] if 'doc' in field else ''}")


@app.command()
def topics(
    markdown: Annotated[bool, typer.Option("--markdown", help="docs/topics.md instead of names")] = False,
) -> None:
    """Every topic with its meaning."""
    entries = Catalogue.load().topics
    if markdown:
        print(topics_markdown(entries), end="")
        return
    for topic in entries:
        print(f"{topic.name:<22} {topic.meaning}")


@app.command("release")
def release_command() -> None:
    """Fix every new schema version for good (schemas/released.yaml)."""
    try:
        added = release()
    except ReleaseError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    print("\n".join(f"released {name}" for name in added) or "nothing new to release")
