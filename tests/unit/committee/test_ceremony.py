"""The ceremony's rules on messages alone (R-41): all make one key or nobody does, and whoever cheats is named."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.committee.ceremony import (
    Duty,
    LostSecretError,
    OutOfTurnError,
    SeatError,
    certificate_body,
    duty,
    echo_body,
    open_shares,
    round2_body,
    say,
    sealing_context,
)
from bridge.committee.identity import Purpose
from bridge.committee.messages import BODY_LEN_MAX, Board, Kind, Message, MessageFault, MessageRefusedError
from bridge.committee.proposal import Proposal
from bridge.committee.verdict import (
    SEALED_SHARE_LEN,
    Complaint,
    Grievance,
    NotDoneError,
    Phase,
    assess,
    document,
    printable,
    read,
    take,
)
from bridge.frost import (
    ORDER,
    Polynomial,
    Scalar,
    SigningCommitments,
    aggregate,
    commit,
    encode_scalar,
    round1,
    sign,
    verify,
)
from bridge.frost.dkg import Round1Package
from bridge.frost.group import Element, multiply_base
from tests.unit.committee.support import (
    STAGES,
    Notary,
    entropy,
    identity,
    member,
    notaries,
    pid,
    play,
    polynomial,
    proposal,
    tell_all,
)

N: Final = 4
EVERYBODY: Final = frozenset(pid(i) for i in range(1, N + 1))
PHASES: Final = {
    "round-1": Phase.ROUND_1,
    "echo": Phase.ECHO,
    "round-2": Phase.ROUND_2,
    "certify": Phase.CERTIFY,
    "done": Phase.DONE,
}


def forge(board: Board, sender: int, kind: Kind | str, body: bytes) -> Message:
    """Sign what that member would never say."""
    return say(identity(sender), board, pid(sender), kind, body)  # type: ignore[arg-type] # a kind that is none


def other_commitment(wanted: Proposal, sender: int) -> bytes:
    """Give a second, good round-1 package of the same member."""
    other = polynomial(sender, wanted.threshold, seed=1)
    return round1(pid(sender), other, entropy(sender, 1), participants=wanted.participants).to_bytes()


@pytest.mark.parametrize("n", range(2, 8))
def test_all_members_end_with_one_key_that_t_of_them_sign_with(n: int) -> None:
    everybody = play(proposal(n))
    documents = [document(notary.board) for notary in everybody]
    assert all(found == documents[0] for found in documents)
    documents[0].check()
    keys, t = [notary.key for notary in everybody], proposal(n).threshold
    for chosen in list(combinations(keys, t))[:5]:
        packages = [key for key in chosen if key is not None]
        nonces, commitments = zip(*(commit(key, entropy(key.identifier)) for key in packages), strict=True)
        known: tuple[SigningCommitments, ...] = commitments
        shares = {k.identifier: sign(k, own, b"trial", known) for k, own in zip(packages, nonces, strict=True)}
        assert verify(
            documents[0].keys.group_public_key, b"trial", aggregate(documents[0].keys, b"trial", known, shares)
        )


@pytest.mark.parametrize("stage", STAGES)
def test_a_phase_waits_for_those_who_have_not_spoken(stage: str) -> None:
    everybody = play(proposal(N), until=stage)
    standing = assess(everybody[0].board)
    assert standing.phase is PHASES[stage]
    assert standing.waiting_for == (() if stage == "done" else (1, 2, 3, 4))
    assert standing.problem == ""


def test_nobody_deals_before_all_have_signed_the_same_round_1_messages() -> None:
    """R-41; threshold.md, message flow 3: the equality check is complete before a share leaves."""
    everybody = play(proposal(N), until="echo")
    echoes = [notary.echo() for notary in everybody]
    first = everybody[0]
    first.hear(echoes[:3])
    assert assess(first.board).waiting_for == (4,)
    assert duty(first.board, first.id) is Duty.WAIT
    with pytest.raises(OutOfTurnError) as caught:
        round2_body(first.board, first.id, first.polynomial)
    assert (caught.value.wanted, caught.value.due) == (Duty.DEAL, Duty.WAIT)
    first.hear(echoes[3:])
    assert duty(first.board, first.id) is Duty.DEAL


def test_what_others_say_early_makes_nobody_skip_a_step() -> None:
    """Every message of a whole ceremony at once, to a member that has committed and nothing more."""
    everybody = play(proposal(N))
    late = Notary(Board.of(proposal(N)), pid(1))
    late.commit()
    late.hear(m for m in everybody[1].board.messages if m.sender != 1)
    assert said(late) == [Duty.ECHO, Duty.DEAL, Duty.RECEIVE]
    assert document(late.board).keys == document(everybody[1].board).keys


def said(notary: Notary) -> list[Duty]:
    """Let a member do all that is due, and tell what that was."""
    done: list[Duty] = []
    steps: dict[Duty, Callable[[Notary], Message]] = {
        Duty.COMMIT: Notary.commit,
        Duty.ECHO: Notary.echo,
        Duty.DEAL: Notary.deal,
        Duty.RECEIVE: Notary.receive,
    }
    while (step := duty(notary.board, notary.id)) in steps:
        steps[step](notary)
        done.append(step)
    return done


@pytest.mark.parametrize("liar", [1, 2, 3, 4])
def test_an_echo_of_something_else_fails_the_ceremony_and_says_who_signed_what(liar: int) -> None:
    everybody = play(proposal(N), until="echo")
    lie = forge(everybody[0].board, liar, Kind.ECHO, bytes(32))
    tell_all(everybody, [n.echo() for n in everybody if n.id != liar])
    for notary in everybody:
        notary.hear([lie])
        standing = assess(notary.board)
        assert standing.phase is Phase.FAILED
        assert f"{bytes(8).hex()}… by {liar}" in standing.problem
        assert standing.culprits == frozenset()
        assert duty(notary.board, notary.id) is Duty.ERASE
        with pytest.raises(OutOfTurnError):
            round2_body(notary.board, notary.id, notary.polynomial)


def test_two_echoes_that_differ_are_enough_without_the_round_1_messages() -> None:
    board = Board.of(proposal(N))
    for sender, body in ((2, bytes(32)), (3, bytes([1] * 32))):
        board = take(board, forge(board, sender, Kind.ECHO, body))
    assert assess(board).phase is Phase.FAILED


@pytest.mark.parametrize("cheat", [1, 2, 3, 4])
def test_who_tells_members_different_things_is_found_by_the_echoes_and_proven_by_both_messages(cheat: int) -> None:
    """R-41; threshold.md, pitfall 6: what one member shows to one and another to others never becomes a key."""
    everybody = notaries(proposal(N))
    honest = [notary for notary in everybody if notary.id != cheat]
    tell_all(honest, [notary.commit() for notary in honest])
    board = everybody[0].board
    versions = [everybody[cheat - 1].commit(), forge(board, cheat, Kind.ROUND_1, other_commitment(proposal(N), cheat))]
    honest[0].hear(versions[:1])
    for notary in honest[1:]:
        notary.hear(versions[1:])
    tell_all(honest, [notary.echo() for notary in honest])
    assert {assess(notary.board).phase for notary in honest} == {Phase.FAILED}
    tell_all(honest, [m for notary in honest for m in notary.board.messages])
    for notary in honest:
        assert assess(notary.board).culprits == {cheat}
        assert {m.body for m in notary.board.messages if (m.sender, m.kind) == (cheat, Kind.ROUND_1)} == {
            version.body for version in versions
        }


def test_the_same_said_with_another_signature_is_the_same() -> None:
    """Ed25519 lets a sender sign one thing in many ways; what counts is what was said."""
    board = Board.of(proposal(N))
    message = forge(board, 2, Kind.ECHO, bytes(32))
    board = take(board, message)
    assert board.add(message) is board
    assert message.says(replace(message, signature=bytes(64)))


BAD_PACKAGES: Final[dict[str, Callable[[bytes], bytes]]] = {
    "too short": lambda body: body[:-1],
    "too long": lambda body: body + b"\0",
    "no proof": lambda body: body[:-32] + bytes(31) + b"\1",
    "no point": lambda body: b"\5" + body[1:],
    "the identity": lambda body: bytes(33) + body[33:],
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("cheat", [1, 2, 3, 4])
@pytest.mark.parametrize("how", BAD_PACKAGES)
def test_a_bad_package_names_its_sender_to_all(cheat: int, how: str) -> None:
    everybody = notaries(proposal(N))
    said_first = [notary.commit() for notary in everybody]
    bad = forge(everybody[0].board, cheat, Kind.ROUND_1, BAD_PACKAGES[how](said_first[cheat - 1].body))
    for viewer in (i for i in range(1, N + 1) if i != cheat):
        notary = everybody[viewer - 1]
        notary.hear([*(m for m in said_first if m.sender != cheat), bad])
        standing = assess(notary.board)
        assert standing.phase is Phase.FAILED
        assert (set(standing.culprits), set(standing.suspects)) == ({cheat}, set())
        assert duty(notary.board, notary.id) is Duty.ERASE


def test_a_rogue_key_fails_by_its_proof() -> None:
    """threshold.md, pitfall 5: a constant term that cancels the others' can't be proven, and a copied proof is not its.

    The rogue commits to R − (sum of the others' keys) for an R of its choice, with the proof it would need R's secret
    for; and, as another try, sends member 1's whole package as its own.
    """
    everybody = notaries(proposal(N))
    messages = [notary.commit() for notary in everybody[:3]]
    packages = [Round1Package.from_bytes(pid(m.sender), m.body, threshold=3) for m in messages]
    known = Scalar(12345)
    sum_of_others = packages[0].commitment[0] + packages[1].commitment[0] + packages[2].commitment[0]
    rogue_key: Element = multiply_base(known) + Scalar(ORDER - 1) * sum_of_others
    own = round1(pid(4), Polynomial(coefficients=(known, Scalar(2), Scalar(3))), entropy(4), participants=N)
    for rogue in (rogue_key.to_bytes() + own.to_bytes()[33:], messages[0].body):
        board = everybody[0].board
        for message in (*messages[1:], forge(board, 4, Kind.ROUND_1, rogue)):
            board = take(board, message)
        assert assess(board).culprits == {4}
        assert read(board).keys is None


def test_a_key_that_comes_out_as_nothing_is_nobodys_fault() -> None:
    """All-zero keys can't be made without knowing secrets, so the two members here share theirs."""
    two = proposal(2)
    coefficients = (Scalar(5), Scalar(7)), (Scalar(ORDER - 5), Scalar(9))
    board = Board.of(two)
    for number, values in enumerate(coefficients, start=1):
        package = round1(pid(number), Polynomial(coefficients=values), entropy(number), participants=2)
        board = take(board, forge(board, number, Kind.ROUND_1, package.to_bytes()))
    standing = assess(board)
    assert (standing.phase, standing.culprits) == (Phase.FAILED, frozenset())
    assert "can't be used" in standing.problem


def bad_share(board: Board, sender: int, recipient: int, body: bytes, how: Grievance) -> bytes:
    """Give the sender's round-2 body with one sealed share replaced."""
    place = [i for i in range(1, N + 1) if i != sender].index(recipient) * SEALED_SHARE_LEN
    context = sealing_context(board.session, pid(sender), pid(recipient))
    seal = identity(recipient).card.seal
    sealed = {
        Grievance.SEALED: seal(encode_scalar(Scalar(1)), b"another context"),
        Grievance.SCALAR: seal(ORDER.to_bytes(32), context),
        Grievance.SHARE: seal(encode_scalar(Scalar(1)), context),
    }[how]
    return body[:place] + sealed + body[place + SEALED_SHARE_LEN :]


@pytest.mark.parametrize("how", Grievance)
@pytest.mark.parametrize("cheat", [1, 2, 3, 4])
def test_a_bad_share_is_complained_of_and_accuser_and_accused_are_named(cheat: int, how: Grievance) -> None:
    """R-41; message flow 5: nobody certifies, whoever of the two is lying."""
    victim = cheat % N + 1
    everybody = play(proposal(N), until="round-2")
    dealt = [notary.deal() for notary in everybody if notary.id != cheat]
    twin = notaries(proposal(N))[cheat - 1]
    twin.hear(everybody[cheat - 1].board.messages)
    body = round2_body(twin.board, twin.id, twin.polynomial)
    dealt.append(forge(twin.board, cheat, Kind.ROUND_2, bad_share(twin.board, cheat, victim, body, how)))
    tell_all(everybody, dealt)
    complaint = everybody[victim - 1].receive()
    assert (complaint.kind, complaint.body) == (Kind.COMPLAINT, Complaint(entries={pid(cheat): how}).to_bytes())
    tell_all(everybody, [complaint])
    for notary in everybody:
        standing = assess(notary.board)
        assert standing.phase is Phase.FAILED
        assert standing.suspects == {cheat, victim}
        assert standing.culprits == frozenset()
        assert f"member {victim} complains of member {cheat}: {how.text}" in standing.problem
        assert duty(notary.board, notary.id) is Duty.ERASE


def test_a_complaint_names_every_bad_share() -> None:
    everybody = play(proposal(N), until="round-2")
    dealt = [notary.deal() for notary in everybody]
    board = everybody[0].board
    lies = [
        forge(board, cheat, Kind.ROUND_2, bad_share(board, cheat, 1, dealt[cheat - 1].body, Grievance.SHARE))
        for cheat in (2, 4)
    ]
    everybody[0].hear([dealt[2], *lies])
    everybody[0].receive()
    assert assess(everybody[0].board).suspects == {1, 2, 4}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\2",
        b"\0\1\1",
        b"\0\5\1",
        b"\0\0\1",
        b"\0\2\0",
        b"\0\2\4",
        b"\0\2\1\0",
        b"\0\3\1\0\2\1",
        b"\0\2\1\0\2\1",
    ],
)
def test_a_complaint_of_nobody_is_its_senders_fault(body: bytes) -> None:
    board = Board.of(proposal(N))
    standing = assess(take(board, forge(board, 1, Kind.COMPLAINT, body)))
    assert standing.phase is Phase.FAILED
    assert (set(standing.culprits), set(standing.suspects)) == ({1}, set())


