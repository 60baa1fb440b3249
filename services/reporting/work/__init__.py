"""Use cases: events into views, readings out of them, traces, the state of all services, the live stream."""
