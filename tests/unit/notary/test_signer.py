"""The key share: votes on disk before a share leaves (R-13), a nonce used once and lost on restart (R-14)."""

from collections.abc import Sequence

import pytest

from bridge.adapters.memory.runtime import ManualClock, SeededEntropy
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch, Item, Kind, Statement
from bridge.core.transfer import TransferId
from bridge.core.votes import Vote, VoteConflictError
from bridge.errors import RefusedError, UnavailableError
from bridge.frost import (
    CommitmentListError,
    ParticipantId,
    SignatureShare,
    SigningCommitments,
    aggregate,
    verify,
    verify_share,
)
from bridge.ports.committee import Commitment
from bridge.ports.store import VoteStore
from notary.signer import COMMITMENT_TTL_S, COMMITMENTS_MAX, Signer
from tests.committee import EPOCH, dealing
from tests.conformance.samples import vote, word

_VERIFIER = EndpointId(word(2))


class FullDisk:
    """VoteStore that can't write."""

    def record(self, votes: Sequence[Vote]) -> None:
        msg = f"no space for {len(votes)} votes"
        raise UnavailableError(msg)

    def votes(self, transfer_id: TransferId) -> list[Vote]:
        del transfer_id
        return []


def signer(number: int = 1, *, votes: VoteStore | None = None, clock: ManualClock | None = None) -> Signer:
    package = dealing().key_packages[number - 1]
    store = MemoryVoteStore() if votes is None else votes
    return Signer(package, EPOCH, store, clock or ManualClock(), SeededEntropy(number))


def statement_of(votes: Sequence[Vote], *, epoch: Epoch = EPOCH) -> Statement:
    items = tuple(Item(transfer_id=v.transfer_id, code=v.code) for v in votes)
    return Statement(kind=votes[0].kind, verifier=_VERIFIER, epoch=epoch, items=items)


def others(*numbers: int) -> list[SigningCommitments]:
    return [signer(number).commit().commitments for number in numbers]


def share_of(one: Signer, votes: Sequence[Vote], commitment: Commitment) -> SignatureShare:
    commitments = [commitment.commitments, *others(2, 3)]
    return one.sign(statement_of(votes), votes, commitment.handle, commitments)


VOTES = [vote(Kind.LOCKED, name=1), vote(Kind.LOCKED, name=2)]


def test_three_shares_make_the_committee_s_signature() -> None:
    signers = [signer(number) for number in (1, 2, 4)]
    commitments = [one.commit() for one in signers]
    listed = [c.commitments for c in commitments]
    statement = statement_of(VOTES)
    shares = {
        c.notary: one.sign(statement, VOTES, c.handle, listed) for one, c in zip(signers, commitments, strict=True)
    }
    public = dealing().public_key_package

    assert verify(public.group_public_key, statement.digest, aggregate(public, statement.digest, listed, shares))


def test_the_votes_are_in_the_store_once_the_share_is_out() -> None:
    store = MemoryVoteStore()
    one = signer(votes=store)
    share_of(one, VOTES, one.commit())

    assert [store.votes(v.transfer_id) for v in VOTES] == [[v] for v in VOTES]


def test_a_store_that_can_not_write_means_no_share_and_the_nonces_are_gone() -> None:
    """R-13: the votes are written before the share leaves; R-14: a failed try uses the handle up."""
    one = signer(votes=FullDisk())
    commitment = one.commit()
    with pytest.raises(UnavailableError, match="no space"):
        share_of(one, VOTES, commitment)
    with pytest.raises(RefusedError, match="used"):
        share_of(one, VOTES, commitment)


def test_a_vote_that_contradicts_an_earlier_one_means_no_share_for_the_whole_list() -> None:
    """R-13: Locked and Refused of one transfer, before the deadline."""
    store = MemoryVoteStore()
    one = signer(votes=store)
    share_of(one, [vote(Kind.LOCKED, name=1)], one.commit())
    contradicting = [vote(Kind.REFUSED, 6, name=2), vote(Kind.REFUSED, 6, name=1)]
    with pytest.raises(VoteConflictError) as caught:
        share_of(one, contradicting, one.commit())

    assert caught.value.vote == contradicting[1]
    assert store.votes(contradicting[0].transfer_id) == []


