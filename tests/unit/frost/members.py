"""The members of a key generation, each honest, all made from a seed."""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.frost import (
    ORDER,
    KeyPackage,
    ParticipantId,
    Polynomial,
    PublicKeyPackage,
    Round1Package,
    Scalar,
    SignatureShare,
    SigningCommitments,
    commit,
    draw_polynomial,
    finish,
    participant_ids,
    round1,
    share_for,
    sign,
)
from tests.unit.frost.support import entropy_of

Packages = dict[ParticipantId, Round1Package]
Shares = dict[ParticipantId, Scalar]


@dataclass(frozen=True, kw_only=True)
class Members:
    """What all members drew and sent."""

    threshold: int
    polynomials: dict[ParticipantId, Polynomial]
    packages: Packages

    @property
    def size(self) -> int:
        return len(self.polynomials)

    def shares_for(self, recipient: ParticipantId) -> Shares:
        return {i: share_for(polynomial, recipient) for i, polynomial in self.polynomials.items()}

    def finish(
        self, identifier: ParticipantId, *, packages: Packages | None = None, shares: Shares | None = None
    ) -> tuple[KeyPackage, PublicKeyPackage]:
        return finish(
            identifier=identifier,
            threshold=self.threshold,
            participants=self.size,
            packages=self.packages if packages is None else packages,
            shares=self.shares_for(identifier) if shares is None else shares,
        )

    def all_keys(self) -> list[KeyPackage]:
        return [self.finish(i)[0] for i in self.polynomials]


def members_of(threshold: int, participants: int, seed: int = 0) -> Members:
    """Draw everybody's polynomial and package."""
    entropy = entropy_of(seed)
    drawn = [draw_polynomial(entropy, threshold).coefficients for _ in range(participants)]
    return members_with(drawn, seed)


def members_with(coefficients: Iterable[Iterable[int]], seed: int = 0) -> Members:
    """Give the members who drew these coefficients, modulo the order."""
    drawn = [Polynomial(coefficients=tuple(Scalar(c % ORDER) for c in row)) for row in coefficients]
    polynomials = dict(zip(participant_ids(len(drawn)), drawn, strict=True))
    entropy = entropy_of(seed + 1)
    packages = {i: round1(i, p, entropy, participants=len(drawn)) for i, p in polynomials.items()}
    return Members(threshold=drawn[0].threshold, polynomials=polynomials, packages=packages)


def sign_with(
    keys: Iterable[KeyPackage], message: bytes, seed: int = 0
) -> tuple[list[SigningCommitments], dict[ParticipantId, SignatureShare]]:
    """Run both rounds for the holders of these keys, given in ascending order."""
    entropy = entropy_of(seed)
    rounds = [(key, *commit(key, entropy)) for key in keys]
    commitments = [commitment for _, _, commitment in rounds]
    return commitments, {key.identifier: sign(key, nonces, message, commitments) for key, nonces, _ in rounds}
