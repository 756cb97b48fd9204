"""The coordinator: verdicts first, lists that t members agree on, and around whoever misbehaves (R-15)."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.adapters.memory.runtime import ManualClock
from bridge.core.caip import EndpointId
from bridge.core.reasons import Reason
from bridge.core.records import Outcome
from bridge.core.statements import Epoch, Kind
from bridge.errors import UnavailableError
from bridge.frost import ParticipantId, verify
from bridge.ports.committee import Notary, Offer, Question, SignRequest, TransferRef, Verdict
from relayer.coordinator import Attested, Coordinator
from tests.committee import EPOCH, MEMBERS, THRESHOLD, dealing
from tests.conformance.samples import transfer
from tests.scenarios.seat import Fickle, silent, wavers
from tests.unit.relayer.notaries import Opinionated, Opinions, coordinator, desk

APPROVE = (Offer(kind=Kind.LOCKED, code=0),)
VERIFIER = transfer(1).destination
ROUNDS_MAX = MEMBERS - THRESHOLD + 1
IDS = [transfer(n).id for n in range(1, 10)]
KEYS = dealing().public_key_package


def refuse(*reasons: Reason) -> tuple[Offer, ...]:
    return tuple(Offer(kind=Kind.REFUSED, code=reason) for reason in reasons)


def ref(number: int) -> TransferRef:
    return TransferRef(lane=transfer(number).lane, sequence=number, transfer_id=transfer(number).id)


def committee(*opinions: Opinions, **waits: object) -> list[Opinionated]:
    return [Opinionated(n, of_member, **waits) for n, of_member in enumerate(opinions, 1)]  # type: ignore[arg-type]


def attest(notaries: Sequence[Notary], count: int = 1, question: Question = Question.DECISION) -> Attested:
    attested = asyncio.run(coordinator(notaries).attest(question, VERIFIER, [ref(n) for n in range(1, count + 1)]))
    for signed in attested.signed:
        statement = signed.attestation.statement
        assert verify(KEYS.group_public_key, statement.digest, signed.attestation.signature)
        assert signed.attestation.group_key == KEYS.group_public_key
        assert (statement.verifier, statement.epoch, len(signed.signers)) == (VERIFIER, EPOCH, THRESHOLD)
    return attested


def lists(attested: Attested) -> list[tuple[Kind, list[int], list[int]]]:
    """Give kind, transfers by number, and codes of each statement."""
    return [
        (s.attestation.statement.kind, [IDS.index(i.transfer_id) + 1 for i in items], [i.code for i in items])
        for s in attested.signed
        for items in (s.attestation.statement.items,)
    ]


def approving(count: int) -> Opinions:
    return dict.fromkeys(IDS[:count], APPROVE)


def test_what_all_approve_is_one_list_in_the_order_asked() -> None:
    attested = attest(committee(*[approving(5)] * 4), 5)

    assert lists(attested) == [(Kind.LOCKED, [1, 2, 3, 4, 5], [0] * 5)]
    assert attested.holds == {}


def test_the_question_is_asked_of_everybody() -> None:
    members = committee(*[{IDS[0]: (Offer(kind=Kind.OUTCOME, code=Outcome.MINTED),)}] * 4)
    attested = attest(members, question=Question.OUTCOME)

    assert [m.questions for m in members] == [[Question.OUTCOME]] * 4
    assert lists(attested) == [(Kind.OUTCOME, [1], [1])]


def test_each_kind_is_a_list_of_its_own_with_each_item_s_code() -> None:
    opinions = {
        IDS[0]: APPROVE,
        IDS[1]: refuse(Reason.NOT_ELIGIBLE, Reason.POLICY_REFUSED),
        IDS[2]: APPROVE,
        IDS[3]: refuse(Reason.EXPIRED),
    }
    attested = attest(committee(*[opinions] * 4), 4)

    assert lists(attested) == [(Kind.LOCKED, [1, 3], [0, 0]), (Kind.REFUSED, [2, 4], [1, 10])]


def test_an_item_that_fewer_than_t_approve_is_held_and_stops_no_other() -> None:
    attested = attest(committee(approving(2), approving(2), approving(1), approving(1)), 2)

    assert lists(attested) == [(Kind.LOCKED, [1], [0])]
    assert set(attested.holds) == {IDS[1]}


def test_different_permanent_reasons_meet_in_the_policy() -> None:
    """R-12: Refused(T, POLICY_REFUSED) by whoever refuses for any permanent reason."""
    own = [Reason.NOT_ELIGIBLE, Reason.ACCOUNT_FROZEN, Reason.COMPLIANCE_RULE]
    members = committee(*({IDS[0]: refuse(reason, Reason.POLICY_REFUSED)} for reason in own), {})

    assert lists(attest(members)) == [(Kind.REFUSED, [1], [Reason.POLICY_REFUSED])]


def test_what_one_set_of_t_approves_goes_first_and_the_rest_is_the_next_list() -> None:
    """R-15: sets that cover most items go first."""
    first, second = IDS[:4], IDS[4:6]
    members = committee(
        dict.fromkeys([*first, *second], APPROVE),
        dict.fromkeys([*first, *second], APPROVE),
        dict.fromkeys(first, APPROVE),
        dict.fromkeys(second, APPROVE),
    )
    attested = attest(members, 6)

    assert [numbers for _, numbers, _ in lists(attested)] == [[1, 2, 3, 4], [5, 6]]
    assert [signed.signers for signed in attested.signed] == [(1, 2, 3), (1, 2, 4)]


@settings(max_examples=60)
@given(st.lists(st.sets(st.sampled_from([1, 2, 3, 4])), min_size=1, max_size=7))
def test_whatever_the_opinions_each_item_with_t_approvals_is_signed_once_and_no_other(
    approvals: list[set[int]],
) -> None:
    """R-15: and nobody is asked to sign what it does not approve."""
    members = committee(
        *({IDS[i]: APPROVE for i, who in enumerate(approvals) if number in who} for number in (1, 2, 3, 4))
    )
    attested = attest(members, len(approvals))
    signed = [number for _, numbers, _ in lists(attested) for number in numbers]
    enough = [number for number, who in enumerate(approvals, 1) if len(who) >= THRESHOLD]

    assert sorted(signed) == enough
    assert set(attested.holds) == {IDS[n - 1] for n in range(1, len(approvals) + 1) if n not in enough}
    for one in attested.signed:
        for item in one.attestation.statement.items:
            assert set(one.signers) <= approvals[IDS.index(item.transfer_id)]


# --- members that misbehave


def down(member: Fickle) -> None:
    member.on_review = member.on_commit = member.on_sign = silent


def no_commitment(member: Fickle) -> None:
    member.on_commit = silent


def no_share(member: Fickle) -> None:
    member.on_sign = silent


def wavering(member: Fickle) -> None:
    member.on_sign = wavers


def cheating(member: Fickle) -> None:
    member.cheats = True


FAULTS = [down, no_commitment, no_share, wavering, cheating]


def rounds(members: Sequence[Fickle]) -> int:
    """How often anybody was asked for a share of one list."""
    return len({request.commitments for member in members for request in member.signed})


@pytest.mark.parametrize("index", range(MEMBERS))
@pytest.mark.parametrize("fault", FAULTS)
def test_one_faulty_member_is_routed_around_in_at_most_two_rounds(fault: Callable[[Fickle], None], index: int) -> None:
    """R-15: n − t + 1 rounds at the most, and the faulty one is no signer."""
    members = [Fickle(member) for member in committee(*[approving(3)] * 4)]
    fault(members[index])
    attested = attest(members, 3)

    assert lists(attested) == [(Kind.LOCKED, [1, 2, 3], [0, 0, 0])]
    assert members[index].id not in attested.signed[0].signers
    assert rounds(members) <= ROUNDS_MAX


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("pair", list(combinations(range(MEMBERS), 2)))
def test_two_faulty_members_of_four_leave_a_hold_and_never_a_signature(
    fault: Callable[[Fickle], None], pair: tuple[int, int]
) -> None:
    members = [Fickle(member) for member in committee(*[approving(1)] * 4)]
    for index in pair:
        fault(members[index])
    attested = attest(members)

    assert attested.signed == ()
    assert attested.holds[IDS[0]].note
    assert rounds(members) <= ROUNDS_MAX


def test_a_cheat_is_named_in_why_there_is_no_signature() -> None:
    members = [Fickle(member) for member in committee(*[approving(1)] * 4)]
    members[1].cheats = members[2].cheats = True

    assert "2" in attest(members).holds[IDS[0]].note


@pytest.mark.parametrize("needed", [False, True])
def test_a_member_that_cheats_on_one_list_goes_last_in_the_next_and_is_asked_if_needed(needed: bool) -> None:  # noqa: FBT001
    """R-15. A share may be wrong by bad luck: it is not shut out."""
    members = [Fickle(member) for member in committee(*[approving(2)] * 4)]

    async def scenario() -> list[Attested]:
        asking = coordinator(members)
        members[0].cheats = True
        first = await asking.attest(Question.DECISION, VERIFIER, [ref(1)])
        members[0].cheats = False
        if needed:
            down(members[3])
        return [first, await asking.attest(Question.DECISION, VERIFIER, [ref(2)])]

    attested = asyncio.run(scenario())
    assert [one.signed[0].signers for one in attested] == [(2, 3, 4), (1, 2, 3) if needed else (2, 3, 4)]


def test_one_list_that_fails_holds_no_other_up() -> None:
    opinions = {IDS[0]: APPROVE, IDS[1]: refuse(Reason.EXPIRED)}
    members = [Fickle(member) for member in committee(*[opinions] * 4)]

    def refuse_locked(request: SignRequest) -> None:
        if request.kind is Kind.LOCKED:
            wavers(request)

    for member in members[:2]:
        member.on_sign = refuse_locked
    attested = attest(members, 2)

    assert lists(attested) == [(Kind.REFUSED, [2], [10])]
    assert "no signature" in attested.holds[IDS[0]].note


# --- holds


def test_a_hold_tells_the_reason_that_most_wait_for() -> None:
    members: list[Notary] = [
        Opinionated(1, {}, waiting_for=Reason.TOKEN_PAUSED, note="paused"),
        Opinionated(2, {}, waiting_for=Reason.TOKEN_PAUSED, note="paused"),
        Opinionated(3, {}, waiting_for=Reason.LEDGER_UNREACHABLE, note="no node"),
        Opinionated(4, approving(1)),
    ]
    hold = attest(members).holds[IDS[0]]

    assert (hold.reason, hold.note) == (Reason.TOKEN_PAUSED, "paused")


def test_too_few_members_that_answer_are_what_a_hold_tells() -> None:
    members = [Fickle(member) for member in committee(*[approving(1)] * 4)]
    down(members[0])
    down(members[3])

    assert attest(members).holds[IDS[0]].note == "2 of 4 notaries answer, 3 must"


def test_members_that_do_not_agree_are_what_a_hold_tells() -> None:
    hold = attest(committee(approving(1), approving(1), {IDS[0]: refuse(Reason.EXPIRED)}, {})).holds[IDS[0]]

    assert (hold.reason, hold.note) == (Reason.NONE, "the notaries do not agree yet")


def test_signers_are_told_by_number() -> None:
    members = [Fickle(member) for member in committee(*[approving(1)] * 4)]
    down(members[1])

    assert attest(members).signed[0].signers == tuple(ParticipantId(n) for n in (1, 3, 4))


# --- epochs


def attest_in(epoch: int | None) -> Attested:
    async def epochs(_verifier: EndpointId) -> Epoch:
        if epoch is None:
            raise UnavailableError("no node answers")
        return Epoch(epoch)

    clock = ManualClock()
    asking = Coordinator({EPOCH: desk(committee(*[approving(1)] * 4), clock)}, epochs, clock)
    return asyncio.run(asking.attest(Question.DECISION, VERIFIER, [ref(1)]))


def test_a_gateway_gets_signatures_of_the_committee_that_it_has_as_current() -> None:
    """R-40."""
    assert attest_in(EPOCH).signed[0].attestation.statement.epoch == EPOCH


def test_a_gateway_whose_committee_is_not_known_here_waits_and_says_what_is_missing() -> None:
    """R-40: after a handover that this relayer was not told of."""
    attested = attest_in(EPOCH + 1)

    assert not attested.signed
    assert attested.holds[IDS[0]].note == (
        "the gateway's committee is epoch 2, and this relayer knows 1: give it that committee's document"
    )


def test_a_gateway_that_can_not_be_read_waits() -> None:
    hold = attest_in(None).holds[IDS[0]]

    assert (hold.reason, hold.note) == (Reason.LEDGER_UNREACHABLE, "no node answers")


# --- answers that can't be


def other_transfers(member: Fickle) -> None:
    async def review(question: Question, refs: Sequence[TransferRef]) -> list[Verdict]:
        assert (question, len(refs)) == (Question.DECISION, 1)
        return [Verdict(transfer_id=IDS[8], offers=APPROVE, waiting_for=Reason.NONE, note="")]

    member.review = review  # type: ignore[method-assign]


def garbage(member: Fickle) -> None:
    def crash() -> None:
        raise KeyError("an answer that no program foresaw")

    member.on_review = crash


@pytest.mark.parametrize("nonsense", [other_transfers, garbage])
def test_nonsense_from_one_member_is_as_good_as_silence(nonsense: Callable[[Fickle], None]) -> None:
    members = [Fickle(member) for member in committee(*[approving(1)] * 4)]
    nonsense(members[0])

    assert attest(members).signed[0].signers == (2, 3, 4)
