"""Pure: daily roots and receipts."""
