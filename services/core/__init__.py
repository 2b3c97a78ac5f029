"""Pure rules: no I/O, clock, log or framework. The clock and the tables are arguments."""
