"""Pure: pages and how they roll over, duplicates, reversals, seals, gaps."""
