"""Drills: a stop is brought about on a stack of its own, and the runbook of its kind is followed to the letter."""
