"""Naru: atomic burn-and-mint transfers of security tokens between ledgers. The library that both daemons share."""
