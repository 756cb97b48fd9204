"""Committee, signer and lifecycle data over gRPC with mutual TLS (proto/bridge/rpc/v1/)."""
