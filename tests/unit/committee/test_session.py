"""One message is signed whatever up to n − t members do; who did what is told, and shown (R-15, threshold.md)."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.committee import transcript
from bridge.committee.identity import Purpose
from bridge.committee.roast import GIVE_UP_S
from bridge.committee.roster import PATIENCE_S, STOCK_AGE_MAX_S
from bridge.committee.session import MESSAGES_MAX
from bridge.committee.signed import Committee, Fault, NotSignedError, Signed
from bridge.core.statements import Kind, Statement, Trial
from bridge.errors import ConfigError, UnavailableError
from bridge.frost import ParticipantId, verify
from bridge.ports.committee import COMMITMENTS_MAX, SignedShare, SignItem, SignRequest, TransferRef
from tests.conformance.samples import transfer
from tests.unit.committee.members import (
    BYZANTINE,
    EPOCH,
    Aborting,
    Babbling,
    Cheating,
    Down,
    Framing,
    HeadForger,
    Hung,
    Impersonating,
    Member,
    Mute,
    Refusing,
    Replaying,
    Slow,
    Table,
    Wavering,
    cards,
    dealing,
)

VERIFIER = transfer(1).destination
ALL = tuple(ParticipantId(n) for n in (1, 2, 3, 4))


def items(*numbers: int) -> tuple[SignItem, ...]:
    return tuple(
        SignItem(ref=TransferRef(lane=transfer(n).lane, sequence=n, transfer_id=transfer(n).id), code=0)
        for n in numbers
    )


async def sign(table: Table, number: int = 1) -> Signed[Statement]:
    candidates = [member.id for member in table.members]
    signed = await table.desk.sign_list(Kind.LOCKED, VERIFIER, items(number), candidates)
    assert verify(table.keys.group_public_key, signed.signable.digest, signed.signature)
    return signed


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def wrapped() -> None:
        await scenario()

    asyncio.run(wrapped())


def kept(table: Table) -> list[transcript.Transcript]:
    return transcript.read(table.lines.kept)


def assert_no_commitment_stands_in_two_sessions(table: Table) -> None:
    """R-14, threshold.md pitfall 3: whatever members answer, no commitment is named to anybody for two signatures."""
    sessions = {request.commitments for member in table.members for request in member.asked}
    named = Counter(c.commitments.to_bytes() for session in sessions for c in session)
    assert set(named.values()) <= {1}


# --- all is well


def test_t_members_sign_and_are_told() -> None:
    async def scenario() -> None:
        signed = await sign(Table())
        assert (signed.signers, signed.failures, signed.sessions) == (ALL[:3], (), 1)

    run(scenario)


def test_a_signature_takes_one_round_trip_once_commitments_were_handed_over() -> None:
    async def scenario() -> None:
        table = Table()
        for number in range(1, 41):
            await sign(table, number)
        assert [member.committed for member in table.members] == [*[[COMMITMENTS_MAX]] * 3, []]
        assert_no_commitment_stands_in_two_sessions(table)

    run(scenario)


def test_a_commitment_that_members_may_forget_soon_is_not_used() -> None:
    """R-14: they lapse after 30 s."""

    async def scenario() -> None:
        table = Table()
        await sign(table)
        table.clock.advance(STOCK_AGE_MAX_S)
        signed = await sign(table, 2)
        assert (signed.sessions, signed.failures) == (1, ())
        assert table[1].committed == [COMMITMENTS_MAX, COMMITMENTS_MAX]

    run(scenario)


def test_lists_side_by_side_share_no_commitment_and_crowd_none_out() -> None:
    async def scenario() -> None:
        table = Table()
        signed = await asyncio.gather(*(sign(table, number) for number in range(1, 5 * MESSAGES_MAX)))
        assert {s.sessions for s in signed} == {1}
        assert not [s.failures for s in signed if s.failures]
        assert_no_commitment_stands_in_two_sessions(table)

    run(scenario)


def test_a_decree_is_signed_the_same_way() -> None:
    async def scenario() -> None:
        table = Table()
        decree = Trial(epoch=EPOCH, session=bytes(32), subset=0b1011)
        signed = await table.desk.endorse(decree)
        assert verify(table.keys.group_public_key, decree.digest, signed.signature)
        some = await table.desk.endorse(decree, [ALL[0], ALL[2], ALL[3]])
        assert some.signers == (1, 3, 4)

    run(scenario)


def test_a_committee_with_an_identity_for_some_only_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 of 4 members"):
        Committee(epoch=EPOCH, keys=dealing().public_key_package, cards=cards(3))


# --- one of four does what it must not

FAULTS = {
    Down: Fault.SILENT,
    Aborting: Fault.SILENT,
    Wavering: Fault.WAVERED,
    Cheating: Fault.BAD_SHARE,
    Framing: Fault.UNPROVEN,
    Replaying: Fault.NONSENSE,
    Impersonating: Fault.NONSENSE,
    HeadForger: Fault.NONSENSE,
    Babbling: Fault.NONSENSE,
    Hung: Fault.SILENT,
    Mute: Fault.SILENT,
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_of_four_is_routed_around_and_named(kind: type[Member], number: int) -> None:
    """R-15: within n − t + 1 sessions, by whoever is left."""

    async def scenario() -> None:
        table = Table({number: kind})
        signed = await sign(table)
        assert signed.signers == tuple(member for member in ALL if member != number)
        assert [(failure.notary, failure.fault) for failure in signed.failures] == [(number, FAULTS[kind])]
        assert str(signed.failures[0].error)
        assert signed.sessions <= 2
        assert_no_commitment_stands_in_two_sessions(table)
        await table.desk.close()

    run(scenario)


def test_who_fails_is_not_asked_first_again_until_it_has_signed() -> None:
    """R-15."""

    async def scenario() -> None:
        table = Table({1: Aborting})
        await sign(table, 1)
        signed = [await sign(table, number) for number in range(2, 5)]
        assert {(s.signers, s.sessions) for s in signed} == {(ALL[1:], 1)}
        assert len(table[1].asked) == 1
        assert table.desk.is_failing(ALL[0])

    run(scenario)


def test_who_failed_is_asked_when_it_is_needed_and_is_as_good_as_others_once_it_signs() -> None:
    async def scenario() -> None:
        table = Table()
        table[1].disapproved[transfer(1).id] = "not yet"
        await sign(table, 1)
        table[4].disapproved[transfer(2).id] = "not yet"
        assert (await sign(table, 2)).signers == ALL[:3]
        assert not table.desk.is_failing(ALL[0])
        assert table.desk.is_failing(ALL[3])

    run(scenario)


def test_a_member_that_restarted_and_lost_its_nonces_signs_with_fresh_ones_if_it_is_needed() -> None:
    async def scenario() -> None:
        table = Table()
        await sign(table)
        for member in table.members:
            member.restart()
        signed = await sign(table, 2)
        assert len(signed.signers) == 3
        assert not any(table.desk.is_failing(member) for member in signed.signers)

    run(scenario)


def test_a_member_that_refuses_every_commitment_is_not_asked_for_ever() -> None:
    async def scenario() -> None:
        table = Table({1: Refusing, 2: Refusing})
        with pytest.raises(NotSignedError) as caught:
            await sign(table)
        assert {(f.notary, f.fault) for f in caught.value.failures} == {(1, Fault.REFUSED), (2, Fault.REFUSED)}
        assert max(len(member.asked) for member in table.members) <= 4

    run(scenario)


# --- silence


def test_a_silent_member_costs_its_patience_once() -> None:
    async def scenario() -> None:
        table = Table({1: Hung})
        await sign(table)  # so that all but the silent one have a pace
        began = table.clock.now()
        assert (await sign(table, 2)).sessions == 1
        assert table.clock.now() == began
        assert len(table[1].asked) == 1

    run(scenario)


def test_a_busy_member_is_not_asked_again_until_it_answers() -> None:
    """ROAST: else a coordinator would pile work up on it."""

    async def scenario() -> None:
        table = Table({1: Hung, 2: Down})
        hung = table[1]
        assert isinstance(hung, Hung)
        for number in (1, 2):
            with pytest.raises(NotSignedError):
                await sign(table, number)
        assert len(hung.asked) == 1
        hung.let_go.set()
        assert (await sign(table, 3)).signers == (1, 3, 4)
        assert len(hung.asked) == 2

    run(scenario)


def test_the_share_of_a_slow_member_counts_in_the_session_that_it_was_asked_in() -> None:
    """ROAST: sessions stay open; with one of four down, the slow one is the one that is needed."""

    async def scenario() -> None:
        table = Table({2: Slow, 4: Down})
        began = table.clock.now()
        signed = await sign(table)
        assert (signed.signers, signed.sessions) == (ALL[:3], 1)
        assert table.clock.now() == began + Slow.takes_s

    run(scenario)


def test_a_slow_honest_member_goes_last_and_is_tried_again_later() -> None:
    async def scenario() -> None:
        table = Table({1: Slow})
        assert (await sign(table)).signers == ALL[1:]
        await table.clock.sleep(Slow.takes_s)  # it has answered
        assert (await sign(table, 2)).signers == ALL[1:]
        assert len(table[1].asked) == 1
        await table.clock.sleep(600)
        await sign(table, 3)
        await table.clock.sleep(Slow.takes_s)
        assert len(table[1].asked) == 2

    run(scenario)


def test_a_committee_that_is_slow_as_a_whole_signs() -> None:
    async def scenario() -> None:
        table = Table(dict.fromkeys(range(1, 5), Slow))
        for number in range(1, 4):
            signed = await sign(table, number)
            assert signed.sessions <= 2
        together = await asyncio.gather(*(sign(table, number) for number in range(4, 12)))
        assert all(s.sessions <= 2 for s in together)
        assert not [s for s in together if {failure.notary for failure in s.failures} & set(s.signers)]

    run(scenario)


def test_what_nobody_answers_is_given_up_in_time() -> None:
    async def scenario() -> None:
        table = Table({1: Mute, 2: Hung})
        began = table.clock.now()
        with pytest.raises(NotSignedError, match="notary 1 does not answer"):
            await sign(table)
        assert table.clock.now() == began + GIVE_UP_S
        await table.desk.close()

    run(scenario)


def test_the_answer_of_a_member_that_nobody_waits_for_any_more_still_fills_the_stock() -> None:
    async def scenario() -> None:
        table = Table({1: Slow})
        await sign(table)
        await table.clock.sleep(Slow.takes_s)
        table[2].disapproved[transfer(2).id] = "no"
        assert (await sign(table, 2)).signers == (1, 3, 4)
        assert table[1].committed == [COMMITMENTS_MAX]

    run(scenario)


def test_patience_has_bounds() -> None:
    async def scenario() -> None:
        table = Table({1: Hung})
        began = table.clock.now()
        await sign(table)
        assert table.clock.now() == began + PATIENCE_S[0]

    run(scenario)


# --- any f of n, in any way


@st.composite
def _faulty(draw: st.DrawFn) -> tuple[int, int, dict[int, type[Member]]]:
    threshold, participants = draw(st.sampled_from([(3, 4), (5, 7)]))
    faulty = draw(st.integers(0, participants - threshold))
    numbers = draw(st.permutations(range(1, participants + 1)))[:faulty]
    return threshold, participants, {number: draw(st.sampled_from(BYZANTINE)) for number in numbers}


@settings(max_examples=100)
@given(_faulty())
def test_whatever_f_members_do_every_list_is_signed_in_n_minus_t_plus_1_sessions(
    drawn: tuple[int, int, dict[int, type[Member]]],
) -> None:
    """R-15: and nobody is named who did nothing wrong."""
    threshold, participants, kinds = drawn

    async def scenario() -> None:
        table = Table(kinds, threshold=threshold, participants=participants)
        for number in range(1, 4):
            signed = await sign(table, number)
            assert signed.sessions <= participants - threshold + 1
            assert {failure.notary for failure in signed.failures} <= kinds.keys()
        assert_no_commitment_stands_in_two_sessions(table)
        cheats = {number for number, kind in kinds.items() if kind is Cheating}
        shown = {m for t in kept(table) for m in transcript.culprits(t, table.keys, table.committee.cards)}
        assert shown <= cheats
        await table.desk.close()

    run(scenario)


@pytest.mark.parametrize(("cheat", "slow"), list(permutations((1, 2, 3), 2)))
def test_a_cheat_beside_a_slow_honest_member_spoils_one_session_only(cheat: int, slow: int) -> None:
    """ROAST: who gave a share is not let into a further session before that share was found right."""

    async def scenario() -> None:
        table = Table({cheat: Cheating, slow: Slow})
        signed = await sign(table)
        assert signed.sessions == 2
        assert cheat not in signed.signers

    run(scenario)


@settings(max_examples=60)
@given(st.data())
def test_with_more_than_f_faulty_nothing_is_signed_that_the_rest_did_not_sign(data: st.DataObject) -> None:
    faulty = data.draw(st.permutations(ALL))[:2]
    kinds = {number: data.draw(st.sampled_from(BYZANTINE)) for number in faulty}

    async def scenario() -> None:
        table = Table({int(n): kind for n, kind in kinds.items()})
        signers: tuple[ParticipantId, ...] = ()
        with suppress(NotSignedError):
            signers = (await sign(table)).signers
        assert not [m for m in signers if kinds.get(m, Replaying) is not Replaying]  # who replays may sign once
        await table.desk.close()

    run(scenario)


# --- evidence


def test_a_wrong_share_can_be_shown_to_anybody() -> None:
    """threshold.md, pitfall 8."""

    async def scenario() -> None:
        table = Table({2: Cheating})
        await sign(table)
        (told,) = kept(table)
        assert transcript.culprits(told, table.keys, table.committee.cards) == {2}
        assert told.failures[ALL[1]].startswith("BAD_SHARE: ")
        assert told.signers == (1, 3, 4)

    run(scenario)


def test_no_word_of_the_coordinator_makes_a_member_guilty() -> None:
    """threshold.md, pitfall 8: a share that the member's identity did not sign for shows nothing."""

    async def scenario() -> None:
        table = Table({2: Framing})
        await sign(table)
        lines = [line.replace('"evidence":""', f'"evidence":"{"00" * 64}"') for line in table.lines.kept]
        assert [transcript.culprits(t, table.keys, table.committee.cards) for t in transcript.read(lines)] == [set()]

    run(scenario)


