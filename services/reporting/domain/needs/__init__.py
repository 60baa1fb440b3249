"""What needs a person: matters, read from what the services answer, and put in order, the most urgent first."""
