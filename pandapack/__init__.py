"""What the four services share: decisions, contracts, the runtime, the embedded stack and the `panda` command."""
