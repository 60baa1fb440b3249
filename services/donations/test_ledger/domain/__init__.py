"""Pure: what named values bring about in tests."""
