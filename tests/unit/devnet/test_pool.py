from dataclasses import dataclass, field

import pytest
import rlp  # type: ignore[import-untyped]  # the library ships no types
from eth.constants import SECPK1_N
from eth_account import Account
from eth_account.types import AccessListEntry, TransactionDictType
from eth_typing import Address, HexStr

from bridge.devnet.ledger.errors import TransactionRefusedError
from bridge.devnet.ledger.pool import INITCODE_LEN_MAX, PoolLimits, TransactionPool
from bridge.devnet.ledger.transactions import RAW_LEN_MAX, decode_transaction
from tests.unit.devnet.contracts import CHAIN_ID, WEI, account, address_of, signed

ALICE, BOB = account(1), account(2)
LEGACY_FIELDS: TransactionDictType = {
    "nonce": 0,
    "gas": 21_000,
    "value": 0,
    "to": BOB.address,
    "chainId": CHAIN_ID,
    "gasPrice": 0,
}


@dataclass
class Accounts:
    nonces: dict[Address, int] = field(default_factory=dict)
    balances: dict[Address, int] = field(default_factory=dict)

    def nonce(self, address: Address) -> int:
        return self.nonces.get(address, 0)

    def balance(self, address: Address) -> int:
        return self.balances.get(address, WEI)


class Bench:
    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.accounts = Accounts()
        self.pool = TransactionPool(chain_id=CHAIN_ID, gas_limit=1_000_000, limits=limits or PoolLimits())

    def add(self, raw: bytes) -> None:
        self.pool.add(decode_transaction(raw), self.accounts)

    def refuses(self, raw: bytes, text: str) -> None:
        with pytest.raises(TransactionRefusedError, match=text) as caught:
            self.add(raw)
        assert caught.value.code == -32000

    def ready(self) -> list[tuple[Address, int]]:
        return [(item.sender, item.nonce) for item in self.pool.ready(self.accounts)]


def test_a_typed_transaction_for_another_chain_is_refused() -> None:
    Bench().refuses(signed(ALICE, 0, chain_id=7), "^invalid chain id for signer: have 7 want 1001")


def test_a_legacy_transaction_for_another_chain_is_refused() -> None:
    Bench().refuses(signed(ALICE, 0, chain_id=7, legacy=True), "^invalid chain id for signer: have 7 want 1001")


def test_a_legacy_transaction_without_a_chain_is_refused() -> None:
    Bench().refuses(signed(ALICE, 0, chain_id=None), "only replay-protected")


def test_legacy_and_typed_transactions_recover_the_same_sender() -> None:
    for legacy in (False, True):
        assert decode_transaction(signed(ALICE, 0, legacy=legacy)).sender == address_of(ALICE)


def test_the_hash_is_that_which_the_signer_computes() -> None:
    made = ALICE.sign_transaction(LEGACY_FIELDS)
    assert decode_transaction(bytes(made.raw_transaction)).hash == bytes(made.hash)


def test_an_access_list_transaction_is_taken() -> None:
    entry: AccessListEntry = {"address": BOB.address, "storageKeys": [HexStr("0x" + "00" * 31 + "05")]}
    extra: TransactionDictType = {"type": 1, "gas": 90_000, "accessList": [entry]}
    raw = bytes(ALICE.sign_transaction(LEGACY_FIELDS | extra).raw_transaction)
    assert decode_transaction(raw).access_list == ((address_of(BOB), (5,)),)
    Bench().add(raw)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\x02", b"\x02\xc0", b"\xc0", b"\x80", b"\xff" * 40, b"\x02" * 200])
def test_what_is_no_transaction_is_refused(raw: bytes) -> None:
    with pytest.raises(TransactionRefusedError):
        decode_transaction(raw)


@pytest.mark.parametrize("type_id", [3, 4, 5, 0x7F])
def test_blob_and_unknown_types_are_refused(type_id: int) -> None:
    with pytest.raises(TransactionRefusedError, match="transaction type not supported"):
        decode_transaction(bytes((type_id,)) + signed(ALICE, 0)[1:])