def test_without_identities_a_wrong_share_is_still_noticed() -> None:
    """Development only."""

    async def scenario() -> None:
        signed = await sign(Table({1: Cheating}, known=False))
        assert [(f.notary, f.fault) for f in signed.failures] == [(1, Fault.BAD_SHARE)]

    run(scenario)


def test_what_was_not_signed_is_on_record_too() -> None:
    async def scenario() -> None:
        table = Table({1: Aborting, 2: Wavering})
        with pytest.raises(NotSignedError):
            await sign(table)
        (told,) = kept(table)
        assert (told.signature, told.signers) == (None, ())
        assert set(told.failures) == {1, 2}

    run(scenario)


def test_a_full_disk_under_the_transcripts_stops_no_signature() -> None:
    class Full:
        def append(self, line: str) -> None:
            raise UnavailableError(f"no space for {len(line)} characters")

        def last(self) -> str | None:
            return None

    async def scenario() -> None:
        table = Table()
        table.desk._transcripts = transcript.TranscriptLog(Full())  # noqa: SLF001 - the disk fills up
        assert (await sign(table)).signers == ALL[:3]

    run(scenario)


def test_a_session_that_is_cancelled_leaves_its_unused_commitments_in_stock() -> None:
    async def scenario() -> None:
        table = Table({1: Hung, 2: Mute})
        waiting = asyncio.ensure_future(sign(table))
        for _ in range(20):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert len(kept(table)) == 1
        for member in (table[1], table[2]):
            assert isinstance(member, Hung)
            member.let_go.set()
        await sign(table, 2)
        assert_no_commitment_stands_in_two_sessions(table)

    run(scenario)


class Unlike(Member):
    """Answers with a share for another request than the one that it was given."""

    async def sign(self, request: SignRequest) -> SignedShare:
        signed = await super().sign(request)
        return SignedShare(share=signed.share, evidence=self.identity.sign(Purpose.WITNESS, b"x"), next=signed.next)


def test_evidence_made_for_another_purpose_is_none() -> None:
    async def scenario() -> None:
        signed = await sign(Table({1: Unlike}))
        assert [(f.notary, f.fault) for f in signed.failures] == [(1, Fault.UNPROVEN)]

    run(scenario)
