"""Pure: a dead letter, and what was done with it."""