def test_every_cut_and_every_flipped_byte_is_refused_or_names_another_sender() -> None:
    raw = signed(ALICE, 3, data=b"payload")
    for length in range(len(raw)):
        with pytest.raises(TransactionRefusedError):
            decode_transaction(raw[:length])
    for position in range(len(raw)):
        broken = raw[:position] + bytes((raw[position] ^ 1,)) + raw[position + 1 :]
        try:
            sender = decode_transaction(broken).sender
        except TransactionRefusedError:
            continue
        assert sender != address_of(ALICE)


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(TransactionRefusedError, match="rlp"):
        decode_transaction(signed(ALICE, 0) + b"\x00")


def test_oversized_data_is_refused() -> None:
    with pytest.raises(TransactionRefusedError, match="oversized data"):
        decode_transaction(b"\x02" * (RAW_LEN_MAX + 1))


def test_the_other_form_of_a_signature_is_refused() -> None:
    *fields, parity, r, s = rlp.decode(signed(ALICE, 0)[1:])
    flipped = b"" if parity else b"\x01"
    mirrored = (SECPK1_N - int.from_bytes(s, "big")).to_bytes(32, "big")
    raw = b"\x02" + rlp.encode([*fields, flipped, r, mirrored.lstrip(b"\0")])
    with pytest.raises(TransactionRefusedError, match="invalid transaction v, r, s values"):
        decode_transaction(raw)


def test_a_tip_above_the_fee_cap_is_refused() -> None:
    fields = {key: value for key, value in LEGACY_FIELDS.items() if key != "gasPrice"}
    fees: TransactionDictType = {"type": 2, "maxFeePerGas": 1, "maxPriorityFeePerGas": 2}
    raw = ALICE.sign_transaction(fields | fees).raw_transaction
    with pytest.raises(TransactionRefusedError, match="max priority fee per gas higher than max fee per gas"):
        decode_transaction(bytes(raw))


def test_the_same_transaction_twice_is_already_known() -> None:
    bench = Bench()
    bench.add(signed(ALICE, 0))
    bench.refuses(signed(ALICE, 0), "^already known$")


def test_a_used_nonce_is_too_low() -> None:
    bench = Bench()
    bench.accounts.nonces[address_of(ALICE)] = 2
    bench.refuses(signed(ALICE, 1), "^nonce too low: next nonce 2, tx nonce 1")


def test_a_nonce_gap_waits_until_it_is_filled() -> None:
    bench = Bench()
    bench.add(signed(ALICE, 1))
    assert bench.ready() == []
    assert bench.pool.pending_nonce(address_of(ALICE), bench.accounts) == 0
    bench.add(signed(ALICE, 0))
    assert bench.ready() == [(address_of(ALICE), 0), (address_of(ALICE), 1)]
    assert bench.pool.pending_nonce(address_of(ALICE), bench.accounts) == 2


@pytest.mark.parametrize("fee", [0, 99, 100, 109])
def test_a_replacement_below_ten_percent_is_underpriced(fee: int) -> None:
    bench = Bench()
    bench.add(signed(ALICE, 0, fee=100))
    bench.refuses(signed(ALICE, 0, fee=fee, value=1), "^replacement transaction underpriced$")


def test_a_replacement_at_ten_percent_takes_the_place() -> None:
    bench = Bench()
    bench.add(signed(ALICE, 0, fee=100))
    bench.add(signed(ALICE, 0, fee=110))
    assert [item.fee_max for item in bench.pool.ready(bench.accounts)] == [110]
    assert len(bench.pool) == 1


def test_a_free_transaction_is_replaced_by_any_price_but_not_by_another_free_one() -> None:
    bench = Bench()
    bench.add(signed(ALICE, 0))
    bench.refuses(signed(ALICE, 0, value=1), "^replacement transaction underpriced$")
    bench.add(signed(ALICE, 0, fee=1))


def test_a_transfer_beyond_the_balance_is_refused() -> None:
    bench = Bench()
    bench.refuses(signed(ALICE, 0, value=WEI + 1), r"^insufficient funds for gas \* price \+ value")


