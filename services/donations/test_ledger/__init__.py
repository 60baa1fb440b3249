"""Test ledgers: what test keys push, reverse and settle, by the same code as what counts, in a ledger of its own.

A platform's test ledger is of one shard and lies in MongoDB alone: no topic, no event, no figure and no page that
counts knows of it. It is capped, and what is in it leaves after `KEPT_DAYS`.
"""
