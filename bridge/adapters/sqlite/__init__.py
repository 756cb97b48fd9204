"""A notary's own durable file."""
