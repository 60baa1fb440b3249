"""Test ledgers: made when they are first used, written by whoever takes the push, in any process."""
