"""HTTP in: the one way in, and the bodies that come through it."""
