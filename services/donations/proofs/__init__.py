"""Proofs: daily roots over all shards, and receipts for single donations."""
