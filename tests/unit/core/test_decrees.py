"""Decrees have the digests that gateways recompute, and a trial has one that none of them can (R-40, R-60)."""

import json
from typing import Any

import pytest

from bridge.core.caip import EndpointId
from bridge.core.keccak import keccak
from bridge.core.statements import CLOSED_TYPE, HANDOVER_TYPE, Closed, Epoch, Handover, Trial, locked
from bridge.core.transfer import U64_MAX, TransferId
from bridge.errors import InvalidInputError
from tests.tidy import sources
from tests.vectors.statements import FURTHER_TYPES, PATH

FURTHER: list[dict[str, Any]] = json.loads(PATH.read_text())["further"]
VERIFIER = EndpointId(b"\x11" * 32)
SESSION = b"\x22" * 32


def _rows(kind: str) -> list[dict[str, Any]]:
    return [row for row in FURTHER if row["kind"] == kind]


@pytest.mark.parametrize("row", _rows("Handover"))
def test_a_handover_has_the_digest_of_the_vectors_r_40(row: dict[str, Any]) -> None:
    epoch, px, py = (int(row["message"][name]) for name in ("epoch", "px", "py"))
    if epoch < 2:
        pytest.fail("a vector without meaning: a handover names at least epoch 2")
    decree = Handover(verifier=EndpointId(bytes.fromhex(row["salt"][2:])), epoch=Epoch(epoch), px=px, py=py)
    assert decree.digest.hex() == row["digest"][2:]
    assert decree.signer_epoch == epoch - 1


@pytest.mark.parametrize("row", _rows("Closed"))
def test_a_closed_endpoint_has_the_digest_of_the_vectors_r_60(row: dict[str, Any]) -> None:
    decree = Closed(
        verifier=EndpointId(bytes.fromhex(row["salt"][2:])),
        epoch=Epoch(int(row["message"]["epoch"])),
        endpoint=EndpointId(bytes.fromhex(row["message"]["endpoint"][2:])),
    )
    assert decree.digest.hex() == row["digest"][2:]
    assert decree.signer_epoch == decree.epoch


def test_the_types_are_those_of_the_vectors() -> None:
    assert {HANDOVER_TYPE, CLOSED_TYPE} <= set(FURTHER_TYPES)


def test_the_first_epoch_is_nobodys_to_hand_over_r_40() -> None:
    for epoch in (0, 1, U64_MAX + 1):
        with pytest.raises(InvalidInputError, match="registered by governance"):
            Handover(verifier=VERIFIER, epoch=Epoch(epoch), px=1, py=1)


@pytest.mark.parametrize("epoch", [0, U64_MAX + 1])
def test_an_epoch_out_of_range_signs_nothing(epoch: int) -> None:
    with pytest.raises(InvalidInputError, match="out of range"):
        Closed(verifier=VERIFIER, epoch=Epoch(epoch), endpoint=VERIFIER)
    with pytest.raises(InvalidInputError, match="out of range"):
        Trial(epoch=Epoch(epoch), session=SESSION, subset=0)


@pytest.mark.parametrize(("session", "subset"), [(b"", 0), (SESSION + b"\x00", 0), (SESSION, -1), (SESSION, 1 << 16)])
def test_a_trial_names_its_ceremony_and_its_signers(session: bytes, subset: int) -> None:
    with pytest.raises(InvalidInputError, match="a session of 32 bytes and a subset"):
        Trial(epoch=Epoch(1), session=session, subset=subset)


def test_every_trial_is_another_message_and_no_statement() -> None:
    trials = [
        Trial(epoch=Epoch(e), session=s, subset=i) for e in (1, 2) for s in (SESSION, VERIFIER) for i in (0, 1, 65535)
    ]
    digests = {trial.digest for trial in trials}
    assert len(digests) == len(trials)
    assert trials[0].digest == keccak(keccak(b"naru.trial.1") + trials[0].session + (1).to_bytes(32) + bytes(32))
    assert trials[0].signer_epoch == 1


@pytest.mark.parametrize("text", [HANDOVER_TYPE, CLOSED_TYPE])
def test_the_specification_gives_the_type_string_as_signed(text: str) -> None:
    page = (sources.ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert f"| `{text}` | `0x{keccak(text.encode()).hex()}` |" in page


def test_a_list_is_signed_by_the_epoch_that_it_names() -> None:
    """R-40: only a handover's epoch is another one than its signer's."""
    assert locked(VERIFIER, Epoch(7), [TransferId(SESSION)]).signer_epoch == 7
