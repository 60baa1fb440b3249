"""The ledger: records of `donations.pushed` become pages; duplicates, reversals, sealing."""
