"""Pure: what a push is, how its lines are sorted by shard, and whether it is signed."""
