"""The embedded EVM ledger: py-evm (Cancun) behind a JSON-RPC server of our own, for demonstrations and tests.

It keeps one law: what it shows is what a Cancun client with instant finality and a base fee of zero would show.
State lives in memory and ends with the process. Nothing here may be imported by a daemon.
"""
