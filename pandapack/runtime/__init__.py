"""How events travel and are kept: store, relay, reactions, broker, http, keys, clock."""
