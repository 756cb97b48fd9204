"""Watching a transfer ends with it, with what broke, or when time is up; the exit code tells which."""

from pathlib import Path

import pytest
import tomli_w

from bridge.core.caip import evm_account
from bridge.core.records import BlockStamp, Destination, Overlay, Source, Status
from bridge.core.transfer import Transfer
from bridge.ops import transfers
from bridge.ports.store import TransferRecord
from tests.integration.support import naru_here
from tests.unit.ops.test_client import ALICE, BETA, BOB, NAMES
from tests.unit.test_config import client


def record(status: Status, overlay: Overlay | None = None) -> TransferRecord:
    transfer = Transfer(
        source=NAMES.ledger("alpha").endpoint.id,
        destination=BETA.endpoint.id,
        sequence=1,
        asset=NAMES.asset("tower").id,
        sender=evm_account(ALICE),
        recipient=evm_account(BOB),
        amount=1,
        deadline=600,
    )
    locked_at = BlockStamp(height=1, hash=b"\1" * 32, time=1)
    return TransferRecord(
        transfer=transfer,
        locked_at=locked_at,
        source=Source.LOCKED,
        destination=Destination.NONE,
        status=status,
        overlay=overlay,
    )


@pytest.mark.parametrize(
    ("found", "timeout", "code", "text"),
    [
        (record(Status.COMMITTED), "60", 0, ""),
        (record(Status.ROLLED_BACK), "60", 1, ""),
        (record(Status.BROKEN), "60", 1, ""),
        (record(Status.BROKEN, next(iter(Overlay))), "60", 1, ""),
        (record(Status.PREPARED), "0.1", 3, "is still PREPARED after 0 s"),
        (None, "0.1", 3, "is not known to the relayer"),
    ],
)
def test_the_exit_code_tells_how_a_watch_ended(
    found: TransferRecord | None, timeout: str, code: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def find(*_: object) -> TransferRecord | None:
        return found

    monkeypatch.setattr(transfers, "find", find)
    config = tmp_path / "naru.toml"
    config.write_text(tomli_w.dumps(client()))
    watched = naru_here("transfer", "watch", "12" * 32, "--timeout", timeout, "--config", str(config))
    assert watched.code == code, watched
    assert text in watched.err
    assert bool(watched.err) is bool(text)
