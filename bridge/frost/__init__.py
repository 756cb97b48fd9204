"""FROST(secp256k1, SHA-256) exactly as in RFC 9591: a threshold of n signers makes one signature.

Law: values in, values out. There is no clock, socket, await, logging or randomness of its own
here; whoever calls brings the entropy. Chapters: `group`, `hashing`, `keys`, `round1`, `session`
(what all signers compute alike), `round2`, `aggregate`.
"""

from bridge.frost.aggregate import Signature, aggregate, verify, verify_share
from bridge.frost.errors import (
    CommitmentFault,
    CommitmentListError,
    CommitteeSizeError,
    ElementError,
    EncodingError,
    EntropyError,
    FrostError,
    IdentityError,
    InconsistentKeysError,
    InvalidShareError,
    LengthError,
    NonceExportError,
    NonceReusedError,
    ParticipantIdError,
    ScalarError,
    ShareMismatchError,
    ShareSetError,
    UnusableKeyError,
)
from bridge.frost.group import ORDER, Element, Entropy, Scalar, decode_scalar, encode_scalar
from bridge.frost.keys import (
    Dealing,
    KeyPackage,
    ParticipantId,
    PublicKeyPackage,
    check_share,
    deal,
    deal_at_random,
    is_usable_group_key,
    participant_ids,
)
from bridge.frost.round1 import SigningCommitments, SigningNonces, commit
from bridge.frost.round2 import SignatureShare, sign

__all__ = [
    "ORDER",
    "CommitmentFault",
    "CommitmentListError",
    "CommitteeSizeError",
    "Dealing",
    "Element",
    "ElementError",
    "EncodingError",
    "Entropy",
    "EntropyError",
    "FrostError",
    "IdentityError",
    "InconsistentKeysError",
    "InvalidShareError",
    "KeyPackage",
    "LengthError",
    "NonceExportError",
    "NonceReusedError",
    "ParticipantId",
    "ParticipantIdError",
    "PublicKeyPackage",
    "Scalar",
    "ScalarError",
    "ShareMismatchError",
    "ShareSetError",
    "Signature",
    "SignatureShare",
    "SigningCommitments",
    "SigningNonces",
    "UnusableKeyError",
    "aggregate",
    "check_share",
    "commit",
    "deal",
    "deal_at_random",
    "decode_scalar",
    "encode_scalar",
    "is_usable_group_key",
    "participant_ids",
    "sign",
    "verify",
    "verify_share",
]
