"""Settlements: the platform says what it has paid, and is answered with dated statements."""
