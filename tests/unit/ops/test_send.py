"""A lock whose end is unknown: told apart from one that was never sent, and safe to repeat (R-02)."""

import asyncio
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w
from web3.types import TxParams, TxReceipt

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.holder import EvmHolder, LockTerms
from bridge.adapters.evm.locking import NONCE_USED, Locked
from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.core.caip import AssetId, EndpointId, evm_account
from bridge.errors import (
    BridgeError,
    ConflictError,
    LedgerRefusedError,
    LockUncertainError,
    RefusedError,
    UnavailableError,
)
from bridge.ops.send import Move, Sender
from bridge.ports.ledger import PreparedTransaction
from tests.integration.support import naru_here
from tests.unit.ops.test_client import ALICE, BETA, BOB, NAMES
from tests.unit.test_config import client

KEY: Final = "0x" + "11" * 32
REFERENCE: Final = b"\xab" * 32
TERMS: Final = LockTerms(
    destination=EndpointId(b"\1" * 32), asset=AssetId(b"\2" * 32), recipient=evm_account(BOB), amount=1, deadline=1
)


class QuietNode(Node):
    """Knows one asset, any allowance, and which nonces are used."""

    used = 0b111

    async def call(self, function: Any, at: object = None) -> Any:  # noqa: ANN401, ARG002 - as in Node
        answers = {"nonceWord": self.used, "asset": (0, 1), "profile": (0, ALICE, b"", 2, 1), "allowance": 2**127}
        return answers[function.fn_name]

    async def ask(self, request: object) -> Any:  # noqa: ANN401 - as in Node
        """Let each simulation pass."""


class SilentAccount(EvmAccount):
    """Its node falls silent at one of the steps of sending."""

    silent_at = ""

    async def prepare(self, transaction: TxParams, *, gas: int | None = None) -> PreparedTransaction:  # noqa: ARG002 - as in EvmAccount
        self._step("prepare")
        return PreparedTransaction(account=self.account, nonce=9, reference=REFERENCE, raw=b"")

    async def submit(self, transaction: PreparedTransaction) -> None:  # noqa: ARG002 - as in EvmAccount
        self._step("submit")

    async def confirm(self, transaction: PreparedTransaction) -> TxReceipt:  # noqa: ARG002 - as in EvmAccount
        self._step("confirm")
        raise LedgerRefusedError("Reverted", "")

    def _step(self, name: str) -> None:
        if name == self.silent_at:
            raise UnavailableError("silence")


async def locked(silent_at: str = "", nonce: int | None = None) -> Locked:
    node = QuietNode("http://127.0.0.1:1")
    account = SilentAccount(node, KEY)
    account.silent_at = silent_at
    try:
        return await EvmHolder(account, EvmReader(node, BETA.endpoint)).lock(TERMS, nonce=nonce)
    finally:
        await node.close()


@pytest.mark.parametrize("step", ["submit", "confirm"])
@pytest.mark.parametrize(("nonce", "shown"), [(None, 3), (77, 77)])
def test_silence_after_submission_names_the_transaction_and_the_nonce(step: str, nonce: int | None, shown: int) -> None:
    with pytest.raises(LockUncertainError) as caught:
        asyncio.run(locked(step, nonce))
    assert not caught.value.retryable
    assert (caught.value.reference, caught.value.nonce) == (REFERENCE, shown)
    for part in ("0x" + REFERENCE.hex(), f"under nonce {shown}", "it may still lock", "naru transfer list"):
        assert part in str(caught.value)
    assert f"repeat only with --nonce {shown}, which can lock once only" in str(caught.value)


def test_silence_before_submission_can_be_tried_again() -> None:
    with pytest.raises(UnavailableError, match="silence"):
        asyncio.run(locked("prepare"))


def test_a_refusal_after_submission_is_certain() -> None:
    with pytest.raises(LedgerRefusedError, match="Reverted"):
        asyncio.run(locked())


def test_a_used_nonce_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(LedgerRefusedError, match=NONCE_USED):
        asyncio.run(locked("prepare", nonce=2))


# --- what a person is told


@pytest.mark.parametrize(
    ("nonce", "kind", "text"),
    [
        (5, RefusedError, "this nonce was used: the lock got in; see naru transfer list"),
        (None, ConflictError, "another send of this account was faster: try again"),
    ],
)
def test_a_used_nonce_is_told_by_who_chose_it(
    nonce: int | None, kind: type[BridgeError], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def used(*_: object, **__: object) -> Locked:
        raise LedgerRefusedError(NONCE_USED, "")

    async def stamp(*_: object) -> object:
        return type("Stamp", (), {"time": 0})

    async def lock() -> None:
        sender = Sender(_move(nonce), KEY)
        try:
            await sender.lock()
        finally:
            await sender.__aexit__()

    monkeypatch.setattr(EvmHolder, "lock", used)
    monkeypatch.setattr(Node, "stamp", stamp)
    with pytest.raises(kind, match=text):
        asyncio.run(lock())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LockUncertainError(REFERENCE, 3, "silence"), 4),
        (UnavailableError("silence"), 3),
        (ConflictError("another send of this account was faster"), 3),
        (RefusedError("this nonce was used"), 1),
    ],
)
def test_an_uncertain_lock_has_an_exit_code_of_its_own(
    error: BridgeError, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def entered(self: Sender) -> Sender:
        return self

    async def lock(_: Sender) -> Locked:
        raise error

    monkeypatch.setattr(Sender, "__aenter__", entered)
    monkeypatch.setattr(Sender, "lock", lock)
    ended = naru_here(*_command(tmp_path), "--no-preflight", "--nonce", "3")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err == f"naru: {error}\n"


def _move(nonce: int | None) -> Move:
    return Move(
        source=NAMES.ledger("alpha"),
        destination=BETA,
        asset=NAMES.asset("tower"),
        recipient=evm_account(BOB),
        amount=1,
        deadline_in_s=600,
        nonce=nonce,
    )


def _command(folder: Path) -> list[str]:
    """Write a configuration and a key; give the command that sends with them."""
    asset = {"name": "tower", "asset": "isin:KR7900010013", "decimals": 0}
    config = client(assets=[asset | {"tokens": [{"ledger": "alpha", "token": ALICE}]}])
    (folder / "naru.toml").write_text(tomli_w.dumps(config))
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    lane = ["--from", str(key), "--to", BOB, "--source", "alpha", "--destination", "beta"]
    return ["transfer", "send", "1", "tower", *lane, "--config", str(folder / "naru.toml")]
