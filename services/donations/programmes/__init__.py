"""Programmes that can be paid into: known once they are published, asked for at the door."""
