"""What travels between services: one file a publisher. A contract is a storage format: add fields, never rename."""
