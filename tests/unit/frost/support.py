"""Committees that sign in one line, all made from a seed."""

import random
from collections.abc import Iterable

from bridge.frost import (
    Dealing,
    Entropy,
    ParticipantId,
    SignatureShare,
    SigningCommitments,
    commit,
    deal_at_random,
    sign,
)

Shares = dict[ParticipantId, SignatureShare]


def entropy_of(seed: int) -> Entropy:
    """Give bytes that are the same in every run."""
    return random.Random(seed).randbytes


def dealing_of(threshold: int, participants: int, seed: int = 0) -> Dealing:
    """Deal a committee."""
    return deal_at_random(entropy=entropy_of(seed), threshold=threshold, participants=participants)


def sign_together(
    dealing: Dealing, message: bytes, signers: Iterable[int], entropy: Entropy
) -> tuple[list[SigningCommitments], Shares]:
    """Run both rounds for the signers given in ascending order."""
    packages = [dealing.key_packages[i - 1] for i in signers]
    nonces, commitments = zip(*(commit(p, entropy) for p in packages), strict=True)
    shares = {p.identifier: sign(p, n, message, commitments) for p, n in zip(packages, nonces, strict=True)}
    return list(commitments), shares
