"""HTTP in: daily roots and receipts."""
