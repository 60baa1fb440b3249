"""The door: one check for all that platforms send, whether donations, reversals or settlements."""