def test_the_fee_counts_towards_the_balance() -> None:
    bench = Bench()
    bench.accounts.balances[address_of(ALICE)] = 100_000
    bench.refuses(signed(ALICE, 0, gas=100_000, fee=1, value=1), r"^insufficient funds for gas \* price \+ value")
    bench.add(signed(ALICE, 0, gas=100_000, fee=1))


def test_waiting_transactions_must_be_payable_together() -> None:
    bench = Bench()
    bench.add(signed(ALICE, 0, value=WEI))
    bench.refuses(signed(ALICE, 1, value=1), r"^insufficient funds for gas \* price \+ value")


def test_what_was_mined_no_longer_counts_as_waiting() -> None:
    bench = Bench()
    for nonce in range(2):
        bench.add(signed(ALICE, nonce, value=WEI * 2 // 5))
    bench.accounts.nonces[address_of(ALICE)] = 1
    bench.pool.settle([address_of(ALICE)], bench.accounts)
    bench.add(signed(ALICE, 2, value=WEI * 3 // 5))


def test_a_replacement_does_not_pay_for_what_it_replaces() -> None:
    bench = Bench()
    bench.accounts.balances[address_of(ALICE)] = 30_000_000
    bench.add(signed(ALICE, 0, fee=100))
    bench.add(signed(ALICE, 0, fee=110))


def test_too_little_gas_for_the_data_is_refused() -> None:
    bench = Bench()
    bench.refuses(signed(ALICE, 0, gas=21_015, data=b"\x01"), "^intrinsic gas too low: gas 21015, minimum needed 21016")
    bench.add(signed(ALICE, 0, gas=21_016, data=b"\x01"))


def test_a_creation_pays_for_its_words() -> None:
    bench = Bench()
    needed = 53_000 + 33 * 16 + 2 * 2
    bench.refuses(signed(ALICE, 0, to=None, gas=needed - 1, data=b"\x01" * 33), "^intrinsic gas too low")
    bench.add(signed(ALICE, 0, to=None, gas=needed, data=b"\x01" * 33))


def test_initcode_above_the_limit_is_refused() -> None:
    Bench().refuses(signed(ALICE, 0, to=None, gas=1_000_000, data=bytes(INITCODE_LEN_MAX + 1)), "max initcode size")


def test_more_gas_than_a_block_holds_is_refused() -> None:
    Bench().refuses(signed(ALICE, 0, gas=1_000_001), "^exceeds block gas limit")


def test_a_full_pool_refuses_newcomers_but_not_replacements() -> None:
    bench = Bench(PoolLimits(transactions_max=2))
    bench.add(signed(ALICE, 0))
    bench.add(signed(ALICE, 1))
    bench.refuses(signed(BOB, 0), "^txpool is full$")
    bench.add(signed(ALICE, 1, fee=1))


def test_the_pool_is_bounded_in_bytes() -> None:
    bench = Bench(PoolLimits(bytes_max=400))
    bench.add(signed(ALICE, 0, data=bytes(200)))
    bench.refuses(signed(BOB, 0, data=bytes(200)), "^txpool is full$")


def test_one_sender_cannot_fill_the_pool() -> None:
    bench = Bench(PoolLimits(per_sender_max=1))
    bench.add(signed(ALICE, 0))
    bench.refuses(signed(ALICE, 1), "^account limit exceeded")
    bench.add(signed(BOB, 0))


def test_better_paying_senders_come_first_and_equal_ones_as_they_arrived() -> None:
    bench = Bench()
    carol = Account.from_key("0x" + "33" * 32)
    bench.add(signed(ALICE, 0))
    bench.add(signed(BOB, 0))
    bench.add(signed(carol, 0, fee=5))
    assert [sender for sender, _ in bench.ready()] == [address_of(carol), address_of(ALICE), address_of(BOB)]


def test_settling_forgets_what_the_nonce_has_passed() -> None:
    bench = Bench()
    for nonce in range(3):
        bench.add(signed(ALICE, nonce))
    bench.accounts.nonces[address_of(ALICE)] = 2
    bench.pool.settle([address_of(ALICE)], bench.accounts)
    assert bench.ready() == [(address_of(ALICE), 2)]
    assert len(bench.pool) == 1
