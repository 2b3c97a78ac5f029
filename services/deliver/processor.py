"""What DELIVER is: which logs it empties into the outlets. How it does so is services.runtime.outlets."""

from __future__ import annotations

SOURCES = ("slt.deliveries", "slt.receipts")
KEEPER = SOURCES[0]
"""Whoever owns the partition of an organisation here keeps its outlets: pulses and order."""
