"""Secrets at rest: sealed files, and the keys that open them (passphrase, PKCS#11 token, plug-ins)."""
