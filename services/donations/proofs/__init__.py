"""Proofs: that a donation is on its page, receipts of the first form, and the daily roots that older ones lead to."""
