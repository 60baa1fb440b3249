"""Pages, seals and gaps ⇄ MongoDB."""
