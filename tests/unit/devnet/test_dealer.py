"""The embedded network's fast start: who gets which share, and that it says of itself that it was dealt."""

import tomllib
from pathlib import Path

from bridge.adapters.keystore.folder import SHARE, VOTES, SignerFolder
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.adapters.system import system_entropy
from bridge.committee.document import is_dealt
from bridge.committee.identity import Identity
from bridge.config import CommitteeConfig, MemberConfig
from bridge.core.statements import Epoch
from bridge.devnet import dealer
from bridge.devnet.dealer import SignerPlace
from tests.unit.frost.support import entropy_of

EPOCH = Epoch(1)
MEMBERS = 4


def opened(place: SignerPlace) -> SignerFolder:
    assert place.config.kek.passphrase_file is not None
    key = PassphraseKey(place.config.kek.passphrase_file.read_bytes(), development=True)
    return SignerFolder(place.config.folder, key, SqliteVoteStore.create)


def members(places: dict[int, SignerPlace]) -> tuple[MemberConfig, ...]:
    return tuple(
        MemberConfig(
            id=number,
            operator=f"house {number}",
            address=f"127.0.0.1:{7000 + number}",
            name=f"notary-{number}",
            identity=place.card.to_bytes().hex(),
        )
        for number, place in places.items()
    )


def test_each_signer_has_a_private_folder_an_identity_and_a_passphrase_of_its_own(tmp_path: Path) -> None:
    places = [dealer.place(tmp_path / str(number)) for number in (1, 2)]
    for place in places:
        assert Identity.from_bytes(opened(place).identity()).card == place.card
        for path in (place.config.folder.parent, *place.config.folder.parent.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
    files = [place.config.kek.passphrase_file for place in places]
    assert len({file.read_text() for file in files if file is not None}) == 2
    assert len({place.card for place in places}) == 2


def test_each_signer_gets_its_own_share_and_nobody_else_s(tmp_path: Path) -> None:
    places = {number: dealer.place(tmp_path / str(number)) for number in range(1, MEMBERS + 1)}
    dealt = dealer.deal(entropy_of(1), MEMBERS)
    committee = dealer.document(EPOCH, dealt.public_key_package, members(places))
    dealer.seat(places, dealt, committee)
    for number, place in places.items():
        seat = place.config.folder / f"epoch-{EPOCH}"
        assert opened(place).key(EPOCH) == dealt.key_packages[number - 1]
        assert opened(place).seats() == [EPOCH]
        assert {SHARE, VOTES, "committee.toml"} <= {path.name for path in seat.iterdir()}
        kept = CommitteeConfig.model_validate(tomllib.loads((seat / "committee.toml").read_text()))
        assert kept == committee


def test_a_dealt_committee_s_document_says_so_r_41(tmp_path: Path) -> None:
    places = {number: dealer.place(tmp_path / str(number)) for number in range(1, MEMBERS + 1)}
    dealt = dealer.deal(system_entropy, MEMBERS)
    committee = dealer.document(EPOCH, dealt.public_key_package, members(places))
    assert is_dealt(committee)
    assert (committee.session, committee.signatures) == ("", ())
    assert (committee.threshold, len(committee.members)) == (3, 4)


def test_two_networks_have_different_keys() -> None:
    keys = {dealer.deal(system_entropy, MEMBERS).public_key_package.group_public_key.to_bytes() for _ in range(2)}
    assert len(keys) == 2
