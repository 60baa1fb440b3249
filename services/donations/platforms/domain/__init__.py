"""Pure: platforms and merchants."""
