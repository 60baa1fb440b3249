"""The form of the public log."""