@pytest.mark.parametrize("kind", [Kind.ECHO, Kind.ROUND_2, Kind.CERTIFY])
@pytest.mark.parametrize("cheat", [1, 2, 3, 4])
def test_a_body_of_the_wrong_length_names_its_sender(kind: Kind, cheat: int) -> None:
    board = Board.of(proposal(N))
    board = take(board, forge(board, cheat, kind, b"short"))
    standing = assess(board)
    assert standing.phase is Phase.FAILED
    assert standing.culprits == {cheat}


@pytest.mark.parametrize("cheat", [1, 2, 3, 4])
def test_a_certificate_of_another_key_names_its_sender(cheat: int) -> None:
    everybody = play(proposal(N), until="certify")
    lie = forge(everybody[0].board, cheat, Kind.CERTIFY, bytes(32))
    for notary in everybody:
        notary.hear([lie])
        assert assess(notary.board).culprits == {cheat}
        assert notary.id == cheat or duty(notary.board, notary.id) is Duty.ERASE


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("cheat", [1, 4])
def test_two_different_messages_of_one_kind_prove_a_cheat(kind: Kind, cheat: int) -> None:
    board = Board.of(proposal(N))
    for body in (b"one", b"two"):
        board = take(board, forge(board, cheat, kind, body))
    standing = assess(board)
    assert standing.phase is Phase.FAILED
    assert cheat in standing.culprits
    assert f"member {cheat} signed two different {kind} messages" in standing.problem
    with pytest.raises(MessageRefusedError) as caught:
        take(board, forge(board, cheat, kind, b"three"))
    assert caught.value.fault is MessageFault.SURPLUS
    assert len(board.messages) == 2


