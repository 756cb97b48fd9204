"""What `naru transfer show` prints of a token's error: its meaning, and of its bytes no more than the selector."""

from dataclasses import replace

import pytest

from bridge.core.known_refusals import BUILT_IN
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Destination, Source, Status
from bridge.core.refusals import as_note, selector
from bridge.ops.cli.transfer import print_transfer
from bridge.ports.store import TimelineEntry, TransferRecord
from tests.unit.core.test_transfer import TERMS
from tests.unit.ops.test_client import NAMES

ERROR = selector("ERC7943CannotReceive(address)") + bytes(32)
NOTE = f"the destination did not mint: {as_note(ERROR)}"
RECORD = TransferRecord(
    transfer=TERMS,
    locked_at=BlockStamp(height=7, hash=b"\x07" * 32, time=1_800_000_000),
    source=Source.LOCKED,
    destination=Destination.NONE,
    status=Status.PREPARING,
    reason=Reason.NOT_ELIGIBLE,
    note=NOTE,
    timeline=(TimelineEntry(event="held", at=1_800_000_009, note=NOTE),),
)


def printed(record: TransferRecord, capsys: pytest.CaptureFixture[str]) -> str:
    print_transfer(record, NAMES, BUILT_IN)
    return capsys.readouterr().out


def test_an_error_in_the_record_is_told_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(RECORD, capsys)
    assert "ERC7943CannotReceive(address): The account may not hold or move this token. 이 계좌는" in text
    assert "who must act: Who keeps the issuer's register" in text
    assert ERROR.hex() not in text
    assert f"error 0x{ERROR[:4].hex()}…" in text


def test_without_an_error_a_token_that_reverted_is_asked_by_explain(capsys: pytest.CaptureFixture[str]) -> None:
    bare = replace(RECORD, reason=Reason.TOKEN_REVERTED, note="", timeline=())
    assert "what the token says: naru transfer explain 0x" in printed(bare, capsys)
    assert "naru transfer explain" not in printed(replace(bare, reason=Reason.NONE), capsys)
