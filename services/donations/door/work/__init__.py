"""Use cases: who may come in."""
