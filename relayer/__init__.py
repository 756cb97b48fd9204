"""The relayer daemon: watches, has the committee attest, submits. It can delay, never steal or forge (R-50)."""
