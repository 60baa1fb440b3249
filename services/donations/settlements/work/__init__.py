"""Taking settlements in, and drawing up statements."""
