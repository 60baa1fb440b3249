"""The figures recounted by anyone: `recount.sql`, which DuckDB runs over the entries of the public log.

The SQL is published as it is and needs nothing of this project. What is beside it fetches entries, checks them against
the signed checkpoint, and compares what was counted with what the page says.
"""
