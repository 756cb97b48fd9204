"""Holds the key share: votes to disk, then one share per commitment (R-13, R-14).

Nonces live in this object's memory only. A restart loses them, and a fork must never keep them: this process starts
no workers.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.statements import Epoch, Statement
from bridge.core.votes import Vote, VoteConflictError, check
from bridge.errors import RefusedError
from bridge.frost import KeyPackage, SignatureShare, SigningCommitments, SigningNonces, commit, sign
from bridge.ports.committee import Commitment
from bridge.ports.runtime import Clock, Entropy
from bridge.ports.store import VoteStore

COMMITMENT_TTL_S: Final = 30.0
COMMITMENTS_MAX: Final = 256
HANDLE_LEN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    nonces: SigningNonces
    expires_at: float


class Signer:
    """One seat's share of one epoch's key."""

    def __init__(self, key: KeyPackage, epoch: Epoch, votes: VoteStore, clock: Clock, entropy: Entropy) -> None:
        """Sign with *key*, which belongs to *epoch*, after writing to *votes*."""
        self.key = key
        self.epoch = epoch
        self._votes = votes
        self._clock = clock
        self._entropy = entropy
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def commit(self) -> Commitment:
        """Give a fresh commitment under a handle that is good for one signature within 30 s."""
        self._forget_lapsed()
        while len(self._sessions) >= COMMITMENTS_MAX:
            self._sessions.popitem(last=False)
        nonces, commitments = commit(self.key, self._entropy)
        handle = self._entropy(HANDLE_LEN)
        self._sessions[handle] = _Session(nonces=nonces, expires_at=self._clock.now() + COMMITMENT_TTL_S)
        return Commitment(notary=self.key.identifier, handle=handle, commitments=commitments)

    def sign(
        self,
        statement: Statement,
        votes: Sequence[Vote],
        handle: bytes,
        commitments: Sequence[SigningCommitments],
    ) -> SignatureShare:
        """Release a share of the statement's signature; *votes* are its items, as this notary judged them.

        Raises:
            RefusedError: the handle is unknown, used or lapsed, or a vote contradicts an earlier one.
            FrostError: the commitments are not acceptable.
            UnavailableError: the votes can't be written.
        """
        session = self._take(handle)
        if [(v.kind, v.transfer_id, v.code, v.epoch) for v in votes] != [
            (statement.kind, item.transfer_id, item.code, self.epoch) for item in statement.items
        ] or statement.epoch != self.epoch:
            msg = "the votes are not the statement's items in this notary's epoch"
            raise RefusedError(msg)
        self._votes.record(votes)
        return sign(self.key, session.nonces, statement.digest, commitments)

    def may_vote(self, vote: Vote) -> bool:
        """Tell whether an earlier vote on the same transfer leaves room for this one (R-13): else it is not offered."""
        try:
            check(vote, self._votes.votes(vote.transfer_id))
        except VoteConflictError:
            return False
        return True

    def _take(self, handle: bytes) -> _Session:
        self._forget_lapsed()
        session = self._sessions.pop(handle, None)
        if session is None:
            msg = "this commitment is unknown, used or lapsed: ask for a fresh one"
            raise RefusedError(msg)
        return session

    def _forget_lapsed(self) -> None:
        now = self._clock.now()
        while self._sessions:
            handle, session = next(iter(self._sessions.items()))
            if session.expires_at > now:
                return
            del self._sessions[handle]
