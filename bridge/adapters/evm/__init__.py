"""EVM ledgers over JSON-RPC, by web3: the same adapter for the embedded ledger and for every real node."""
