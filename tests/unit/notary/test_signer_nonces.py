"""R-14, issue 5: over kills, restarts, retries and forks no nonce is ever used twice. The tests extract and compare.

Whoever knows a share s can solve a signature share z = d + e·ρ + λ·c·s, and the commitments (D, E) say which d and e
are in it: two answers with the same (D, E), or two commitments alike, are what must never be seen.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.adapters.memory.runtime import ManualClock
from bridge.adapters.memory.votes import MemoryVoteStore
from bridge.adapters.system import system_entropy
from bridge.core.statements import Item, Kind, Statement
from bridge.errors import BridgeError, UnavailableError
from bridge.frost import ORDER, Scalar, SignatureShare
from bridge.frost.group import multiply_base
from bridge.frost.session import open_session
from bridge.ports.committee import Commitment, SignedShare, SignOrder
from notary.signer.seat import HeldSeat
from tests.committee import dealing
from tests.conformance.samples import vote
from tests.seats import held_seat, order

SHARE = dealing().key_packages[0].signing_share


@dataclass
class Leaked:
    """All that ever left a seat."""

    commitments: list[bytes] = field(default_factory=list)
    nonces: list[tuple[int, bytes]] = field(default_factory=list)
    """Of each answer: d + e·ρ, solved with the known share, and the commitments it was given under."""

    def given(self, commitment: Commitment) -> None:
        self.commitments.append(commitment.commitments.to_bytes())

    def answered(self, asked: SignOrder, own: Commitment, signed: SignedShare) -> None:
        solved = nonce_of(asked, own, signed.share)
        self.nonces.append((solved, own.commitments.to_bytes()))
        self.given(signed.next)

    def check(self) -> None:
        assert len(set(self.commitments)) == len(self.commitments)
        assert len({solved for solved, _ in self.nonces}) == len(self.nonces)
        assert len({under for _, under in self.nonces}) == len(self.nonces)
        assert {under for _, under in self.nonces} <= set(self.commitments)


def nonce_of(asked: SignOrder, own: Commitment, share: SignatureShare) -> int:
    """Solve d + e·ρ = z - λ·c·s, and check that it is the one that was committed to."""
    items = tuple(Item(transfer_id=v.transfer_id, code=v.code) for v in asked.votes)
    digest = Statement(kind=asked.kind, verifier=asked.verifier, epoch=asked.epoch, items=items).digest
    group_key = dealing().public_key_package.group_public_key
    session = open_session(group_key, digest, [c.commitments for c in asked.commitments])
    solved = (share.scalar - session.weight(own.notary) * SHARE) % ORDER
    assert multiply_base(Scalar(solved)) == session.commitment_share(own.notary)
    return solved


class FailingVotes(MemoryVoteStore):
    """A vote store whose disk fails when told to: the process dies at its write, before or after it."""

    dies = ""

    def record(self, *given: object, **more: object) -> None:
        if self.dies == "before":
            raise UnavailableError("killed before the votes were on disk")
        super().record(*given, **more)  # type: ignore[arg-type]
        if self.dies == "after":
            raise UnavailableError("killed after the votes were on disk")


class Rounds(RuleBasedStateMachine):
    """Any order of commitments, answers, replays, deaths and restarts of one seat."""

    def __init__(self) -> None:
        super().__init__()
        self.leaked = Leaked()
        self.votes = FailingVotes()
        self.clock = ManualClock()
        self.outstanding: list[tuple[str, Commitment]] = []
        self.used: list[tuple[str, Commitment]] = []
        self.next_name = 0
        self.seat = self.started()

    def started(self) -> HeldSeat:
        return held_seat(1, votes=self.votes, clock=self.clock, entropy=system_entropy, dealt=True)

    def ask(self, coordinator: str, own: Commitment, *, same: bool = False) -> None:
        self.next_name += not same
        others = [held_seat(n, entropy=system_entropy, dealt=True).commit("x", 1)[0] for n in (2, 3)]
        asked = order([vote(Kind.LOCKED, name=self.next_name or 1)], [own, *others], own.handle)
        try:
            signed = self.seat.sign(asked, coordinator)
        except BridgeError:
            return
        self.leaked.answered(asked, own, signed)
        self.outstanding.append((coordinator, signed.next))

    @rule(coordinator=st.sampled_from(["a", "b"]), count=st.integers(1, 3))
    def commit(self, coordinator: str, count: int) -> None:
        for commitment in self.seat.commit(coordinator, count):
            self.leaked.given(commitment)
            self.outstanding.append((coordinator, commitment))

    @precondition(lambda self: self.outstanding)
    @rule(data=st.data(), dies=st.sampled_from(["", "", "before", "after"]))
    def sign(self, data: st.DataObject, dies: str) -> None:
        coordinator, own = data.draw(st.sampled_from(self.outstanding))
        self.outstanding.remove((coordinator, own))
        self.used.append((coordinator, own))
        self.votes.dies = dies
        self.ask(coordinator, own)
        self.votes.dies = ""
        if dies:
            self.seat = self.started()

    @precondition(lambda self: self.used)
    @rule(data=st.data(), same=st.booleans())
    def replay(self, data: st.DataObject, *, same: bool) -> None:
        self.ask(*data.draw(st.sampled_from(self.used)), same=same)

    @rule(seconds=st.sampled_from([1.0, 29.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.seat = self.started()

    @invariant()
    def no_nonce_was_used_twice(self) -> None:
        self.leaked.check()


TestRounds = Rounds.TestCase
TestRounds.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_what_the_tests_extract_would_show_a_nonce_that_is_used_twice() -> None:
    """Two answers under one commitment: the check above is not blind."""
    seat = held_seat(1, dealt=True)
    own = seat.commit("a", 1)[0]
    others = [held_seat(n, dealt=True).commit("a", 1)[0] for n in (2, 3)]
    asked = order([vote(Kind.LOCKED)], [own, *others], own.handle)
    signed = seat.sign(asked, "a")
    leaked = Leaked()
    leaked.given(own)
    leaked.answered(asked, own, signed)
    leaked.check()
    leaked.nonces.append(leaked.nonces[0])
    with pytest.raises(AssertionError):
        leaked.check()
