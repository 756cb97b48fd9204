"""The real ERC-3643 suite, T-REX 4.1.6, on EVM ledgers of tests and demonstrations."""
