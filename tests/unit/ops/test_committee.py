"""What an operator decides by hand, and the commands for it: in the signer's folder, on a person's word alone."""

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.adapters.ceremony.folder import CeremonyFolder
from bridge.adapters.keystore.approvals import Approvals
from bridge.adapters.keystore.folder import SignerFolder
from bridge.adapters.keystore.passphrase import PassphraseKey
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.committee.identity import CARD_LEN, Identity, IdentityCard
from bridge.committee.keys import key_account, public_keys
from bridge.committee.proposal import Member, Proposal, readable
from bridge.committee.verdict import document
from bridge.config import CommitteeConfig, load
from bridge.core.caip import evm_address
from bridge.core.statements import Epoch
from bridge.core.votes import HandoverVote
from bridge.errors import ConfigError, InvalidInputError, UnavailableError
from bridge.notary_config import KekConfig, SignerConfig
from bridge.ops import committee
from tests.integration.support import Done, naru_here
from tests.seats import document as dealt_document
from tests.unit.committee.support import member, play, proposal

PHRASE: Final = "fourteen-mice-in-a-teapot"


@pytest.fixture
def config(tmp_path: Path) -> SignerConfig:
    """Of a signer whose folder is not there yet."""
    phrase = tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text(PHRASE)
    kek = KekConfig(passphrase_file=phrase)
    return SignerConfig(development=True, folder=tmp_path / "keys", socket=tmp_path / "run" / "s", kek=kek)


@pytest.fixture
def written(config: SignerConfig, tmp_path: Path) -> Path:
    """The configuration of that signer as a file."""
    path = tmp_path / "signer.toml"
    kek = '[kek]\npassphrase_file = "phrase"\n'
    path.write_text(f'development = true\nfolder = "keys"\nsocket = "run/s"\n{kek}')
    assert load(path, SignerConfig) == config
    return path


def committee_with(card: IdentityCard, *, epoch: int = 1, **changes: object) -> Proposal:
    """A proposal of four whose first member has this card."""
    own = replace(member(1), card=card)
    return proposal(4, members=(own, *(member(n) for n in (2, 3, 4))), epoch=Epoch(epoch), **changes)


def certified(epoch: int = 2, **changes: object) -> CommitteeConfig:
    """What a ceremony of four ended with."""
    return CommitteeConfig.model_validate(tomllib.loads(certified_text(epoch, **changes)))


def certified_text(epoch: int = 2, **changes: object) -> str:
    return document(play(proposal(4, epoch=Epoch(epoch), **changes))[0].board).to_toml()


def opened(config: SignerConfig) -> SignerFolder:
    return SignerFolder(config.folder, PassphraseKey(PHRASE.encode(), development=True), SqliteVoteStore.create)


# --- identity


def test_a_new_notary_has_a_sealed_identity_and_a_public_card(config: SignerConfig) -> None:
    made = committee.init(config)
    assert not made.made_key
    assert committee.card(config) == made.card == Identity.from_bytes(opened(config).identity()).card
    assert config.folder.stat().st_mode & 0o777 == 0o700
    secret = opened(config).identity()
    for path in config.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
        assert secret[:32] not in path.read_bytes()
        assert secret[:32].hex() not in path.read_text()


def test_two_notaries_have_different_identities(config: SignerConfig, tmp_path: Path) -> None:
    other = config.model_copy(update={"folder": tmp_path / "other"})
    assert committee.init(config).card != committee.init(other).card


def test_an_identity_is_made_once_and_never_replaced(config: SignerConfig) -> None:
    card = committee.init(config).card
    with pytest.raises(ConfigError, match=r"identity\.json"):
        committee.init(config)
    assert committee.card(config) == card


def test_an_identity_whose_making_was_interrupted_is_kept_and_gets_its_card(config: SignerConfig) -> None:
    card = committee.init(config).card
    (config.folder / "identity.pub").unlink()
    assert committee.init(config).card == card
    assert committee.card(config) == card


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_use_gets_no_identity(config: SignerConfig, mode: int) -> None:
    config.folder.mkdir()
    config.folder.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 700"):
        committee.init(config)
    assert list(config.folder.iterdir()) == []


def test_a_passphrase_that_others_may_read_is_refused(config: SignerConfig) -> None:
    assert config.kek.passphrase_file is not None
    config.kek.passphrase_file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        committee.init(config)


def test_a_folder_whose_own_folder_is_not_there_is_told(config: SignerConfig, tmp_path: Path) -> None:
    nowhere = config.model_copy(update={"folder": tmp_path / "no" / "keys"})
    with pytest.raises(UnavailableError, match="its own folder must exist"):
        committee.init(nowhere)