def spoilt(board: Board) -> dict[MessageFault, list[Message]]:
    good = forge(board, 2, Kind.ECHO, bytes(32))
    replayed = forge(Board.of(proposal(N, attempt=2)), 2, Kind.ECHO, bytes(32))
    witness = replace(good, signature=identity(2).sign(Purpose.WITNESS, b""))
    return {
        MessageFault.SESSION: [replayed, replace(good, session=bytes(32)), replace(good, session=b"")],
        MessageFault.SENDER: [replace(good, sender=number) for number in (0, 5, -1, 1 << 40)],
        MessageFault.KIND: [replace(good, kind=kind) for kind in ("", "round-3", "Echo", "../echo")],
        MessageFault.SIZE: [
            forge(board, 2, Kind.ABORT, bytes(BODY_LEN_MAX + 1)),
            replace(good, signature=good.signature + b"\0"),
            replace(good, signature=b""),
        ],
        MessageFault.SIGNATURE: [
            replace(good, body=bytes(31) + b"\1"),
            replace(good, sender=3),
            replace(good, kind=Kind.CERTIFY),
            replace(replayed, session=board.session),
            replace(good, signature=bytes(64)),
            witness,
        ],
    }


@pytest.mark.parametrize("fault", [fault for fault in MessageFault if fault is not MessageFault.SURPLUS])
def test_what_is_no_message_of_this_ceremony_changes_nothing(fault: MessageFault) -> None:
    """R-41; threshold.md, pitfalls 5 and 8: other sessions, strangers, forged and oversized messages are dropped."""
    board = play(proposal(N), until="echo")[0].board
    for message in spoilt(board)[fault]:
        with pytest.raises(MessageRefusedError) as caught:
            take(board, message)
        assert caught.value.fault is fault
    assert assess(board).phase is Phase.ECHO


