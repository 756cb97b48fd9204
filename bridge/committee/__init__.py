"""What everybody who deals with a committee shares: its keys, its ceremony, its signing sessions. Concrete ports only."""
