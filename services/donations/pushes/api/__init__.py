"""HTTP in: pushes of donations and of reversals."""
