"""Pure: lines of text, their readers, and why a line is refused."""
