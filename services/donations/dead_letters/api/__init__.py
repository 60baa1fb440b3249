"""HTTP in: dead letters, their groups, previews of replays, replays and discards."""
