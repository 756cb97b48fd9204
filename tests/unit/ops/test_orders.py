"""Orders in files: composed, read back, refused in words, and what the commands say without any ledger (R-02)."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w
from eth_account import Account as EthAccount
from eth_account.messages import encode_typed_data

from bridge.adapters.evm.contracts import GATEWAY, artifact
from bridge.adapters.evm.locking import LOCK_ITEM, LOCK_ORDER, Locked
from bridge.adapters.evm.venue import OrderState, recovered
from bridge.core.caip import Account, evm_account
from bridge.core.orders import ANYBODY, Order, SignedOrder
from bridge.core.transfer import Transfer
from bridge.errors import BridgeError, InvalidInputError, LedgerRefusedError, UnavailableError, UncertainError
from bridge.ops import orders
from bridge.ops.orders import (
    OrderDesk,
    Wanted,
    compose,
    objections,
    order_text,
    parse_signature,
    read_order,
    read_orders,
    read_typed_data,
    told,
)
from bridge.ops.send import draft_of
from tests.integration.support import Done, naru_here
from tests.unit.ops.test_bulk import move
from tests.unit.ops.test_client import ALICE, BOB, CONFIG, NAMES
from tests.unit.test_config import client

KEY: Final = "0x" + "11" * 32
HOLDER: Final = evm_account(EthAccount.from_key(KEY).address)
VENUE: Final = evm_account(BOB)
ALPHA: Final = NAMES.ledger("alpha")
NOW: Final = 1_700_000_000
WANTED: Final = Wanted(move=move(5), holder=HOLDER)
ORDER: Final = compose(WANTED, NOW, bytes)
STATE: Final = OrderState(nonce_used=False, drawn=0, is_other=False, time=NOW, allowance=5)


def signed_by_wallet(order: Order, key: str = KEY) -> bytes:
    signable = encode_typed_data(full_message=order.typed_data(ALPHA.endpoint))
    return bytes(EthAccount.sign_message(signable, key).signature)


SIGNED: Final = SignedOrder(order=ORDER, signature=signed_by_wallet(ORDER))


def written(folder: Path, order: Order = ORDER, name: str = "order.json") -> Path:
    path = folder / name
    path.write_text(order_text(order, ALPHA, signed_by_wallet(order)))
    return path


# --- composing


def test_an_order_outlives_its_expiry_by_ten_minutes_unless_it_says_otherwise() -> None:
    assert (ORDER.expiry, ORDER.deadline, ORDER.life) == (NOW + 3600, NOW + 4200, 0)
    assert compose(replace(WANTED, deadline_in_s=60), NOW, bytes).deadline == NOW + 60
    life = compose(replace(WANTED, life_s=60, submitter=VENUE), NOW, bytes)
    assert (life.deadline, life.life) == (0, 60)


def test_orders_that_are_out_at_a_time_have_different_nonces() -> None:
    chance = iter((b"\x01" * 8, b"\xff" * 8))
    one, two = (compose(WANTED, NOW, lambda _: next(chance)) for _ in range(2))
    assert one.nonce != two.nonce
    assert min(one.nonce, two.nonce) >= 2**63, "never one that is counted up to from below"
    assert compose(replace(WANTED, nonce=7), NOW, bytes).nonce == 7


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"expires_in_s": 0}, "is over: give seconds above 0"),
        ({"expires_in_s": -5}, "is over: give seconds above 0"),
        ({"divisible": True}, "must name its submitter"),
        ({"life_s": 60}, "must name its submitter"),
        ({"life_s": 60, "deadline_in_s": 60, "submitter": VENUE}, "give one of the two"),
        ({"nonce": 0}, "nonce 0 is out of range"),
        ({"deadline_in_s": 0}, "has passed: give seconds above zero"),
        ({"deadline_in_s": -60}, "has passed: give seconds above zero"),
    ],
)
def test_an_order_that_no_gateway_takes_is_not_composed(wrong: dict[str, Any], part: str) -> None:
    with pytest.raises(InvalidInputError, match=part):
        compose(replace(WANTED, **wrong), NOW, bytes)


# --- files


def test_an_order_that_is_written_is_read_again(tmp_path: Path) -> None:
    file = read_order(written(tmp_path), CONFIG)
    assert (file.signed, file.source, file.name) == (SIGNED, ALPHA, "order.json")


def test_an_external_wallet_s_signature_is_combined_with_what_it_signed(tmp_path: Path) -> None:
    path = tmp_path / "typed.json"
    path.write_text(json.dumps(ORDER.typed_data(ALPHA.endpoint)))
    order, source = read_typed_data(path, CONFIG)
    assert (order, source) == (ORDER, ALPHA)
    signature = signed_by_wallet(order)
    for shown in (signature, signature[:64] + bytes([signature[64] - 27])):
        assert parse_signature("0x" + shown.hex()) == signature
    assert evm_account(recovered(SignedOrder(order=order, signature=signature), ALPHA.endpoint)) == HOLDER


@pytest.mark.parametrize("text", ["", "0x", "0xzz", "sig", "0x123"])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="not a signature: give 0x and its hexadecimal digits"):
        parse_signature(text)


def test_a_contract_s_signature_may_be_of_any_length() -> None:
    assert parse_signature("0x01") == b"\x01"
    assert recovered(SignedOrder(order=ORDER, signature=b"\x01"), ALPHA.endpoint) == ""


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("5", "is not an order: give the JSON that `naru order sign` writes"),
        ("{}", "is no signed order: it has `order` and `signature`"),
        (
            '{"order": 5, "signature": "0x00"}',
            "is for none of the gateways of this configuration, which knows alpha, beta",
        ),
        ('{"order": {"message": {}}, "signature": "0x00"}', "is for none of the gateways of this configuration"),
        (" " * (2**20 + 1), "is too long for an order"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_order_is_told(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "order.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=part):
        read_order(path, CONFIG)


def test_an_order_whose_parts_were_changed_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    table = json.loads(path.read_text())
    for key, value in (("amount", "-1"), ("holder", "0x12"), ("divisible", "yes")):
        changed = {**table, "order": {**table["order"], "message": {**table["order"]["message"], key: value}}}
        path.write_text(json.dumps(changed))
        with pytest.raises(InvalidInputError, match=r"order\.json: "):
            read_order(path, CONFIG)
    path.write_text(json.dumps({**table, "signature": 5}))
    with pytest.raises(InvalidInputError, match="not a signature"):
        read_order(path, CONFIG)


def test_everything_wrong_with_several_files_is_told_at_once(tmp_path: Path) -> None:
    one, other = written(tmp_path), tmp_path / "none.json"
    with pytest.raises(InvalidInputError) as caught:
        read_orders([one, other, one], CONFIG)
    assert str(caught.value).splitlines() == [
        "no order was submitted",
        f"  {other}: can't be read (No such file or directory)",
        "  order.json: has the holder and nonce of order.json: only one of them can be locked",
    ]


def test_orders_of_several_ledgers_are_not_one_transaction(tmp_path: Path) -> None:
    beta = NAMES.ledger("beta")
    back = compose(replace(WANTED, move=move(5, source=beta, destination=ALPHA)), NOW, bytes)
    path = tmp_path / "back.json"
    path.write_text(order_text(back, beta, b"\1"))
    with pytest.raises(InvalidInputError, match="the orders are for alpha and beta: submit those of each ledger"):
        read_orders([written(tmp_path), path], CONFIG)


# --- in words


@pytest.mark.parametrize(
    ("state", "is_signed", "expected"),
    [
        (STATE, True, []),
        (STATE, False, ["the signature is not the holder's, or the terms were changed"]),
        (replace(STATE, time=ORDER.expiry), True, []),
        (replace(STATE, time=ORDER.expiry + 1), True, ["it has expired"]),
        (replace(STATE, nonce_used=True), True, ["its nonce is used: it was locked, or its holder cancelled it"]),
        (replace(STATE, is_other=True), True, ["another order with this nonce was drawn on"]),
        (
            replace(STATE, allowance=4),
            True,
            ["the gateway may move 4 of 5 smallest units: the holder must allow more"],
        ),
    ],
)
def test_why_an_order_can_t_be_submitted_is_told(state: OrderState, is_signed: bool, expected: list[str]) -> None:  # noqa: FBT001 - a parameter of the test
    assert objections(SIGNED, state, is_signed=is_signed) == expected


def test_an_order_of_which_nothing_is_left_is_told() -> None:
    order = replace(ORDER, divisible=True, submitter=VENUE)
    state = replace(STATE, nonce_used=True, drawn=5)
    assert objections(replace(SIGNED, order=order), state, is_signed=True) == ["all of it is drawn"]


LOCK: Final = Locked(transfer=draft_of(move(5), HOLDER, NOW), height=7, reference=b"\xab" * 32)


@pytest.mark.parametrize(
    ("result", "parts"),
    [
        (LOCK, ["locked 0x" + LOCK.transfer.id.hex(), "sequence 1"]),
        (LedgerRefusedError("OrderExpired", "5"), ["refused: OrderExpired(5)", "have it signed anew"]),
        (LedgerRefusedError("Unheard", ""), ["refused: Unheard"]),
        (UncertainError(b"\xab" * 32, "silence"), ["unknown: silence", "0xabab", "which locks nothing twice"]),
        (UnavailableError("silence"), ["silence"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_became_of_an_order_is_told(result: Locked | BridgeError, parts: list[str]) -> None:
    for part in parts:
        assert part in told(result, SIGNED, 0)


def test_a_draw_is_repeated_only_with_what_was_drawn_before_r_02() -> None:
    """Without that, it would be another draw."""
    unsure = UncertainError(b"\xab" * 32, "silence")
    order = replace(ORDER, amount=500, divisible=True, submitter=VENUE)
    for drawn, shown in ((0, "0"), (150, "1.50")):
        text = told(unsure, SignedOrder(order=order, signature=b"", amount=30, drawn=drawn), 2)
        assert f"submit it again with --amount 0.30 --drawn {shown} only, which locks nothing twice" in text


@pytest.mark.parametrize(
    ("figure", "part"),
    [
        ("80", "this draw very likely got in already; don't submit it again, look at `naru transfer list`"),
        ("70", "this draw says that 0.50 was drawn before, the gateway says 0.70: look at `naru transfer list`"),
        ("0", "this draw says that 0.50 was drawn before, the gateway says 0: look at `naru transfer list`"),
    ],
)
def test_a_draw_that_got_in_before_is_not_told_to_be_submitted_again_r_02(figure: str, part: str) -> None:
    order = replace(ORDER, amount=500, divisible=True, submitter=VENUE)
    draw = SignedOrder(order=order, signature=b"", amount=30, drawn=50)
    text = told(LedgerRefusedError("OrderDrawnOtherwise", f"50, {figure}"), draw, 2)
    assert text.startswith(f"refused: OrderDrawnOtherwise(50, {figure}): {part}")
    assert "submit again" not in text
    assert "another amount" in told(LedgerRefusedError("OrderDrawnOtherwise", ""), draw, 2)


def test_each_remedy_is_of_an_error_that_the_gateway_has() -> None:
    names = {entry["name"] for entry in artifact(GATEWAY).abi if entry["type"] == "error"}
    assert set(orders.REMEDIES) | orders.TRANSIENT | {"OrderDrawnOtherwise"} <= names


def test_the_gateway_has_the_calls_that_are_simulated() -> None:
    names = {entry["name"] for entry in artifact(GATEWAY).abi if entry["type"] == "function"}
    assert {LOCK_ITEM, LOCK_ORDER} <= names


# --- the commands, with a ledger that does as it is told


class FakeDesk(OrderDesk):
    """A source without a node."""

    results: Sequence[Locked | BridgeError] = ()
    seen: Sequence[SignedOrder] = ()
    looked = STATE

    async def state(self, order: Order) -> OrderState:  # noqa: ARG002 - as in OrderDesk
        return self.looked

    async def is_signed(self, signed: SignedOrder) -> bool:
        return recovered(signed, ALPHA.endpoint).lower() == "0x" + signed.order.holder[12:].hex()

    async def submit(self, orders: Sequence[SignedOrder], key: str) -> list[Locked | BridgeError]:  # noqa: ARG002 - the same
        type(self).seen = orders
        return list(self.results)

    async def now(self) -> int:
        return NOW


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> type[FakeDesk]:
    class Desk(FakeDesk):
        pass

    async def no_chain(*_: object) -> None:
        pass

    monkeypatch.setattr(orders, "OrderDesk", Desk)
    monkeypatch.setattr("bridge.adapters.evm.node.Node.check_chain", no_chain)
    return Desk


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a configuration and a key."""
    asset = {"name": "tower", "asset": "isin:KR7900010013", "decimals": 0}
    config = client(assets=[asset | {"tokens": [{"ledger": "alpha", "token": ALICE}]}])
    (tmp_path / "naru.toml").write_text(tomli_w.dumps(config))
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    return tmp_path


