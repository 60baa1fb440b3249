"""A programme as the door knows it."""