def test_a_handle_is_good_for_one_share() -> None:
    """R-14: two shares under one nonce give the key away."""
    one = signer()
    commitment = one.commit()
    share_of(one, VOTES, commitment)
    with pytest.raises(RefusedError, match="unknown, used or lapsed"):
        share_of(one, VOTES, commitment)


def test_a_handle_is_used_up_by_a_refusal_too() -> None:
    one = signer()
    commitment = one.commit()
    with pytest.raises(CommitmentListError):
        one.sign(statement_of(VOTES), VOTES, commitment.handle, others(2, 3))
    with pytest.raises(RefusedError, match="used"):
        share_of(one, VOTES, commitment)


def test_a_commitment_lapses_after_its_time() -> None:
    clock = ManualClock()
    one = signer(clock=clock)
    in_time, late = one.commit(), one.commit()
    clock.advance(COMMITMENT_TTL_S - 0.001)
    share_of(one, VOTES, in_time)
    clock.advance(0.001)
    with pytest.raises(RefusedError, match="lapsed"):
        share_of(one, VOTES, late)


def test_a_restart_loses_every_nonce() -> None:
    """R-14: they live in memory only, whatever the store keeps."""
    store = MemoryVoteStore()
    commitment = signer(votes=store).commit()
    with pytest.raises(RefusedError, match="unknown"):
        share_of(signer(votes=store), VOTES, commitment)


def test_no_two_commitments_share_nonces_or_handles() -> None:
    one = signer()
    commitments = [one.commit() for _ in range(50)]

    assert len({c.handle for c in commitments}) == 50
    assert len({c.commitments.to_bytes() for c in commitments}) == 50
    assert {c.notary for c in commitments} == {ParticipantId(1)}


def test_of_more_commitments_than_are_kept_the_oldest_go_and_the_rest_are_good() -> None:
    """Bounded memory, whoever asks for commitments without end."""
    one = signer()
    commitments = [one.commit() for _ in range(COMMITMENTS_MAX + 1)]
    with pytest.raises(RefusedError):
        share_of(one, VOTES, commitments[0])
    share_of(one, VOTES, commitments[1])
    share_of(one, VOTES, commitments[-1])


@pytest.mark.parametrize(
    ("statement", "votes"),
    [
        (statement_of(VOTES), VOTES[:1]),
        (statement_of(VOTES), VOTES[::-1]),
        (statement_of(VOTES[:1]), VOTES),
        (statement_of(VOTES), [vote(Kind.REFUSED, 6, name=1), vote(Kind.REFUSED, 6, name=2)]),
        (statement_of([vote(Kind.OUTCOME, 1)]), [vote(Kind.OUTCOME, 2)]),
    ],
    ids=["one missing", "another order", "one more", "another kind", "another code"],
)
def test_what_is_voted_is_what_is_signed(statement: Statement, votes: list[Vote]) -> None:
    """R-13, R-15: item for item."""
    store = MemoryVoteStore()
    one = signer(votes=store)
    commitment = one.commit()
    with pytest.raises(RefusedError, match="not the statement's items"):
        one.sign(statement, votes, commitment.handle, [commitment.commitments, *others(2, 3)])
    assert all(store.votes(v.transfer_id) == [] for v in VOTES)


@pytest.mark.parametrize(("of_statement", "of_votes"), [(2, 1), (1, 2), (2, 2)])
def test_another_epoch_is_refused(of_statement: int, of_votes: int) -> None:
    """R-40: one key, one epoch."""
    votes = [vote(Kind.LOCKED, epoch=of_votes)]
    one = signer()
    commitment = one.commit()
    with pytest.raises(RefusedError, match="epoch"):
        one.sign(
            statement_of(votes, epoch=Epoch(of_statement)),
            votes,
            commitment.handle,
            [commitment.commitments, *others(2, 3)],
        )


def test_a_share_is_good_under_the_own_verifying_share_only() -> None:
    one = signer()
    commitment = one.commit()
    listed = [commitment.commitments, *others(2, 3)]
    statement = statement_of(VOTES)
    share = one.sign(statement, VOTES, commitment.handle, listed)
    public = dealing().public_key_package

    assert verify_share(public, statement.digest, listed, ParticipantId(1), share)
    assert not verify_share(public, statement.digest, listed, ParticipantId(2), share)
