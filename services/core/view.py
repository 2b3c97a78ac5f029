"""What leaves: built from facts by allow-list, never by removing things from a full object (consent.md L6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.core.submission import BODY

NOTICE = (
    "Shared under Saving Lives Together for the security of personnel, operations and assets only. "
    "Not to be passed on without the originator's prior consent. "
    "Assessments and decisions remain each organisation's own."
)
"""Responsibility notice in every view (SLT-16, SLT-52, SLT-54)."""
ACCOUNT_FIELDS = ("originator", "series_id", "version", "message", *BODY, "received_at")


def build_view(status: str, reports: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The `view` record of reports that its reader may see: accounts side by side, in the order of their series."""
    accounts = [_account(report) for report in reports]
    sources = len({account["originator"] for account in accounts})
    return {
        "status": status,
        "accounts": accounts,
        "sources": str(sources) if sources < 3 else "3+",
        "notice": NOTICE,
    }


def _account(report: Mapping[str, Any]) -> dict[str, Any]:
    account = {name: report[name] for name in ACCOUNT_FIELDS}
    area = report["area"]
    account["country"] = area["country"] if area else ""
    account["area"] = (area["admin1_name"] or area["admin1"]) if area else ""
    return account