def test_a_round_1_message_of_an_earlier_attempt_is_refused_though_its_proof_is_good() -> None:
    """threshold.md, pitfall 5: the proof of possession binds no session; the signed envelope does."""
    old, fresh = play(proposal(N), until="echo")[0].board, Board.of(proposal(N, attempt=2))
    for message in old.messages:
        for carried in (message, replace(message, session=fresh.session)):
            with pytest.raises(MessageRefusedError):
                take(fresh, carried)


def test_a_sealed_share_opens_for_its_session_sender_and_recipient_alone() -> None:
    contexts = {
        sealing_context(session, pid(sender), pid(recipient))
        for session in (bytes(32), bytes([1] * 32))
        for sender in (1, 2)
        for recipient in (1, 2)
    }
    assert len(contexts) == 8


def test_a_share_is_certified_only_as_it_was_read_back() -> None:
    """R-41; message flow 6: another's share, an older key's, or one with other counts is not certified."""
    everybody = play(proposal(N), until="certify")
    first = everybody[0]
    found = open_shares(first.board, first.id, identity(1), first.polynomial)
    assert not isinstance(found, Complaint)
    key, draft = found
    other = play(proposal(N), seed=3)
    everybody[1].receive()
    for wrong in (other[0].key, everybody[1].key, replace(key, threshold=2), replace(key, participants=5)):
        assert wrong is not None
        with pytest.raises(SeatError, match="read back"):
            certificate_body(first.board, first.id, wrong)
    assert certificate_body(first.board, first.id, key) == draft.certificate


