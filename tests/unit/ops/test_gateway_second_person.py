"""What a second person reads can be neither forged nor broken, and what can't be believed is told (R-61)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import TIMELOCK, artifact
from bridge.adapters.evm.governance import Call, NotApprovedError, Operation, Timelock
from bridge.adapters.evm.inspection import ROLES, Role, read_timelock
from bridge.adapters.evm.node import Node
from bridge.core.orders import U256_MAX
from bridge.core.records import BlockStamp
from bridge.disk import put
from bridge.errors import LedgerRefusedError, UnavailableError
from bridge.ops.cli.gateway_screens import print_waiting, waiting_json
from bridge.ops.gateway import Site, Waiting
from bridge.ops.gateway_calls import Book, lacking
from bridge.ops.gateway_checks import recorded
from bridge.ops.gateway_deploy import _Deployment
from bridge.ops.gateway_plan import Record, Step, read_record, write_record
from bridge.ops.gateway_roles import Subject, single_keys
from tests.unit.ops.test_gateway_checks import (
    ANN,
    ASSET,
    BEN,
    CHAIN_ID,
    GATEWAY_AT,
    GOVERNANCE_AT,
    HERE,
    PEER,
    STRANGER,
    TOKEN,
    UNPAUSER_AT,
    facts,
    plan,
    timelock,
)

NODE = Node("http://127.0.0.1:1")
AT = BlockStamp(height=99, hash=b"\x99" * 32, time=1_800_000_000)
BOOK = Book(NODE, GATEWAY_AT, plan(), HERE.id)


def operation(*calls: Call, **changes: Any) -> Operation:  # noqa: ANN401 - any field
    found = Operation(
        id=b"\x0a" * 32,
        calls=calls,
        values=(0,) * len(calls),
        predecessor=bytes(32),
        salt=bytes(32),
        is_batch=True,
        proposer=ANN,
        ready=1,
    )
    return replace(found, **changes)


# --- words


def test_every_call_that_a_plan_makes_has_words() -> None:
    bare = facts(epoch=0, peers={}, assets={}, lanes={})
    texts = [BOOK.text(BOOK.encode(wanted)) for _, wanted in lacking(plan(), bare)]
    assert [text.partition("(")[0] for text in texts] == [
        *("registerKey", "registerPeer", "addProfile", "setRegisterKey", "setAgent", "setAgent"),
        *("configureOutbound", "configureInbound"),
    ]
    assert "id tower" in texts[2]
    assert f"token {TOKEN}" in texts[2]
    assert "escrow" in texts[2]
    assert not any(PEER.ledger in text and f'"{PEER.ledger}"' not in text for text in texts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("setRoles", (ANN, BEN, STRANGER)),
        ("setDelays", ("1", "2")),
        ("setPeerEnabled", ("beta", "true")),
        ("allowClosing", ("beta",)),
        ("setAssetEnabled", ("tower", "false")),
        ("setLaneEnabled", ("tower to beta", "false")),
        ("configureOutbound", ("beta", "tower", "1,100,60,3600")),
        ("configureInbound", ("beta", "tower", "9,8,7,6")),
    ],
)
def test_every_call_that_a_person_writes_has_words(name: str, words: tuple[str, ...]) -> None:
    told = BOOK.text(BOOK.call(name, *BOOK.parse(name, words)))
    assert told.startswith(f"{name}(")
    assert all(part in told for word in words for part in word.split(",") if part not in {"true", "false"})


def test_a_person_s_role_has_words() -> None:
    call = Timelock(NODE, GOVERNANCE_AT).encode("grantRole", ROLES[Role.PROPOSER], BEN)
    assert BOOK.text(call) == f"grantRole(role proposer, account {BEN}) at {GOVERNANCE_AT}"


def test_text_in_a_call_can_t_write_over_the_screen() -> None:
    told = BOOK.text(BOOK.call("registerPeer", "eip155:1\x1b[2K\r\n  unpause()\u202e", b"\x01" * 32, b"\x02" * 32))
    assert told.isprintable()
    assert told.isascii()
    assert r'"eip155:1\u001b[2K\r\n  unpause()\u202e"' in told


def _profile(mode: int) -> Call:
    call = BOOK.call("addProfile", ASSET, TOKEN, TOKEN, 2, 1, 0, 200_000)
    word = 4 + 3 * 32
    return replace(call, data=call.data[:word] + mode.to_bytes(32) + call.data[word + 32 :])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        BOOK.call("setDelays", 1, 2).data[:-1],
        BOOK.call("setDelays", 1, 2).data[:4],
        BOOK.call("setDelays", 1, 2).data + b"\x00",
        BOOK.call("registerPeer", "eip155:1", b"\x01" * 32, b"\x02" * 32).data[:40],
        _profile(9).data,
        _profile(U256_MAX).data,
    ],
)
def test_a_call_that_can_t_be_read_is_told_whole(data: bytes) -> None:
    assert BOOK.text(Call(target=GATEWAY_AT, data=data)) == f"UNKNOWN CALL of {GATEWAY_AT}: 0x{data.hex()}"


def test_what_a_call_pays_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waiting(_: Timelock) -> list[Operation]:
        return [operation(BOOK.call("unpause"), values=(7,))]

    monkeypatch.setattr(Timelock, "waiting", waiting)
    assert {item.calls for item in asyncio.run(_site().waiting())} == {("unpause() PAYING 7 wei",)}


# --- lapsed


def _site() -> Site:
    addresses = {"gateway": GATEWAY_AT, "governance": GOVERNANCE_AT, "unpauser": UNPAUSER_AT}
    record = _record(steps={name: Step(contract="C", address=at, block=1) for name, at in addresses.items()})
    return Site(plan(), record, Path("alpha.toml"), NODE)


def _record(**changes: Any) -> Record:  # noqa: ANN401 - any field
    values: dict[str, Any] = {
        "name": "alpha",
        "plan": "",
        "chain_id": CHAIN_ID,
        "ledger": HERE.ledger,
        "deployer": STRANGER,
        "steps": {},
        "fingerprint": "0x" + HERE.fingerprint.hex(),
        "endpoint_id": "0x" + HERE.id.hex(),
        "checked_at": 9,
    }
    return Record.model_validate(values | changes)


def test_a_lapsed_operation_is_not_approved_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    lapsed = operation(BOOK.call("unpause"), lapsed=True)
    with pytest.raises(NotApprovedError, match="no longer a person: cancel it, propose again"):
        asyncio.run(Timelock(NODE, GOVERNANCE_AT).approve(EvmAccount(NODE, "0x" + "11" * 32), lapsed))
    item = Waiting(at="governance", operation=lapsed, calls=("unpause()",))
    print_waiting(item, 0)
    assert f"LAPSED, {ANN} is no longer a person" in capsys.readouterr().out
    assert waiting_json(item)["lapsed"] is True


@pytest.mark.parametrize(
    ("changes", "at", "pends"),
    [({}, "governance", True), ({"lapsed": True}, "governance", False), ({}, "unpauser", False)],
)
def test_only_what_can_still_happen_was_proposed_before(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], at: str, *, pends: bool
) -> None:
    site, known = _site(), facts(peers={})
    (wanted,) = [wanted for _, wanted in lacking(plan(), known)]
    waiting = Waiting(at=at, operation=operation(BOOK.encode(wanted), **changes), calls=())

    async def answer(found: object) -> object:
        return found

    monkeypatch.setattr(site, "facts", lambda: answer(known))
    monkeypatch.setattr(site, "waiting", lambda: answer([waiting]))
    monkeypatch.setattr(site, "_propose", lambda *_: answer(waiting))
    proposal = asyncio.run(site.register("", [], bytes))
    assert (bool(proposal.pending), proposal.waiting is None) == (pends, pends)


# --- verifying


def test_an_identity_in_the_deployment_file_that_is_not_the_gateway_s_is_found() -> None:
    assert all(check.ok for check in recorded(facts(), _record()))
    other = _record(endpoint_id="0x" + PEER.id.hex(), fingerprint="0x" + PEER.fingerprint.hex())
    off = [check for check in recorded(facts(), other) if not check.ok]
    assert [check.name for check in off] == ["endpoint in the deployment file", "fingerprint in the deployment file"]


def test_a_timelock_that_is_not_the_release_s_is_not_two_persons() -> None:
    """OpenZeppelin's own TimelockController lets each of two persons propose and execute alone."""
    plain = replace(timelock(GOVERNANCE_AT, 3600), code=artifact(TIMELOCK).runtime + b"\x00")
    checks = single_keys(Subject(gateway=facts(), governance=plain, unpauser=timelock(UNPAUSER_AT, 0)))
    assert {check.name: check.found for check in checks if not check.ok} == {
        "governance is two persons": "no: not the release's timelock"
    }


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (artifact(TIMELOCK).runtime, UnavailableError("a node that serves no logs")),
        (artifact(TIMELOCK).runtime, LedgerRefusedError("Other", "too many results")),
        (b"\x5b", UnavailableError("no such function")),
    ],
)
def test_a_node_that_can_t_tell_the_roles_makes_no_timelock_another(code: bytes, error: Exception) -> None:
    async def code_at(*_: object) -> bytes:
        return code

    async def call(*_: object) -> int:
        return 3600

    async def stamp(_: object) -> BlockStamp:
        return AT

    async def logs(*_: object) -> AsyncIterator[object]:
        if code:
            raise error
        yield code

    node = cast("Node", SimpleNamespace(contract=NODE.contract, code=code_at, call=call, stamp=stamp, logs=logs))
    if code == artifact(TIMELOCK).runtime:
        with pytest.raises(type(error)):
            asyncio.run(read_timelock(node, GOVERNANCE_AT, AT))
    else:
        assert asyncio.run(read_timelock(node, GOVERNANCE_AT, AT)).delay_s is None


