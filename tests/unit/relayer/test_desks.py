"""A relayer finds the next committee's document by itself, and what it can't use stops nothing (R-40)."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.adapters.memory.lines import MemoryLineLog
from bridge.adapters.memory.runtime import ManualClock
from bridge.committee.keys import public_keys
from bridge.committee.session import SigningDesk
from bridge.committee.signed import Committee
from bridge.committee.transcript import TranscriptLog
from bridge.config import CommitteeConfig, load
from bridge.connections import cards
from bridge.core.statements import Epoch
from bridge.errors import ConfigError
from relayer.desks import Desks
from tests.committee import EPOCH
from tests.seats import document

NEXT = Epoch(EPOCH + 1)


@pytest.fixture
def first(tmp_path: Path) -> CommitteeConfig:
    path = tmp_path / "first.toml"
    path.write_text(document())
    return load(path, CommitteeConfig)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "committees"
    path.mkdir()
    return path


def opened(committee: CommitteeConfig) -> SigningDesk:
    of_epoch = Committee(epoch=Epoch(committee.epoch), keys=public_keys(committee), cards=cards(committee))
    return SigningDesk(of_epoch, [], ManualClock(), TranscriptLog(MemoryLineLog()))


def put(folder: Path, text: str, *, epoch: Epoch = NEXT) -> None:
    (folder / f"epoch-{epoch}.toml").write_text(text)


def test_the_configured_committee_is_there_from_the_start(first: CommitteeConfig, folder: Path) -> None:
    desks = Desks(first, folder, opened)
    assert (list(desks), len(desks)) == ([EPOCH], 1)
    assert desks[EPOCH].committee.epoch == EPOCH
    assert desks[EPOCH] is desks[EPOCH]


@pytest.mark.parametrize("has_folder", [True, False])
def test_an_epoch_whose_document_is_not_there_is_unknown(
    first: CommitteeConfig, folder: Path, *, has_folder: bool
) -> None:
    desks = Desks(first, folder if has_folder else None, opened)
    put(folder / "..", document(epoch=NEXT))
    assert NEXT not in desks
    assert desks.get(NEXT) is None
    with pytest.raises(KeyError):
        desks[NEXT]


def test_a_document_that_appears_later_is_found_when_it_is_asked_for_and_read_once(
    first: CommitteeConfig, folder: Path
) -> None:
    """R-40: the relayer needs no restart at a handover."""
    desks = Desks(first, folder, opened)
    assert NEXT not in desks
    put(folder, document(epoch=NEXT))
    assert desks[NEXT].committee.epoch == NEXT
    put(folder, "broken since")
    assert desks[NEXT] is desks[NEXT]
    assert list(desks) == [EPOCH, NEXT]


@pytest.mark.parametrize(
    "text",
    ["", "not = [toml", document(epoch=NEXT).replace("threshold = 3", "threshold = 2"), document()],
    ids=["empty", "no TOML", "a wrong threshold", "another epoch's"],
)
def test_a_document_that_can_not_be_used_is_told_once_and_tried_again(
    first: CommitteeConfig, folder: Path, text: str
) -> None:
    desks = Desks(first, folder, opened)
    put(folder, text)
    with capture_logs() as told:
        assert NEXT not in desks
        assert NEXT not in desks
    assert [(entry["event"], entry["epoch"]) for entry in told] == [("committee.unusable", NEXT)]
    assert f"epoch-{NEXT}.toml" in told[0]["error"]
    put(folder, document(epoch=NEXT))
    assert NEXT in desks


def test_members_that_can_not_be_reached_as_configured_are_told_and_stop_nothing(
    first: CommitteeConfig, folder: Path
) -> None:
    def open_desk(committee: CommitteeConfig) -> SigningDesk:
        if committee.epoch != EPOCH:
            raise ConfigError(("notary 1 is not on loopback: plaintext is allowed there only",))
        return opened(committee)

    desks = Desks(first, folder, open_desk)
    put(folder, document(epoch=NEXT))
    with capture_logs() as told:
        assert NEXT not in desks
    assert [entry["event"] for entry in told] == ["committee.unusable"]
    assert EPOCH in desks
