"""HTTP in: settlements and their statements."""
