"""A real Kafka and a real MongoDB on one machine without Docker, and the four services beside them."""
