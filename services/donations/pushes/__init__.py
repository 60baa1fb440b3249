"""Pushes: accept, validate, publish; from the door to `donations.pushed`."""
