"""Platforms and merchants ⇄ MongoDB."""
