"""Proving single donations."""
