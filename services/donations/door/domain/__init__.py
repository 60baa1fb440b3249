"""Pure: whether what came is signed as it should be."""