@pytest.mark.parametrize("stage", ["round-1", "echo", "round-2", "done"])
def test_nothing_is_certified_out_of_turn(stage: str) -> None:
    key = play(proposal(N))[0].key
    assert key is not None
    board = play(proposal(N), until=stage)[0].board
    with pytest.raises(OutOfTurnError):
        certificate_body(board, pid(1), key)
    if stage != "done":
        with pytest.raises(OutOfTurnError):
            open_shares(board, pid(1), identity(1), polynomial(1, 3))
        with pytest.raises(NotDoneError):
            document(board)


def test_nothing_is_said_twice() -> None:
    board = play(proposal(N), until="echo")[0].board
    with pytest.raises(OutOfTurnError):
        Notary(board, pid(1)).commit()
    after = take(board, forge(board, 1, Kind.ECHO, echo_body(board, pid(1))))
    with pytest.raises(OutOfTurnError):
        echo_body(after, pid(1))


@pytest.mark.parametrize("stage", STAGES[:4])
@pytest.mark.parametrize("member_id", [1, 4])
def test_an_abort_ends_it_for_all_who_have_not_certified(stage: str, member_id: int) -> None:
    everybody = play(proposal(N), until=stage)
    abort = forge(everybody[0].board, member_id, Kind.ABORT, b"the host is being replaced\x1b[2J")
    for notary in everybody:
        notary.hear([abort])
        standing = assess(notary.board)
        assert standing.phase is Phase.ABORTED
        assert standing.problem == f"member {member_id} aborted: the host is being replaced\N{REPLACEMENT CHARACTER}[2J"
        assert duty(notary.board, notary.id) is Duty.ERASE


