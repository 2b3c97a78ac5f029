"""Verifies slt.decisions against itself, from the oldest record or from where an earlier audit ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

from services.core.chain import Chain, Fault, Finding, Head
from services.runtime.archive import Archive, ArchiveError, Span
from services.runtime.codec import Codec, CodecError

DECISIONS = "slt.decisions"
Heads = Mapping[int, Head]


class Verified(NamedTuple):
    """What an audit found."""

    records: int
    heads: Heads
    findings: tuple[Finding, ...]


def verify(
    archive: Archive, spans: Mapping[int, Span], since: Heads, topic: str = DECISIONS,
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:  # fmt: skip
    """Read these partitions; `progress` is called with the number of offsets passed."""
    codec, count = Codec(), 0
    chains = {number: Chain(number, since.get(number), span.first) for number, span in spans.items()}
    findings = list(_cut(spans, since))
    start = {number: _start(span, since.get(number)) for number, span in spans.items()}
    at = dict(start)
    for message in archive.messages(topic, start):
        data, partition = message.value or b"", message.partition
        found = chains[partition].add(message.offset, data, _previous(codec, data))
        if found:
            findings.append(found)
        count += 1
        progress(message.offset + 1 - at[partition])
        at[partition] = message.offset + 1
    return Verified(count, {number: chain.head for number, chain in chains.items()}, tuple(findings))


def _start(span: Span, head: Head | None) -> int:
    return min(max(span.first, head.offset), span.end) if head else span.first


def _cut(spans: Mapping[int, Span], since: Heads) -> Iterator[Finding]:
    """Partitions that end before the place where an earlier audit ended."""
    for number, head in since.items():
        if number in spans and head.offset > spans[number].end:
            yield Finding(number, spans[number].end, head.offset - 1, Fault.CUT)


def _previous(codec: Codec, data: bytes) -> bytes | None:
    try:
        kind, value = codec.decode(data)
    except CodecError:
        return None
    previous: bytes | None = value["previous_hash"] if kind == "decision" else None
    return previous


def read_heads(path: Path) -> dict[int, Head]:
    """Where the last audit ended, as `write_heads` stored it; nothing if there is no such file yet."""
    if not path.is_file():
        return {}
    try:
        stored = orjson.loads(path.read_bytes())
        return {int(number): Head(int(offset), bytes.fromhex(digest)) for number, (offset, digest) in stored.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ArchiveError(f"{path.name} holds no position: remove it to verify everything from the oldest") from error


def write_heads(path: Path, heads: Heads) -> None:
    """Store where to go on; the file is there whole, or as before."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(orjson.dumps({str(number): [head.offset, head.hash.hex()] for number, head in heads.items()}))
    fresh.replace(path)
