"""Entry of the `slt` command: everything where the relay's own side is installed, else what partners need."""

from __future__ import annotations

from importlib.util import find_spec

SERVER = ("pydantic_settings", "redis", "structlog", "shapely")
"""Of the extra `server`: what its commands cannot start without."""


def main() -> None:
    """Load no more than what is there."""
    if all(find_spec(name) for name in SERVER):
        from services.cli.main import main as everything  # noqa: PLC0415  not installed at a partner's

        everything()
    else:
        from services.cli.partner import main as partners  # noqa: PLC0415

        partners()


if __name__ == "__main__":
    main()
