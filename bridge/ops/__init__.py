"""What people do with the bridge: use cases, and over them the command `naru`."""
