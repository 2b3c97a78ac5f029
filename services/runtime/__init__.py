"""The only code that blocks: Kafka, Redis, files, metrics, settings."""
