"""Use cases: who may push, and what happens to a push."""
