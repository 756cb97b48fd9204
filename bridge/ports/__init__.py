"""What the core's callers need from the outside world: typing.Protocol only, at most six methods each."""
