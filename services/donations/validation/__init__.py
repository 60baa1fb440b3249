"""Validation: what stands on a line of a push, as the contract wants it; pure, and the same for door and ledger."""
