"""Ceremonies on disk (R-41): killed anywhere they go on, carried by anybody they end alike, and leave no secret."""

import os
import random
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.adapters.ceremony.approval import ask_abort
from bridge.adapters.ceremony.desk import CertifiedError
from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.committee.ceremony import say
from bridge.committee.document import CommitteeDocument, verify_document
from bridge.committee.messages import Board, Kind, Message
from bridge.committee.proposal import Proposal, readable
from bridge.committee.verdict import NotDoneError, Phase
from bridge.config import CommitteeConfig, load
from bridge.core.statements import Epoch
from bridge.errors import ConfigError, ConflictError, InvalidInputError, UnavailableError
from bridge.frost import KeyPackage, Polynomial, encode_scalar
from tests.unit.committee.crash import Fuse, Killed, fused
from tests.unit.committee.support import (
    OpenSeats,
    Party,
    carry,
    identity,
    parties,
    pid,
    proposal,
    secrets_of,
)

SAID: Final = (Kind.ROUND_1, Kind.ECHO, Kind.ROUND_2)


def approved(root: Path, wanted: Proposal) -> list[Party]:
    everybody = parties(root, wanted.participants)
    for party in everybody:
        party.desk.approve(wanted)
    return everybody


def messages_of(wanted: Proposal, everybody: Iterable[Party]) -> list[Message]:
    found = (party.desk.exchange(wanted.session, ()).messages for party in everybody)
    return list(dict.fromkeys(message for messages in found for message in messages))


def bring(wanted: Proposal, everybody: Sequence[Party], kinds: Iterable[Kind]) -> None:
    """Let all say what follows from messages of these kinds, and hear nothing beyond them."""
    for kind in kinds:
        told = [m for m in messages_of(wanted, everybody) if m.kind == kind]
        for party in everybody:
            party.desk.exchange(wanted.session, told)


def box_file(party: Party, wanted: Proposal) -> Path:
    return party.root / "box" / f"ceremony-{wanted.session.hex()}"


def secrets(party: Party, wanted: Proposal) -> list[bytes]:
    """List what must be found nowhere once the ceremony has ended without a key."""
    dealt = Polynomial.from_bytes(box_file(party, wanted).read_bytes())
    key = party.seats.key(wanted.session)
    return secrets_of(dealt, wanted.participants) + ([] if key is None else [encode_scalar(key.signing_share)])


def one_thing_of_each_kind(messages: Iterable[Message]) -> bool:
    bodies = {(m.sender, m.kind): m.body for m in messages}
    return all(bodies[m.sender, m.kind] == m.body for m in messages)


@pytest.mark.parametrize("n", range(2, 8))
def test_whoever_carries_the_messages_all_end_with_one_document(n: int, tmp_path: Path) -> None:
    """R-41: n seats of one key, and a document that says so and configures the committee."""
    everybody = approved(tmp_path, proposal(n))
    answers = carry(proposal(n), everybody)
    assert [(a.phase, a.waiting_for, a.problem) for a in answers] == [(Phase.DONE, (), "")] * n
    documents = {party.desk.document(proposal(n).session).to_toml() for party in everybody}
    assert len(documents) == 1
    for party in everybody:
        key = party.seats.key(proposal(n).session)
        assert key is not None
        assert key.group_public_key == party.desk.document(proposal(n).session).keys.group_public_key
        kept = party.root / "ceremonies" / proposal(n).session.hex() / "committee.toml"
        assert kept.read_text() in documents
        if n >= 4:
            verify_document(load(kept, CommitteeConfig), proposal(n))


def test_a_ceremony_that_was_not_approved_is_unknown_and_says_what_to_do(tmp_path: Path) -> None:
    party = Party(tmp_path / "1", 1)
    answer = party.desk.exchange(proposal(4).session, ())
    assert (answer.phase, answer.messages) == (Phase.UNKNOWN, ())
    assert "naru committee approve" in answer.problem
    assert readable(proposal(4).session) in answer.problem
    assert party.desk.ceremonies() == []
    with pytest.raises(InvalidInputError, match="naru committee approve"):
        party.desk.abort(proposal(4).session, "why not")
    with pytest.raises(InvalidInputError, match="naru committee approve"):
        party.desk.document(proposal(4).session)


