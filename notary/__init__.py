"""The notary daemon: one seat of the committee. It trusts no relayer and signs only what it read itself."""
