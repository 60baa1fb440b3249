"""Kafka in: the lines of the ledger (`ledger`), and rows that are no donations (`dead_letters`)."""