@pytest.mark.parametrize("text", ["", "zz" * CARD_LEN, "ab" * (CARD_LEN - 1), "ab" * 300])
def test_a_card_that_is_none_is_told(config: SignerConfig, text: str) -> None:
    committee.init(config)
    (config.folder / "identity.pub").write_text(text)
    with pytest.raises((ConfigError, InvalidInputError)):
        committee.card(config)


# --- ceremonies


def test_an_approved_ceremony_is_in_the_signer_s_folder_and_may_be_approved_twice(config: SignerConfig) -> None:
    """R-41."""
    found = committee_with(committee.init(config).card)
    committee.approve(config, found)
    committee.approve(config, found)
    folder = CeremonyFolder(config.folder / "ceremonies")
    assert folder.sessions() == [found.session]
    assert folder.proposal(found.session) == found


def test_a_notary_that_is_no_member_approves_nothing(config: SignerConfig) -> None:
    committee.init(config)
    with pytest.raises(ConfigError, match="is no member of this proposal"):
        committee.approve(config, proposal(4))
    assert CeremonyFolder(config.folder / "ceremonies").sessions() == []


def test_two_ceremonies_for_one_epoch_are_not_approved_at_once(config: SignerConfig) -> None:
    """R-41: or two keys of one epoch could come of it."""
    first = committee_with(committee.init(config).card)
    second = replace(first, attempt=2)
    committee.approve(config, first)
    with pytest.raises(ConfigError, match="is still open here: abort it first"):
        committee.approve(config, second)
    committee.approve(config, replace(first, epoch=Epoch(2)))


def test_an_abort_is_asked_for_a_ceremony_that_was_approved_here_only(config: SignerConfig) -> None:
    found = committee_with(committee.init(config).card)
    with pytest.raises(InvalidInputError, match="nothing to abort"):
        committee.abort(config, found, "wrong people")
    committee.approve(config, found)
    committee.abort(config, found, "wrong people")
    assert CeremonyFolder(config.folder / "ceremonies").abort_asked(found.session) == "wrong people"


def test_without_an_identity_nothing_is_approved_and_nothing_is_made(config: SignerConfig) -> None:
    for made in (False, True):
        if made:
            config.folder.mkdir(mode=0o700)
        for act in (
            lambda: committee.approve(config, proposal(4)),
            lambda: committee.abort(config, proposal(4), "why"),
            lambda: committee.card(config),
        ):
            with pytest.raises(ConfigError, match="is not there"):
                act()
        assert not (config.folder / "ceremonies").exists()


# --- handover


def test_a_handover_is_approved_to_exactly_the_document_s_key_by_the_epoch_before(config: SignerConfig) -> None:
    """R-13, R-40."""
    committee.init(config)
    heir = certified(epoch=2)
    committee.approve_handover(config, heir, proposal(4, epoch=Epoch(2)))
    px, py = public_keys(heir).group_public_key.coordinates()
    approvals = Approvals(config.folder)
    assert approvals.handover(Epoch(1)) == HandoverVote(epoch=Epoch(1), px=px, py=py)
    assert approvals.handover(Epoch(2)) is None


def test_who_took_part_in_the_heir_s_ceremony_needs_no_proposal_for_the_handover(config: SignerConfig) -> None:
    committee.init(config)
    CeremonyFolder(config.folder / "ceremonies").approve(proposal(4, epoch=Epoch(2)))
    committee.approve_handover(config, certified(epoch=2))
    assert Approvals(config.folder).handover(Epoch(1)) is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [(None, "no proposal of that ceremony"), (proposal(4, epoch=Epoch(2), attempt=2), "not of the proposal's")],
    ids=["none", "another"],
)
def test_a_handover_is_not_approved_on_the_word_of_the_heirs_alone(
    config: SignerConfig, given: Proposal | None, said: str
) -> None:
    """R-41: anybody can make n identities that certify each other; who they are, the proposal says."""
    committee.init(config)
    with pytest.raises(ConfigError, match=said):
        committee.approve_handover(config, certified(epoch=2), given)
    assert Approvals(config.folder).handover(Epoch(1)) is None


def _unsigned(heir: CommitteeConfig) -> CommitteeConfig:
    return heir.model_copy(update={"signatures": (*heir.signatures[:3], "00" * 64)})


def _too_few(heir: CommitteeConfig) -> CommitteeConfig:
    return heir.model_copy(update={"signatures": heir.signatures[:3]})


def _later(heir: CommitteeConfig) -> CommitteeConfig:
    return heir.model_copy(update={"epoch": 3})


def _renamed(heir: CommitteeConfig) -> CommitteeConfig:
    other = heir.members[0].model_copy(update={"address": "192.0.2.66:7000"})
    return heir.model_copy(update={"members": (other, *heir.members[1:])})


