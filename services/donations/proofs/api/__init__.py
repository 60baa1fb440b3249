"""HTTP in: proofs, receipts of the first form, daily roots."""
