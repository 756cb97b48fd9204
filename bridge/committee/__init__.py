"""What all who deal with a committee share: its keys, its ceremony, its signing sessions. It knows ports only."""