@pytest.mark.parametrize("spoil", [_unsigned, _too_few, _later, _renamed])
def test_a_handover_to_what_not_all_its_members_certified_is_not_approved(config: SignerConfig, spoil: Any) -> None:  # noqa: ANN401 - a function
    """R-41."""
    committee.init(config)
    with pytest.raises(ConfigError):
        committee.approve_handover(config, spoil(certified(epoch=2)), proposal(4, epoch=Epoch(2)))
    assert Approvals(config.folder).handover(Epoch(1)) is None


def test_a_handover_to_the_first_epoch_is_not_approved(config: SignerConfig) -> None:
    """R-40: the first key is governance's to register."""
    committee.init(config)
    with pytest.raises(ConfigError, match="nobody's heir"):
        committee.approve_handover(config, certified(epoch=1))


def test_a_handover_to_a_dealt_key_is_approved_in_development_only(config: SignerConfig) -> None:
    committee.init(config)
    dealt = CommitteeConfig.model_validate(tomllib.loads(dealt_document(epoch=Epoch(2))))
    with pytest.raises(ConfigError, match="dealt"):
        committee.approve_handover(config.model_copy(update={"development": False}), dealt)
    committee.approve_handover(config, dealt)
    assert Approvals(config.folder).handover(Epoch(1)) is not None


# --- the commands


def refused(done: Done, *, code: int, said: str) -> None:
    assert (done.code, done.out) == (code, ""), done
    assert said in done.err
    assert "Traceback" not in done.err


def test_init_and_card_tell_the_identity_that_proposals_name(written: Path, config: SignerConfig) -> None:
    done = naru_here("notary", "init", "--config", str(written))
    card = committee.card(config).to_bytes().hex()
    assert (done.code, done.out.splitlines()[-1]) == (0, card)
    assert naru_here("notary", "card", "--config", str(written)).out.strip() == card
    assert naru_here("notary", "card", "--config", str(written), "-o", "json").json == {"identity": card}
    refused(naru_here("notary", "init", "--config", str(written)), code=2, said="identity.json")


def test_a_card_before_there_is_an_identity_is_wrong_input(written: Path) -> None:
    refused(naru_here("notary", "card", "--config", str(written)), code=2, said="is not there")


def test_check_shows_all_that_operators_compare(tmp_path: Path) -> None:
    """R-41: every member's identity, and the whole name of the ceremony."""
    found = proposal(4)
    path = put(tmp_path / "proposal.toml", found.to_toml())
    told = naru_here("committee", "check", path)
    assert told.code == 0
    for one in found.members:
        for part in (one.operator, one.name, one.address, one.card.to_bytes().hex()):
            assert part in told.out
    assert "epoch 1, attempt 1, proposed 2026-11-22: 3 of 4 will sign" in told.out
    assert "ledger alpha: eip155:7001" in told.out
    assert told.out.endswith(f"name of this ceremony:\n  {readable(found.session)}\n")
    expected = {"session": found.session.hex(), "epoch": 1, "threshold": 3}
    assert naru_here("committee", "check", path, "-o", "json").json == expected


@pytest.mark.parametrize(
    "name", ["Bank [bold]A[/bold]", "Bank [/]", "[fe80::1] Bank", "Bank A [black on black]and B[/]", "B[link=x]C"]
)
def test_what_people_compare_is_shown_letter_by_letter(name: str, tmp_path: Path) -> None:
    """A name that rich would take for markup could hide a part of itself."""
    members: tuple[Member, ...] = (member(1, operator=name, address="[fe80::1]:7000"), *map(member, (2, 3, 4)))
    found = proposal(4, members=members)
    path = put(tmp_path / "proposal.toml", found.to_toml())
    made = put(tmp_path / "document.toml", certified_text(epoch=1, members=members))
    for command in (("check", path), ("show", made)):
        told = naru_here("committee", *command)
        assert (told.code, f"{name}, [fe80::1]:7000" in told.out) == (0, True), told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "epoch: is missing"),
        ("no toml", "is not TOML"),
        (proposal(4).to_toml().replace("threshold = 3", "threshold = 2"), "threshold must be n - f = 3"),
        (proposal(4).to_toml().replace("House 2", "House 1"), "holds 2 of 4 seats"),
    ],
    ids=["empty", "no TOML", "a wrong threshold", "two seats of one house"],
)
def test_a_proposal_that_is_none_is_wrong_input(text: str, said: str, tmp_path: Path) -> None:
    path = put(tmp_path / "proposal.toml", text)
    refused(naru_here("committee", "check", path), code=2, said=said)