def naru(folder: Path, *arguments: str) -> Done:
    return naru_here("order", *arguments, "--config", str(folder / "naru.toml"))


def sign(folder: Path, *arguments: str) -> Done:
    lane = ["--from", str(folder / "key"), "--to", BOB, "--source", "alpha", "--destination", "beta"]
    return naru(folder, "sign", "5", "tower", *lane, *arguments)


def test_signing_prints_a_file_that_can_be_submitted(here: Path, desk: type[FakeDesk]) -> None:
    done = sign(here, "--submitter", BOB, "--divisible")
    assert (done.code, done.err) == (0, "")
    (here / "order.json").write_text(done.out)
    file = read_order(here / "order.json", CONFIG)
    assert (file.signed.order.holder, file.signed.order.submitter, file.signed.order.amount) == (HOLDER, VENUE, 5)
    assert file.signed.order.expiry == NOW + 3600
    assert evm_account(recovered(file.signed, ALPHA.endpoint)) == HOLDER
    desk.results = [LOCK]
    submitted = naru(here, "submit", str(here / "order.json"), "--from", str(here / "key"), "--amount", "2")
    assert (submitted.code, submitted.err) == (0, "")
    assert submitted.out == f"order.json: locked 0x{LOCK.transfer.id.hex()}, sequence 1\n"
    assert [(order.amount, order.drawn) for order in desk.seen] == [(2, 0)]


