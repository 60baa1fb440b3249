"""The four services. They share nothing but `pandapack`: they exchange events over Kafka."""
