"""docs/mappings.md, made from the tables: `slt mappings > docs/mappings.md`."""

from __future__ import annotations

from services.core.feeds.registry import FEEDS
from services.core.feeds.table import Feed, Rule

_HEAD = """# Mappings: what `slt replay` makes of each source field

Made from the tables in `services/core/feeds` by `slt mappings > docs/mappings.md`; a test holds the two together.

- A field is mapped to fields of [`submission`](../schemas/submission/v1.0.avsc), kept in `attributes` under its native
  name, or not passed on, and then the reason stands here. A field that no table names is kept as an attribute.
- Every record of a file is exactly one record on `slt.in.<org>`. One that cannot become a submission (no id, XML that
  cannot be read, a DOCTYPE, a feed entry without an alert) is sent as it is: intake refuses and counts it.
- Nothing is cut. An attribute over 1,000 characters goes on under `name.2`, `name.3` …; any other text that is too
  long is sent in full and refused by intake. Only headlines that the replay makes itself are held to 200 characters.
  In the public files at hand 13 of 229 CAP records have an attribute that goes on, and no text is too long for intake.
- Palestine: latitude, longitude and City (Camp Name) of AWSD and SiND rows are blank, as their publisher blanks them.
- Dates become the UTC range of the day, month or year that they name, with `time_precision` saying which.
- Series ids are stable, so a later export of the same register is replayed with `--version 2`.
"""


def render() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *map(_section, FEEDS)))


def _section(feed: Feed) -> str:
    lines = [
        f"## {feed.title} (`{feed.name}`)", "",
        f"`kind` {feed.kind}, `event_scheme` {feed.scheme}.", "",
        "| source field | becomes | note |", "|---|---|---|",
    ]  # fmt: skip
    return "\n".join((*lines, *map(_line, feed.rules), ""))


def _line(rule: Rule) -> str:
    becomes = ", ".join(f"`{target}`" for target in rule.targets) or "not passed on"
    return f"| {rule.source} | {becomes} | {rule.note} |"
