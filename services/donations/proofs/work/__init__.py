"""Signing daily roots, making receipts."""