# --- deploying


@pytest.mark.parametrize("stands", [True, False])
def test_a_contract_that_stands_without_a_receipt_is_not_deployed_again(
    monkeypatch: pytest.MonkeyPatch, *, stands: bool
) -> None:
    """R-52: "nonce too low" and no receipt may be a node that lags."""
    step = Step(contract=TIMELOCK, address=GOVERNANCE_AT, transaction="0x" + "01" * 32, nonce=1, raw="00")
    prepared: list[str] = []
    written: list[Record] = []

    async def submit(_: object) -> None:
        raise LedgerRefusedError("NonceTooLow", "nonce too low")

    async def code_at(*_: object) -> bytes:
        return artifact(TIMELOCK).runtime if stands else b""

    async def latest() -> BlockStamp:
        return AT

    async def prepare(contract: str, _: object) -> Step:
        prepared.append(contract)
        raise UnavailableError("prepared anew")

    account = SimpleNamespace(node=NODE, account=b"\x01" * 20, address=STRANGER, submit=submit)
    monkeypatch.setattr(NODE, "code", code_at)
    monkeypatch.setattr(_Deployment, "_open", lambda _: _record(steps={"governance": step}, checked_at=None))
    work = _Deployment(plan(), Path("alpha.deployment.json"), cast("EvmAccount", account), lambda *_: None)
    monkeypatch.setattr(work, "_latest", latest)
    monkeypatch.setattr(work, "_prepared", prepare)
    monkeypatch.setattr(work, "_write", written.append)
    with pytest.raises(UnavailableError, match="no receipt" if stands else "prepared anew"):
        asyncio.run(work.run())
    assert prepared == ([] if stands else [TIMELOCK])
    assert written == []


def test_the_deployment_file_is_on_disk_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    path = tmp_path / "alpha.deployment.json"
    write_record(path, _record())
    assert len(synced) == 2  # the file, then its folder
    assert (read_record(path), list(tmp_path.iterdir())) == (_record(), [path])
    with pytest.raises(FileExistsError):
        put(path, "", mode=0o600, new=True)
