"""Pure: what a push holds (`intake`), what a line's pages become (`ledger`), what proves them (`seals`)."""
