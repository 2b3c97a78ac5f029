"""The file of a whole registry: lists of control payloads by type, without type and version (docs/administering.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from services.core.control import ControlType
from services.runtime.registry import RegistryError

LISTS: Mapping[str, ControlType] = {
    "lous": ControlType.LOU,
    "partners": ControlType.PARTNER,
    "representatives": ControlType.REPRESENTATIVE,
    "credentials": ControlType.CREDENTIAL,
    "outlets": ControlType.OUTLET,
    "groups": ControlType.GROUP,
    "areas": ControlType.AREA,
    "sensitivities": ControlType.SENSITIVITY,
    "overlays": ControlType.OVERLAY,
}
"""In the order of entering: each may speak of what stands above it."""

Declared = tuple[ControlType, dict[str, Any]]


def load_declared(path: Path) -> list[Declared]:
    """Every entry of the file, in the order of entering; RegistryError names what is wrong."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegistryError(f"no registry at {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise RegistryError(f"{path.name} is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict) or not found.keys() <= LISTS.keys():
        raise RegistryError(f"{path.name}: give lists named {', '.join(LISTS)}, and nothing else")
    return [entry for name, kind in LISTS.items() for entry in _entries(path, name, kind, found.get(name))]


def _entries(path: Path, name: str, kind: ControlType, given: Any) -> Iterator[Declared]:
    if given is not None and not isinstance(given, list):
        raise RegistryError(f"{path.name}: {name}: give a list")
    for number, entry in enumerate(given or (), 1):
        if not isinstance(entry, dict) or {"type", "version"} & entry.keys():
            raise RegistryError(f"{path.name}: {name}, entry {number}: give fields, without type and version")
        yield kind, {str(field): _plain(value) for field, value in entry.items()}


def _plain(value: Any) -> Any:
    """YAML knows moments; what is signed is JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value
