"""Pure: proofs of single donations."""
