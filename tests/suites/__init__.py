"""One suite for each protocol that has several implementations: a fake passes what the real thing passes.

A module of tests inherits a suite and hands it, as a fixture, the implementation that is to pass it.
"""
