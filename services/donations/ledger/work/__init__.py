"""What the owner of a shard does: each file one job."""
