"""Platforms: who pushes, merchants that look, and their keys and secrets."""
