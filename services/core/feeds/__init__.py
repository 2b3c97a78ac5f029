"""How the records of public registers and alert feeds become submissions: pure mapping, one frozen table per feed."""
