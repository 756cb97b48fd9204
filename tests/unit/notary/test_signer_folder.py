"""The signer's folder: seats appear whole or not at all, are never overwritten, and open only as what they are."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.adapters.keystore.approvals import Approvals, approve_closing, approve_handover, withdraw_handover
from bridge.adapters.keystore.folder import DOCUMENT, SHARE, VOTES, SeatExistsError, SignerFolder
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.memory.runtime import ManualClock
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.adapters.system import system_entropy
from bridge.core.caip import EndpointId
from bridge.core.statements import Epoch, Kind
from bridge.core.votes import HandoverVote
from bridge.errors import ConfigError, RefusedError, UnavailableError
from bridge.frost import KeyPackage, ParticipantId
from notary.signer.desk import RETRY_S, Desk
from notary.signer.opening import Opener, parsed
from tests.committee import EPOCH, MEMBERS, dealing
from tests.conformance.samples import vote, word
from tests.seats import COORDINATOR, SESSION, held_seat, identity, reports
from tests.seats import document as committee_document

KEY = dealing().key_packages[0]
OTHER_KEY = dealing(1).key_packages[0]
DEALT = committee_document()
DRAFT = committee_document(session=SESSION)
WHOLE = committee_document(session=SESSION, signatures=MEMBERS)
PASSPHRASE = b"a passphrase for tests"


@pytest.fixture
def folder(tmp_path: Path) -> SignerFolder:
    tmp_path.chmod(0o700)
    return signer_folder(tmp_path)


OPENED: list[SqliteVoteStore] = []


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def _kept_open(path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> SqliteVoteStore:
    OPENED.append(SqliteVoteStore(path, notary=notary, epoch=epoch, group_key=group_key))
    return OPENED[-1]


def signer_folder(path: Path, passphrase: bytes = PASSPHRASE) -> SignerFolder:
    return SignerFolder(path, PassphraseKey(passphrase, development=True), SqliteVoteStore.create)


def opener(folder: SignerFolder, *, number: int = 1, development: bool = False) -> Opener:
    return Opener(
        folder,
        _kept_open,
        identity(number),
        Approvals(folder.path),
        ManualClock(),
        system_entropy,
        development=development,
    )


# --- making a seat


def test_a_seat_is_made_whole_and_private_and_its_share_is_read_back(folder: SignerFolder) -> None:
    assert folder.make(EPOCH, KEY, DEALT) == KEY

    place = folder.path / "epoch-1"
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert files == dict.fromkeys((SHARE, VOTES, f"{VOTES}.lock", DOCUMENT), 0o600)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert (folder.key(EPOCH), folder.document(EPOCH), folder.seats()) == (KEY, DEALT, [EPOCH])
    assert KEY.to_bytes()[6:38].hex() not in (place / SHARE).read_text()
    with SqliteVoteStore(
        folder.votes_file(EPOCH), notary=KEY.identifier, epoch=EPOCH, group_key=KEY.group_public_key.to_bytes()
    ) as store:
        assert store.head()[0] == 0


def test_the_same_key_again_changes_nothing(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, DEALT)
    before = (folder.path / "epoch-1" / SHARE).read_bytes()

    assert folder.make(EPOCH, KEY, DRAFT) == KEY
    assert (folder.path / "epoch-1" / SHARE).read_bytes() == before
    assert folder.document(EPOCH) == DEALT


def test_another_key_in_the_same_epoch_is_refused(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, DEALT)
    with pytest.raises(SeatExistsError, match="another key in epoch 1"):
        folder.make(EPOCH, OTHER_KEY, DEALT)
    assert folder.key(EPOCH) == KEY


def test_a_failure_leaves_no_seat_and_what_a_killed_process_left_is_swept(folder: SignerFolder) -> None:
    def full(path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> SqliteVoteStore:
        raise UnavailableError(f"no space for {path.name} of {notary} in {epoch} {len(group_key)}")

    broken = SignerFolder(folder.path, PassphraseKey(PASSPHRASE, development=True), full)
    with pytest.raises(UnavailableError, match="no space"):
        broken.make(EPOCH, KEY, DEALT)
    assert list(folder.path.iterdir()) == []

    (folder.path / ".epoch-1.killed.tmp").mkdir()
    (folder.path / ".epoch-1.killed.tmp" / SHARE).write_text("half")
    folder.make(EPOCH, KEY, DEALT)
    assert [path.name for path in folder.path.iterdir()] == ["epoch-1"]


# --- a ceremony's seat


def test_a_seat_sleeps_until_all_members_have_certified(folder: SignerFolder) -> None:
    """Pitfall 6: success certificate first."""
    folder.make(EPOCH, KEY, DRAFT)
    assert folder.seats() == []
    folder.certify(EPOCH, committee_document(session=SESSION, signatures=MEMBERS - 1))
    assert folder.seats() == []
    folder.certify(EPOCH, WHOLE)
    assert folder.seats() == [EPOCH]


def test_a_document_of_another_ceremony_does_not_wake_a_seat(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, DRAFT)
    with pytest.raises(SeatExistsError):
        folder.certify(EPOCH, committee_document(session=word(78), signatures=MEMBERS))
    with pytest.raises(ConfigError, match="is not there"):
        folder.certify(Epoch(2), WHOLE)


def test_only_the_ceremony_that_made_a_seat_discards_it_and_never_once_it_is_certified(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, DRAFT)
    folder.discard(EPOCH, word(78))
    folder.discard(Epoch(2), SESSION)
    assert folder.key(EPOCH) == KEY

    folder.discard(EPOCH, SESSION)
    assert list(folder.path.iterdir()) == []
    folder.make(EPOCH, OTHER_KEY, DRAFT)
    folder.certify(EPOCH, WHOLE)
    with pytest.raises(RefusedError, match="may have signed"):
        folder.discard(EPOCH, SESSION)
    assert folder.key(EPOCH) == OTHER_KEY


# --- opening


def test_a_share_opens_only_as_what_it_was_sealed(folder: SignerFolder) -> None:
    """Purpose: epoch and notary."""
    folder.make(EPOCH, KEY, DEALT)
    (folder.path / "epoch-1").rename(folder.path / "epoch-2")
    with pytest.raises(ConfigError, match="no share of epoch 2"):
        folder.key(Epoch(2))


def test_another_passphrase_opens_nothing(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, DEALT)
    with pytest.raises(ConfigError, match="passphrase"):
        signer_folder(folder.path, b"another passphrase").key(EPOCH)


def test_the_identity_is_sealed_and_its_card_is_public(folder: SignerFolder) -> None:
    secret, card = identity(1).to_bytes(), identity(1).card.to_bytes()
    folder.make_identity(secret, card)

    assert folder.identity() == secret
    assert (folder.path / "identity.pub").read_text().strip() == card.hex()
    with pytest.raises(ConfigError, match="is there already"):
        folder.make_identity(secret, card)


def test_a_ceremony_s_secret_is_sealed_under_its_name(folder: SignerFolder) -> None:
    assert folder.open("ceremony-1") is None
    folder.seal("ceremony-1", b"polynomial")
    assert folder.open("ceremony-1") == b"polynomial"
    (folder.path / "ceremony-1.json").rename(folder.path / "ceremony-2.json")
    with pytest.raises(ConfigError):
        folder.open("ceremony-2")
    folder.remove("ceremony-2")
    folder.remove("ceremony-2")
    assert folder.open("ceremony-2") is None


def test_one_process_owns_the_folder(folder: SignerFolder) -> None:
    with folder.owned(), pytest.raises(ConfigError, match="another signer uses"), signer_folder(folder.path).owned():
        pass
    with folder.owned():
        pass


def test_seats_open_with_share_votes_and_document(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, WHOLE)
    seat = opener(folder).open(EPOCH)
    description = seat.describe()

    assert (description.epoch, description.notary, description.threshold, description.members) == (1, 1, 3, 4)
    assert description.group_key == KEY.group_public_key.to_bytes()
    assert description.committee == WHOLE
    assert "waits for 2 more members" in description.problem
    assert opener(folder).epochs() == [EPOCH]


def test_a_seat_whose_vote_store_is_gone_is_told_of_and_signs_nothing(folder: SignerFolder) -> None:
    """R-13: no empty store for a key that has signed."""
    folder.make(EPOCH, KEY, WHOLE)
    folder.votes_file(EPOCH).unlink()
    seat = opener(folder).open(EPOCH)

    assert "is missing: never make an empty one" in seat.describe().problem
    assert not folder.votes_file(EPOCH).exists()
    with pytest.raises(UnavailableError, match="never make an empty one"):
        seat.commit(COORDINATOR, 1)


@pytest.mark.parametrize(
    ("key", "text", "number", "problem"),
    [
        (OTHER_KEY, WHOLE, 1, "of another key than the share"),
        (KEY, committee_document(epoch=Epoch(2)), 1, "is of epoch 2"),
        (KEY, "epoch = ", 1, "can't be used"),
        (KEY, "epoch = 1", 1, "can't be used"),
        (KEY, WHOLE, 2, "another identity for notary 1"),
        (KEY, committee_document(identities=False), 1, "names no identity of some members"),
    ],
    ids=["another key", "another epoch", "no TOML", "no document", "another identity", "no identities"],
)
def test_what_does_not_belong_together_is_not_opened(
    folder: SignerFolder, key: KeyPackage, text: str, number: int, problem: str
) -> None:
    folder.make(EPOCH, key, text)
    with pytest.raises(ConfigError, match=problem):
        opener(folder, number=number).open(EPOCH)


def test_a_dealt_committee_without_identities_is_admitted_at_once_in_development_only(folder: SignerFolder) -> None:
    folder.make(EPOCH, KEY, committee_document(identities=False))
    seat = opener(folder, development=True).open(EPOCH)

    assert seat.describe().admitted


def test_a_document_parses_as_the_configuration_s_committee() -> None:
    assert parsed(WHOLE, EPOCH).session == SESSION.hex()


# --- the desk


def test_seats_that_are_made_while_the_signer_runs_appear(folder: SignerFolder) -> None:
    async def whole() -> None:
        desk = Desk((), opener(folder))
        with pytest.raises(RefusedError, match="no seat in epoch 1"):
            await desk.commit(EPOCH, COORDINATOR, 1)
        folder.make(EPOCH, KEY, DRAFT)
        assert await desk.seats() == []
        folder.certify(EPOCH, WHOLE)

        assert [c.notary for c in await desk.commit(EPOCH, COORDINATOR, 2)] == [1, 1]
        assert [seat.epoch for seat in await desk.seats()] == [EPOCH]
        assert await desk.votable([vote(Kind.LOCKED), vote(Kind.LOCKED, expired=True)]) == [True, False]

    asyncio.run(whole())


def test_a_seat_that_can_not_be_opened_is_no_seat_while_the_others_go_on_and_is_tried_again_after_a_while(
    folder: SignerFolder,
) -> None:
    async def whole() -> None:
        clock = ManualClock()
        desk = Desk([held_seat(1)], opener(folder), clock.now)
        folder.make(Epoch(2), OTHER_KEY, "no document")
        folder.make(Epoch(3), OTHER_KEY, committee_document(epoch=Epoch(3), seed=1))

        assert [seat.epoch for seat in await desk.seats()] == [1, 3]
        with pytest.raises(RefusedError, match="no seat in epoch 2"):
            await desk.commit(Epoch(2), COORDINATOR, 1)
        (folder.path / "epoch-2" / DOCUMENT).write_text(committee_document(epoch=Epoch(2), seed=1))
        assert [seat.epoch for seat in await desk.seats()] == [1, 3]
        clock.advance(RETRY_S)
        assert [seat.epoch for seat in await desk.seats()] == [1, 2, 3]

    asyncio.run(whole())


def test_the_desk_tells_which_seats_still_wait() -> None:
    async def whole() -> None:
        seat, others = held_seat(1), [held_seat(2), held_seat(3)]
        desk = Desk([seat])
        first, second = reports(seat, others)

        assert await desk.admit([first]) == [
            "epoch 1, notary 1: waits for 1 more members to report what they have seen of its votes"
        ]
        assert await desk.admit([second]) == []

    asyncio.run(whole())


# --- approvals


def test_an_approval_is_read_as_it_was_written_by_another_process(folder: SignerFolder) -> None:
    approvals, approved = Approvals(folder.path), HandoverVote(epoch=EPOCH, px=11, py=12)
    endpoint = EndpointId(word(5))
    assert (approvals.handover(EPOCH), approvals.closing(endpoint)) == (None, False)

    approve_handover(folder.path, approved)
    approve_closing(folder.path, endpoint)
    assert (approvals.handover(EPOCH), approvals.handover(Epoch(2))) == (approved, None)
    assert (approvals.closing(endpoint), approvals.closing(EndpointId(word(6)))) == (True, False)

    withdraw_handover(folder.path, EPOCH)
    withdraw_handover(folder.path, EPOCH)
    assert approvals.handover(EPOCH) is None


@pytest.mark.parametrize("text", ["", "{}", '{"px": 1, "py": 2}', '{"px": "zz", "py": ""}'])
def test_a_damaged_approval_approves_nothing(folder: SignerFolder, text: str) -> None:
    approve_handover(folder.path, HandoverVote(epoch=EPOCH, px=11, py=12))
    path = next((folder.path / "approvals").iterdir())
    path.write_text(text)
    with pytest.raises(ConfigError, match="is no approval"):
        Approvals(folder.path).handover(EPOCH)


def test_an_approval_that_others_could_have_written_approves_nothing(folder: SignerFolder) -> None:
    approve_closing(folder.path, EndpointId(word(5)))
    path = next((folder.path / "approvals").iterdir())
    os.chmod(path, 0o666)  # noqa: PTH101, S103 - what is refused
    with pytest.raises(ConfigError, match="others may use"):
        Approvals(folder.path).closing(EndpointId(word(5)))