def test_a_member_that_has_certified_keeps_its_share_whatever_comes() -> None:
    """R-41: the others may have all n certificates already, so its share may be needed."""
    everybody = play(proposal(N), until="certify")
    first = everybody[0]
    first.receive()
    for message in (
        forge(first.board, 2, Kind.ABORT, b"changed my mind"),
        forge(first.board, 3, Kind.COMPLAINT, b"\0\2\1"),
        forge(first.board, 4, Kind.ECHO, bytes(32)),
    ):
        first.hear([message])
        assert assess(first.board).phase in {Phase.ABORTED, Phase.FAILED}
        assert duty(first.board, first.id) is Duty.WAIT


def test_done_outweighs_whatever_comes_before_or_after_it() -> None:
    """All n have certified, so all n hold their shares: the key is good, whatever else somebody signed."""
    done = play(proposal(N))[0].board
    noise = [
        forge(done, 2, Kind.ABORT, b"changed my mind"),
        forge(done, 3, Kind.COMPLAINT, b"\0\2\1"),
        forge(done, 4, Kind.CERTIFY, bytes(32)),
        forge(done, 4, Kind.ROUND_1, b"another"),
    ]
    before, after = Board.of(proposal(N)), done
    for message in noise:
        after = take(after, message)
    for message in (*noise[:3], *done.messages, noise[3]):
        before = take(before, message)
    for board in (before, after):
        assert assess(board).phase is Phase.DONE
        assert document(board) == document(done)
        assert duty(board, pid(1)) is Duty.ENTER


def test_wrong_certificates_keep_the_right_one_from_nobody() -> None:
    done = play(proposal(N))[0].board
    board = Board.of(proposal(N))
    wrong = [forge(board, 4, Kind.CERTIFY, bytes([i] * 32)) for i in range(2)]
    for message in (*wrong, *done.messages):
        board = take(board, message)
    assert assess(board).phase is Phase.DONE
    document(board).check()
    with pytest.raises(MessageRefusedError):
        take(board, forge(board, 4, Kind.CERTIFY, bytes([9] * 32)))


def test_another_polynomial_than_was_committed_to_deals_nothing() -> None:
    """Its folder is an older one, or its identity is used elsewhere: shares of two polynomials must not mix."""
    stranger = polynomial(1, 3, seed=9)
    with pytest.raises(LostSecretError):
        round2_body(play(proposal(N), until="round-2")[0].board, pid(1), stranger)
    with pytest.raises(LostSecretError):
        open_shares(play(proposal(N), until="certify")[0].board, pid(1), identity(1), stranger)


def test_a_reason_is_fit_to_be_shown() -> None:
    assert printable(b"x" * 1000) == "x" * 200
    assert printable("이유".encode() + b"\xff\n\x1b") == "이유" + "\N{REPLACEMENT CHARACTER}" * 3


WHOLE: Final = play(proposal(N))[0].board
EVIDENCE: Final = (
    forge(WHOLE, 2, Kind.ABORT, b"enough"),
    forge(WHOLE, 3, Kind.ECHO, bytes(32)),
    forge(WHOLE, 1, Kind.COMPLAINT, b"\0\2\1"),
    forge(WHOLE, 4, Kind.CERTIFY, bytes(32)),
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_of_messages_makes_no_difference(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from([*WHOLE.messages, *EVIDENCE]), min_size=1, max_size=24))
    board, again = Board.of(proposal(N)), Board.of(proposal(N))
    for message in chosen:
        board = take(board, message)
    for message in data.draw(st.permutations(chosen)):
        again = take(again, message)
    ours, theirs = assess(board), assess(again)
    assert (ours.phase, ours.waiting_for) == (theirs.phase, theirs.waiting_for)
    if len({(m.sender, m.kind) for m in chosen}) == len(set(chosen)):
        assert (ours.culprits, ours.suspects) == (theirs.culprits, theirs.suspects)


def test_a_stranger_s_signature_is_not_a_member_s() -> None:
    board = Board.of(proposal(N))
    message = say(identity(9), board, pid(2), Kind.ECHO, bytes(32))
    with pytest.raises(MessageRefusedError, match="did not sign"):
        take(board, message)
    assert member(2).card != identity(9).card
