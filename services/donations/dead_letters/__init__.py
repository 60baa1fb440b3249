"""Dead letters: rows of `donations.pushed` that could not be recorded, why, and another try."""
