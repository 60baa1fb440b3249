"""Dead letters: sorting them as pushes, what a replay would do, and doing it step by step."""
