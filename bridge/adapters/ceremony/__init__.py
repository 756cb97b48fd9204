"""Ceremonies on disk: what a notary approved, said and heard, so that it goes on from any point it was killed at."""
