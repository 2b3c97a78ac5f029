"""The Security Information and Operations Centre as a recipient and an originator (SLT-68)."""

SIOC = "sioc"
"""Its organisation's id."""
