"""The rules of release a second time: straight loops over plain values, written from docs/rules.md alone."""
