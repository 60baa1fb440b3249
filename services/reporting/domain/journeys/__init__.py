"""One journey across all services: what an event is about, what it says, and which step is due next."""
