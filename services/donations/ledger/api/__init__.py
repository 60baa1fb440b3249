"""HTTP in: where donations and reversals lie, how far each shard is."""
