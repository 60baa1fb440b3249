"""How events travel and are kept: store, relay, hearing, broker, http, keys, clock. All I/O of the services is here."""
