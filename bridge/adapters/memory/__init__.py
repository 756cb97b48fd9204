"""Verified fakes: the ports in memory, held to the same conformance suites as the real adapters."""
