"""The Common Alerting Protocol (OASIS CAP): its data dictionary, its rules, and the way to our records and back."""