def test_nothing_is_said_without_approval_whatever_others_say(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = parties(tmp_path, 4)
    for party in everybody[1:]:
        party.desk.approve(wanted)
    answers = carry(wanted, everybody)
    assert answers[0].phase is Phase.UNKNOWN
    assert [(a.phase, a.waiting_for) for a in answers[1:]] == [(Phase.ROUND_1, (1,))] * 3
    assert not (tmp_path / "1" / "box").exists()


def test_who_is_no_member_can_not_approve(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no member of this proposal"):
        Party(tmp_path / "9", 9).desk.approve(proposal(4))


def test_approving_twice_says_the_same_again(tmp_path: Path) -> None:
    party = Party(tmp_path / "1", 1)
    first = party.desk.approve(proposal(4))
    assert len(first.messages) == 1
    assert party.desk.approve(proposal(4)) == first


def test_messages_that_are_none_are_dropped_and_the_others_heard(tmp_path: Path) -> None:
    """R-41: replayed from another session, forged, or of strangers."""
    wanted = proposal(4)
    everybody = approved(tmp_path / "now", wanted)
    other = approved(tmp_path / "then", proposal(4, attempt=2))
    replayed = messages_of(proposal(4, attempt=2), other)
    good = messages_of(wanted, everybody)
    noise = [*replayed, *(replace(m, session=wanted.session) for m in replayed), replace(good[0], sender=77)]
    answer = everybody[0].desk.exchange(wanted.session, [*noise, good[1], *noise, good[2]])
    assert (answer.phase, answer.waiting_for, answer.problem) == (Phase.ROUND_1, (4,), "")
    assert {(m.sender, m.kind) for m in answer.messages} == {(i, Kind.ROUND_1) for i in (1, 2, 3)}


def test_the_round_1_message_is_the_same_after_every_restart(tmp_path: Path) -> None:
    """R-41: a second, different one would look like a cheat."""
    party = Party(tmp_path / "1", 1)
    first = party.desk.approve(proposal(4)).messages
    for _ in range(3):
        party.restart()
        assert party.desk.exchange(proposal(4).session, ()).messages == first


def test_a_notary_with_two_processes_still_says_one_thing(tmp_path: Path) -> None:
    wanted = proposal(4)
    party = Party(tmp_path / "1", 1)
    said = party.desk.approve(wanted).messages[0]
    folder = CeremonyFolder(tmp_path / "1" / "ceremonies")
    other = say(identity(1), Board.of(wanted), pid(1), Kind.ROUND_1, b"another")
    with pytest.raises(ConflictError):
        folder.keep_own(other)
    folder.keep_own(said)
    assert folder.board(wanted).messages == (said,)


def killed_once(root: Path, wanted: Proposal, at: int) -> tuple[list[Party], list[Message], int]:
    """Hold a ceremony in which the first notary is killed at its at-th change of the disk; give all that it ever said.

    The last one tells how many changes there were.
    """
    fuse = Fuse(at)
    victim = Party(root / "1", 1, fuse.tick)
    others = [Party(root / str(m.id), m.id) for m in wanted.members[1:]]
    for party in others:
        party.desk.approve(wanted)
    known, left, phase = tuple[Message, ...](), list[Message](), Phase.UNKNOWN
    while phase is not Phase.DONE:
        try:
            with fused(fuse):
                victim.desk.approve(wanted)
                answer = victim.desk.exchange(wanted.session, known)
        except Killed:
            fuse.at = 0
            victim.restart()
            continue
        left += answer.messages
        known, phase = answer.messages, answer.phase
        for party in others:
            known = party.desk.exchange(wanted.session, known).messages
    return [victim, *others], left, fuse.count


def test_killed_at_any_write_a_notary_goes_on_and_says_nothing_else(tmp_path: Path) -> None:
    """R-41: every single change of the disk in a whole ceremony is tried; one message of each kind ever leaves."""
    wanted = proposal(2)
    total = killed_once(tmp_path / "0", wanted, 0)[2]
    assert total > 60
    for at in range(1, total + 1):
        everybody, left, count = killed_once(tmp_path / str(at), wanted, at)
        assert count > at, "it was killed, and went on"
        assert one_thing_of_each_kind(left), f"killed at change {at} of {total}"
        assert {carry(wanted, everybody, rounds=1)[i].phase for i in (0, 1)} == {Phase.DONE}
        assert len({party.desk.document(wanted.session).to_toml() for party in everybody}) == 1
        assert everybody[0].seats.key(wanted.session) is not None
        assert not box_file(everybody[0], wanted).exists()


def test_a_message_and_its_name_are_on_disk_before_it_leaves(tmp_path: Path) -> None:
    fuse = Fuse()
    party = Party(tmp_path / "1", 1, fuse.tick)
    with fused(fuse):
        party.desk.approve(proposal(4))
    folder = tmp_path / "1" / "ceremonies" / proposal(4).session.hex()
    at = fuse.log.index(f"link {folder / 'round-1.001.1'}")
    assert [entry.split()[0] for entry in fuse.log[at - 3 : at]] == ["open", "write", "fsync"]
    after = [entry for entry in fuse.log[at + 1 :] if not entry.startswith("unlink")]
    assert after[0] == f"open {folder}"
    assert after[1].startswith("fsync")


def test_what_a_killed_process_left_is_synced_before_it_leaves(tmp_path: Path) -> None:
    """The file may be there and its name not yet on disk: a power cut would take it back after it was sent."""
    wanted, fuse = proposal(4), Fuse()
    Party(tmp_path / "1", 1).desk.approve(wanted)
    party = Party(tmp_path / "1", 1, fuse.tick)
    with fused(fuse):
        party.desk.exchange(wanted.session, ())
    folder = tmp_path / "1" / "ceremonies" / wanted.session.hex()
    at = fuse.log.index(f"open {folder}")
    assert fuse.log[at + 1].startswith("fsync")


def test_a_disk_that_fails_lets_nothing_out_until_the_signer_starts_again(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    told = messages_of(wanted, everybody)
    first = everybody[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.adapters.ceremony.folder.os", Broken())
        with pytest.raises(UnavailableError, match="see to the disk"):
            first.desk.exchange(wanted.session, told)
    with pytest.raises(UnavailableError, match="start the signer again"):
        first.desk.exchange(wanted.session, told)
    first.restart()
    assert first.desk.exchange(wanted.session, told).phase is Phase.ECHO


class Broken:
    """The module `os` on a disk that can't be synced."""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def fsync(self, _descriptor: int) -> None:
        raise OSError(5, "Input/output error")


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 32), n=st.sampled_from([2, 3, 4]))
def test_whatever_is_lost_doubled_or_killed_on_the_way_all_end_alike(seed: int, n: int) -> None:
    """R-41: carriers and crashes can delay a ceremony, and nothing else."""
    chance, wanted = random.Random(seed), proposal(n)
    with tempfile.TemporaryDirectory() as name:
        fuses = [Fuse() for _ in range(n)]
        everybody = [Party(Path(name) / str(i + 1), i + 1, fuses[i].tick) for i in range(n)]
        known = list[Message]()
        for _ in range(10 * n):
            place = chance.randrange(n)
            fuses[place].reset(chance.choice([0, chance.randrange(1, 30)]))
            carried = [m for m in known if chance.random() < 0.7] * chance.choice([1, 2])
            chance.shuffle(carried)
            try:
                with fused(fuses[place]):
                    everybody[place].desk.approve(wanted)
                    known += everybody[place].desk.exchange(wanted.session, carried).messages
            except Killed:
                fuses[place].reset()
                everybody[place].restart()
        assert one_thing_of_each_kind(known)
        for party, fuse in zip(everybody, fuses, strict=True):
            fuse.reset()
            party.desk.approve(wanted)
        answers = carry(wanted, everybody)
        assert [(a.phase, a.problem) for a in answers] == [(Phase.DONE, "")] * n
        assert len({party.desk.document(wanted.session).to_toml() for party in everybody}) == 1


@pytest.mark.parametrize("heard", range(len(SAID)))
@pytest.mark.parametrize("who", [1, 3])
def test_an_abort_at_any_phase_leaves_no_secret_anywhere(heard: int, who: int, tmp_path: Path) -> None:
    """R-41: safe to abort. The box and the seats of these tests seal nothing, so a search finds what is there."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID[:heard])
    wanted_secrets = {party.number: secrets(party, wanted) for party in everybody}
    assert all(party.holds(wanted_secrets[party.number]) for party in everybody), "the search finds them before"
    answer = everybody[who - 1].desk.abort(wanted.session, "the host is being replaced")
    assert answer.phase is Phase.ABORTED
    for other, told in zip(everybody, carry(wanted, everybody), strict=True):
        assert (told.phase, told.problem) == (Phase.ABORTED, f"member {who} aborted: the host is being replaced")
        assert [other.holds(found) for found in wanted_secrets.values()] == [[]] * 4
        other.restart()
        assert other.desk.exchange(wanted.session, ()).phase is Phase.ABORTED


def test_a_finished_ceremony_leaves_the_share_alone(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    dealt = [secret for party in everybody for secret in secrets(party, wanted)]
    carry(wanted, everybody)
    for party in everybody:
        assert party.holds(dealt) == []
        key = party.seats.key(wanted.session)
        assert key is not None
        assert party.holds([encode_scalar(key.signing_share)]) == [f"seats/{wanted.session.hex()}"]


def test_a_cheat_leaves_no_secret_with_those_who_noticed(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    held = {party.number: secrets(party, wanted) for party in everybody[:3]}
    lie = say(identity(4), Board.of(wanted), pid(4), Kind.ROUND_1, b"nonsense")
    for party in everybody[:3]:
        answer = party.desk.exchange(wanted.session, [lie])
        assert answer.phase is Phase.FAILED
        assert "participant 4" in answer.problem
        assert party.holds(held[party.number]) == []


def test_a_cheat_is_proven_to_who_never_met_it(tmp_path: Path) -> None:
    """Both messages are kept, over restarts, and handed on."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    own = messages_of(wanted, everybody[3:])[0]
    lie = say(identity(4), Board.of(wanted), pid(4), Kind.ROUND_1, b"nonsense")
    everybody[0].desk.exchange(wanted.session, [own])
    everybody[0].desk.exchange(wanted.session, [lie])
    everybody[0].restart()
    told = everybody[0].desk.exchange(wanted.session, ())
    assert own in told.messages
    assert lie in told.messages
    answer = everybody[1].desk.exchange(wanted.session, told.messages)
    assert "member 4 signed two different round-1 messages" in answer.problem


class WritesAndFails(OpenSeats):
    """Seals the share, and is cut off before it reads it back."""

    def make(self, draft: CommitteeDocument, key: KeyPackage) -> KeyPackage:
        super().make(draft, key)
        msg = "the keystore does not answer"
        raise UnavailableError(msg)


class ReadsAnother(OpenSeats):
    """Reads back another share than was sealed."""

    def make(self, draft: CommitteeDocument, key: KeyPackage) -> KeyPackage:
        from_disk = super().make(draft, key)
        return replace(from_disk, participants=from_disk.participants + 1)


@pytest.mark.parametrize("seats", [WritesAndFails, ReadsAnother])
def test_nothing_is_certified_before_the_share_was_read_back(seats: type[OpenSeats], tmp_path: Path) -> None:
    """R-41; threshold.md, message flow 6. Once it can be, the ceremony goes on where it stood."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    first = everybody[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first.desk, "_seats", seats(folder=first.root / "seats"))
        told = carry(wanted, everybody)[0]
        assert (told.phase, told.waiting_for) == (Phase.CERTIFY, (1,))
        assert "this notary can't go on" in told.problem
        assert (1, Kind.CERTIFY) not in {(m.sender, m.kind) for m in told.messages}
        assert box_file(first, wanted).exists(), "what is needed to try again is kept"
    assert {a.phase for a in carry(wanted, everybody)} == {Phase.DONE}


def test_a_seat_that_was_made_and_never_certified_goes_with_the_ceremony(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    first = everybody[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first.desk, "_seats", WritesAndFails(folder=first.root / "seats"))
        carry(wanted, everybody)
    held = secrets(first, wanted)
    assert len(first.holds(held)) == 2, "polynomial and share"
    first.desk.abort(wanted.session, "the keystore is gone")
    assert first.holds(held) == []


def test_a_notary_that_has_certified_can_not_abort_and_keeps_its_share(tmp_path: Path) -> None:
    """R-41: the others may have the whole document, so the share may be needed."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID)
    first, second = everybody[:2]
    with pytest.raises(CertifiedError, match="can't be aborted"):
        first.desk.abort(wanted.session, "changed my mind")
    late = say(identity(3), Board.of(wanted), pid(3), Kind.ABORT, b"changed my mind")
    answer = first.desk.exchange(wanted.session, [late])
    assert answer.phase is Phase.ABORTED
    assert "keeps its share" in answer.problem
    assert first.seats.key(wanted.session) is not None
    with pytest.raises(NotDoneError):
        first.desk.document(wanted.session)
    certificates = [m for m in messages_of(wanted, everybody) if m.kind == Kind.CERTIFY]
    assert second.desk.exchange(wanted.session, certificates).phase is Phase.DONE
    assert first.desk.exchange(wanted.session, certificates).phase is Phase.DONE
    first.desk.document(wanted.session).check()


def test_an_abort_may_be_asked_beside_a_signer_that_runs(tmp_path: Path) -> None:
    """By a command of the operator's, another process: the signer heeds it at its next step, before anything else."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID[:2])
    told = messages_of(wanted, everybody)
    first = everybody[0]
    ask_abort(CeremonyFolder(first.root / "ceremonies"), wanted.session, "the host is\x1b being replaced")
    answer = first.desk.exchange(wanted.session, told)
    assert answer.phase is Phase.ABORTED
    assert "member 1 aborted: the host is\N{REPLACEMENT CHARACTER} being replaced" in answer.problem
    assert (1, Kind.CERTIFY) not in {(m.sender, m.kind) for m in answer.messages}
    with pytest.raises(InvalidInputError, match="nothing to abort"):
        ask_abort(CeremonyFolder(first.root / "ceremonies"), proposal(5).session, "why not")


def test_an_abort_that_is_asked_too_late_is_not_said(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID)
    ask_abort(CeremonyFolder(everybody[0].root / "ceremonies"), wanted.session, "changed my mind")
    assert {a.phase for a in carry(wanted, everybody)} == {Phase.DONE}


def test_aborting_what_has_ended_changes_nothing(tmp_path: Path) -> None:
    wanted = proposal(4)
    party = approved(tmp_path, wanted)[0]
    first = party.desk.abort(wanted.session, "one")
    assert party.desk.abort(wanted.session, "two") == first


def test_an_aborted_ceremony_is_not_taken_up_again_and_a_fresh_attempt_is_another(tmp_path: Path) -> None:
    wanted, again = proposal(4), proposal(4, attempt=2)
    everybody = approved(tmp_path, wanted)
    everybody[0].desk.abort(wanted.session, "once more")
    assert everybody[0].desk.approve(wanted).phase is Phase.ABORTED
    carry(wanted, everybody)
    for party in everybody:
        party.desk.approve(again)
    assert {a.phase for a in carry(again, everybody)} == {Phase.DONE}
    listed = {s.proposal.attempt: s.answer.phase for s in everybody[0].desk.ceremonies()}
    assert listed == {1: Phase.ABORTED, 2: Phase.DONE}


def test_one_epoch_has_one_ceremony_at_a_time_and_one_key(tmp_path: Path) -> None:
    wanted, again = proposal(4), proposal(4, attempt=2)
    everybody = approved(tmp_path, wanted)
    with pytest.raises(ConfigError, match="still open here: abort it first"):
        everybody[0].desk.approve(again)
    everybody[0].desk.approve(proposal(4, epoch=Epoch(2)))
    carry(wanted, everybody)
    with pytest.raises(ConfigError, match="has its key already"):
        everybody[0].desk.approve(again)


def test_who_is_bound_to_a_ceremony_that_does_not_end_may_begin_another(tmp_path: Path) -> None:
    wanted, again = proposal(4), proposal(4, attempt=2)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID)
    for party in everybody:
        party.desk.approve(again)
    assert {a.phase for a in carry(again, everybody)} == {Phase.DONE}
    assert everybody[0].seats.key(wanted.session) is not None


@pytest.mark.parametrize("heard", [1, 2])
def test_a_notary_whose_secret_is_gone_aborts_for_all(heard: int, tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID[:heard])
    box_file(everybody[0], wanted).unlink()
    answers = carry(wanted, everybody)
    assert {a.phase for a in answers} == {Phase.ABORTED}
    assert "member 1 aborted: the secret of this notary's own round-1 message is not here" in answers[1].problem


def test_a_restored_older_folder_is_healed_by_what_others_have(tmp_path: Path) -> None:
    """Its own messages come back from its peers; nothing is said a second time."""
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    bring(wanted, everybody, SAID)
    first = everybody[0]
    messages = messages_of(wanted, everybody)
    for path in (first.root / "ceremonies" / wanted.session.hex()).glob("*.001.1"):
        path.unlink()
    answer = first.desk.exchange(wanted.session, [m for m in messages if m.sender == 1])
    assert answer.problem == ""
    assert {a.phase for a in carry(wanted, everybody)} == {Phase.DONE}


def test_a_folder_restored_with_its_secret_makes_its_seat_again(tmp_path: Path) -> None:
    wanted = proposal(4)
    everybody = approved(tmp_path, wanted)
    secret = box_file(everybody[0], wanted).read_bytes()
    carry(wanted, everybody)
    first = everybody[0]
    share = first.seats.key(wanted.session)
    first.seats.discard(Epoch(1), wanted.session)
    box_file(first, wanted).write_bytes(secret)
    first.restart()
    assert first.desk.exchange(wanted.session, ()).phase is Phase.DONE
    assert first.seats.key(wanted.session) == share
    assert not box_file(first, wanted).exists()


def test_a_damaged_file_is_told_by_name(tmp_path: Path) -> None:
    wanted = proposal(4)
    party = approved(tmp_path, wanted)[0]
    folder = party.root / "ceremonies" / wanted.session.hex()
    message = folder / "round-1.001.1"
    whole = message.read_bytes()
    for damage in (whole[:-1], b"", bytes(1 << 20)):
        message.write_bytes(damage)
        with pytest.raises(ConfigError, match=r"round-1\.001\.1"):
            party.desk.exchange(wanted.session, ())
    message.write_bytes(whole)
    (folder / "proposal.toml").write_text(proposal(4, attempt=2).to_toml())
    with pytest.raises(ConfigError, match="was changed"):
        party.desk.exchange(wanted.session, ())


def test_a_folder_that_others_may_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        CeremonyFolder(tmp_path / "open")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is no folder"):
        CeremonyFolder(tmp_path / "file")
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "own")
    with pytest.raises(ConfigError, match="is no folder"):
        CeremonyFolder(tmp_path / "link")
    with pytest.raises(UnavailableError):
        CeremonyFolder(tmp_path / "nowhere" / "below")


def test_files_are_the_notarys_alone(tmp_path: Path) -> None:
    wanted = proposal(4)
    party = approved(tmp_path, wanted)[0]
    folder = party.root / "ceremonies"
    assert {p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file()} == {0o600}
    assert {p.stat().st_mode & 0o777 for p in (folder, *folder.iterdir())} == {0o700}
