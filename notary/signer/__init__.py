"""The signer: the half of a notary that holds its identity, its shares and its votes. `python -m notary.signer`.

It talks to nobody but its front, over a Unix socket, and imports no ledger's library.
"""
