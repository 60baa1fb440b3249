"""HTTP in: platforms, merchants, and who may look at what is a merchant's."""
