"""Pure: settlements, their files, and how they compare with the ledger."""
