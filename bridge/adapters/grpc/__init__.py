"""The committee over gRPC: proto/bridge/rpc/v1/notary.proto. Plaintext, so on loopback only, until mTLS comes."""