def test_approve_asks_a_person_and_writes_nothing_on_a_no(
    written: Path, config: SignerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = committee_with(committee.init(config).card)
    path = put(tmp_path / "proposal.toml", found.to_toml())
    monkeypatch.setattr("typer.confirm", lambda _question: False)
    done = naru_here("committee", "approve", path, "--config", str(written))
    assert (done.code, "nothing was approved" in done.err) == (1, True)
    assert CeremonyFolder(config.folder / "ceremonies").sessions() == []
    monkeypatch.setattr("typer.confirm", lambda _question: True)
    done = naru_here("committee", "approve", path, "--config", str(written))
    assert (done.code, done.out.splitlines()[-1]) == (0, "approved: this notary takes part")
    assert readable(found.session) in done.out, "a person says yes to what is shown"
    assert CeremonyFolder(config.folder / "ceremonies").sessions() == [found.session]


def test_abort_names_what_happens_next(written: Path, config: SignerConfig, tmp_path: Path) -> None:
    found = committee_with(committee.init(config).card)
    path = put(tmp_path / "proposal.toml", found.to_toml())
    command = ("committee", "abort", path, "--config", str(written), "--reason", "wrong people")
    refused(naru_here(*command), code=2, said="was not approved here")
    committee.approve(config, found)
    assert naru_here(*command).code == 0
    assert CeremonyFolder(config.folder / "ceremonies").abort_asked(found.session) == "wrong people"


def test_show_takes_only_what_all_members_certified(tmp_path: Path) -> None:
    """R-41: the exit code is what a script registers by."""
    text = certified_text(epoch=1)
    made = load(Path(put(tmp_path / "epoch-1.toml", text)), CommitteeConfig)
    path, key = str(tmp_path / "epoch-1.toml"), public_keys(made).group_public_key
    px, py = key.coordinates()
    told = naru_here("committee", "show", path)
    assert told.code == 0
    for part in (made.session, f"0x{px:064x}", f"0x{py:064x}", evm_address(key_account(key)), "certified by all"):
        assert part in told.out
    expected = {"epoch": 1, "session": made.session, "px": hex(px), "py": hex(py)}
    assert naru_here("committee", "show", path, "-o", "json").json == expected
    forged = put(tmp_path / "forged.toml", text.replace(made.signatures[0], "00" * 64))
    refused(naru_here("committee", "show", forged), code=2, said="member 1 (House 1) did not sign")
    refused(
        naru_here("committee", "show", put(tmp_path / "dealt.toml", dealt_document())), code=2, said="key was dealt"
    )


def test_show_holds_a_document_against_the_proposal_that_was_approved(tmp_path: Path) -> None:
    made = put(tmp_path / "epoch-1.toml", certified_text(epoch=1))
    own = put(tmp_path / "own.toml", proposal(4).to_toml())
    other = put(tmp_path / "other.toml", proposal(4, attempt=2).to_toml())
    assert naru_here("committee", "show", made, "--proposal", own).code == 0
    refused(naru_here("committee", "show", made, "--proposal", other), code=2, said="not of the proposal's")


def test_approve_handover_asks_a_person(
    written: Path, config: SignerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-40: once signed, it can't be taken back within an epoch."""
    committee.init(config)
    path = put(tmp_path / "epoch-2.toml", certified_text(epoch=2))
    own = put(tmp_path / "proposal.toml", proposal(4, epoch=Epoch(2)).to_toml())
    command = ("committee", "approve-handover", path, "--config", str(written), "--proposal", own)
    monkeypatch.setattr("typer.confirm", lambda _question: False)
    assert naru_here(*command).code == 1
    assert Approvals(config.folder).handover(Epoch(1)) is None
    done = naru_here(*command, "--yes")
    assert done.code == 0
    assert f"ceremony {certified(epoch=2).session}" in done.out
    assert Approvals(config.folder).handover(Epoch(1)) is not None


@pytest.mark.parametrize(
    ("place", "said"), [("there.toml", "is there already"), ("no/such.toml", "folder is not there")]
)
def test_a_ceremony_is_not_driven_whose_document_has_no_place(place: str, said: str, tmp_path: Path) -> None:
    put(tmp_path / "there.toml", "mine")
    path = put(tmp_path / "proposal.toml", proposal(4).to_toml())
    command = ("run", path, "--tls", str(tmp_path), "--out", str(tmp_path / place))
    refused(naru_here("committee", *command), code=2, said=said)
    assert (tmp_path / "there.toml").read_text() == "mine"


@pytest.mark.parametrize("command", ["run", "status"])
def test_without_a_certificate_no_member_is_asked(command: str, tmp_path: Path) -> None:
    path = put(tmp_path / "proposal.toml", proposal(4).to_toml())
    out: Sequence[str] = ("--out", str(tmp_path / "new.toml")) if command == "run" else ()
    refused(naru_here("committee", command, path, "--tls", str(tmp_path), *out), code=2, said="tls.pem")


def put(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)
