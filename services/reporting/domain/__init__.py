"""Views, laws and traces: pure functions over what was consumed."""