def test_an_order_is_signed_by_an_external_wallet_in_two_steps(here: Path, desk: type[FakeDesk]) -> None:
    desk.looked = replace(STATE, allowance=0)
    typed, out = here / "typed.json", here / "order.json"
    lane = ["--to", BOB, "--source", "alpha", "--destination", "beta"]
    holder = EthAccount.from_key(KEY).address
    first = naru(here, "sign", "5", "tower", "--from", holder, *lane, "--typed-data", "--out", str(typed))
    assert first.code == 0
    assert "note: the gateway may move 0 of 5 smallest units of this holder" in first.err
    signature = bytes(
        EthAccount.sign_message(encode_typed_data(full_message=json.loads(typed.read_text())), KEY).signature
    )
    second = naru(here, "sign", "--with", str(typed), "--signature", "0x" + signature.hex(), "--out", str(out))
    assert (second.code, second.err) == (0, f"written to {out}\n")
    assert read_order(out, CONFIG).signed.signature == signature
    again = naru(here, "sign", "--with", str(typed), "--signature", "0x" + signature.hex(), "--out", str(out))
    assert (again.code, "name a file that is not there yet" in again.err) == (2, True)
    wrong = naru(
        here, "sign", "--with", str(typed), "--signature", "0x" + signed_by_wallet(ORDER, "0x" + "22" * 32).hex()
    )
    assert wrong.code == 2
    assert f"not of the holder {holder}, for this order" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["sign", "5"], "missing ASSET, --from, --to, --source, --destination"),
        (["sign", "--signature", "0x00"], "--signature and --with go together"),
        (["submit", "nowhere.json", "--from", "KEY"], "nowhere.json: can't be read"),
        (["cancel", "5", "--from", "KEY"], "nonces alone don't say where: give --source"),
        (["cancel", "0", "--from", "KEY", "--source", "alpha"], "nonce 0 is out of range"),
        (["cancel", "9" * 5000, "--from", "KEY", "--source", "alpha"], "is out of range: give 1 to 2^256 - 1"),
        (["cancel", "nowhere.json", "--from", "KEY"], "nowhere.json: can't be read"),
        (["show", "nowhere.json"], "nowhere.json: can't be read"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(here: Path, arguments: list[str], part: str) -> None:
    done = naru(here, *(str(here / "key") if argument == "KEY" else argument for argument in arguments))
    assert (done.code, done.out) == (2, "")
    assert part in done.err


def test_only_the_holder_cancels(here: Path) -> None:
    other = replace(ORDER, holder=VENUE)
    done = naru(here, "cancel", str(written(here, other)), "--from", str(here / "key"))
    assert (done.code, "only the holder can cancel an order" in done.err) == (2, True)


def test_an_order_of_which_all_was_locked_is_not_told_to_be_cancelled(
    here: Path, desk: type[FakeDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Holder:
        async def ended(self, nonces: Iterable[int], known: Iterable[Order]) -> set[int]:
            assert (list(nonces), list(known)) == ([7, ORDER.nonce], [ORDER])
            return {ORDER.nonce}

        async def cancel(self, nonces: Iterable[int]) -> list[bytes]:
            assert list(nonces) == [7]
            return [b"\xab" * 32]

    monkeypatch.setattr(desk, "holder", lambda *_: Holder())
    done = naru(here, "cancel", "7", str(written(here)), "--source", "alpha", "--from", str(here / "key"))
    assert done.code == 1
    assert done.out.splitlines() == [
        "nonce 7: cancelled on alpha",
        f"nonce {ORDER.nonce}: was used before: locked, or cancelled already",
    ]


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([LOCK, LOCK], 0),
        ([LOCK, LedgerRefusedError("OrderExpired", "5")], 1),
        ([LedgerRefusedError("OrderExpired", "5"), UnavailableError("silence")], 3),
        ([LOCK, LedgerRefusedError("Paused", "")], 3),
        ([LOCK, LedgerRefusedError("LanePausedError", "0x00")], 3),
        ([LOCK, LedgerRefusedError("LaneDisabled", "0x00")], 1),
        ([UnavailableError("silence"), UncertainError(b"\xab" * 32, "silence")], 4),
    ],
)
def test_the_exit_code_is_that_of_the_worst(
    here: Path, desk: type[FakeDesk], results: list[Locked | BridgeError], code: int
) -> None:
    desk.results = results
    files = [str(written(here)), str(written(here, replace(ORDER, nonce=2), "other.json"))]
    done = naru(here, "submit", *files, "--from", str(here / "key"))
    assert (done.code, len(done.out.splitlines())) == (code, 2)
    rows = naru(here, "submit", *files, "--from", str(here / "key"), "-o", "json").json
    words = {Locked: "locked", LedgerRefusedError: "refused", UnavailableError: "not sent", UncertainError: "unknown"}
    assert [row["status"] for row in rows] == [words[type(result)] for result in results]


def test_an_amount_is_drawn_of_one_order_by_itself(here: Path) -> None:
    files = [str(written(here)), str(written(here, replace(ORDER, nonce=2), "other.json"))]
    done = naru(here, "submit", *files, "--from", str(here / "key"), "--amount", "2")
    assert (done.code, "submit it by itself" in done.err) == (2, True)


def test_an_amount_of_an_order_that_is_not_divisible_is_refused(here: Path, desk: type[FakeDesk]) -> None:
    done = naru(here, "submit", str(written(here)), "--from", str(here / "key"), "--amount", "2")
    assert (done.code, "it is locked whole, without an amount to draw" in done.err) == (2, True)
    assert not desk.seen


def test_showing_tells_terms_and_objections(here: Path, desk: type[FakeDesk]) -> None:
    order = replace(ORDER, divisible=True, submitter=VENUE)
    desk.looked = replace(STATE, drawn=2)
    fine = naru(here, "show", str(written(here, order)))
    assert (fine.code, fine.err) == (0, "")
    for part in ("2 of 5 tower drawn, alpha → beta", f"submitter {BOB}", "2023-11-14T23:13:20Z", "it can be submitted"):
        assert part in fine.out
    desk.looked = replace(STATE, time=ORDER.expiry + 1)
    late = naru(here, "show", str(here / "order.json"))
    assert (late.code, "✗ it has expired" in late.out) == (1, True)
    told_ = naru(here, "show", str(here / "order.json"), "-o", "json")
    assert (told_.code, told_.json["objections"], told_.json["signed"]) == (1, ["it has expired"], True)


def test_anybody_is_no_account_s_name(here: Path, desk: type[FakeDesk]) -> None:
    assert ORDER.submitter == ANYBODY == Account(bytes(32))
    assert "submitter anybody" in naru(here, "show", str(written(here))).out
    assert desk.looked is STATE
    assert isinstance(LOCK.transfer, Transfer)
