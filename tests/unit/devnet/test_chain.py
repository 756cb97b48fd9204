import sys
from collections.abc import Callable
from hashlib import sha256

import pytest
from eth.abc import ComputationAPI, ReceiptAPI
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from bridge.devnet.ledger.chain import BlockTag, ChainSettings, DevChain
from bridge.devnet.ledger.errors import (
    ExecutionFailedError,
    ExecutionRevertedError,
    HeaderNotFoundError,
    HistoryPrunedError,
    StateUnavailableError,
    TransactionRefusedError,
)
from bridge.devnet.ledger.evm import LedgerVM, MessageCall
from bridge.devnet.ledger.history import HistoryLimits
from bridge.devnet.ledger.logs import LogFilter
from bridge.devnet.ledger.records import MinedTransaction
from bridge.devnet.ledger.transactions import SignedTransaction
from tests.unit.devnet.contracts import (
    CELL,
    CHAIN_ID,
    CLOCK,
    GREEDY,
    HASHER,
    LOGGER,
    PARENT,
    RECURSIVE,
    REVERTER,
    TOKEN,
    WEI,
    account,
    address_of,
    deployment,
    guard,
    signed,
    word,
)

ALICE, BOB = account(1), account(2)
LATEST = BlockTag.LATEST
NOWHERE = Address(bytes(20))


def make(
    *, history: HistoryLimits | None = None, generation_entries_max: int = 250_000, gas_limit: int = 60_000_000
) -> DevChain:
    settings = ChainSettings(
        chain_id=CHAIN_ID,
        funds={address_of(ALICE): WEI, address_of(BOB): WEI},
        genesis_timestamp=1_000,
        gas_limit=gas_limit,
        history=history or HistoryLimits(),
        generation_entries_max=generation_entries_max,
    )
    chain = DevChain(settings)
    chain.seal(1_001)
    return chain


def nonce_of(chain: DevChain) -> int:
    return chain.transaction_count(address_of(ALICE), BlockTag.PENDING)


def mine(chain: DevChain, raw: bytes) -> MinedTransaction:
    wanted = chain.submit(raw)
    chain.seal(0)
    place = chain.transaction(wanted)
    assert place is not None
    return place[1]


def deploy(chain: DevChain, runtime: bytes) -> Address:
    mined = mine(chain, signed(ALICE, nonce_of(chain), to=None, data=deployment(runtime), gas=5_000_000))
    assert mined.succeeded
    assert mined.contract_address is not None
    assert chain.state(LATEST).get_code(mined.contract_address) == runtime
    return mined.contract_address


def ask(to: Address | None, data: bytes = b"", *, gas: int = 10_000_000, value: int = 0) -> MessageCall:
    return MessageCall(sender=address_of(ALICE), to=to, value=value, data=data, gas=gas)


def test_the_genesis_holds_the_funds_and_a_base_fee_of_zero() -> None:
    chain = make()
    assert chain.state(BlockTag.EARLIEST).get_balance(address_of(BOB)) == WEI
    assert chain.head.base_fee_per_gas == 0
    assert chain.head.block_number == 1


def test_a_transfer_moves_money_without_a_fee() -> None:
    chain = make()
    mined = mine(chain, signed(ALICE, 0, to=bytes.fromhex("ab" * 20), value=5, gas=21_000))
    assert mined.succeeded
    assert mined.gas_used == 21_000
    assert chain.state(LATEST).get_balance(Address(bytes.fromhex("ab" * 20))) == 5
    assert chain.state(LATEST).get_balance(address_of(ALICE)) == WEI - 5


def test_a_legacy_transaction_of_this_chain_is_mined() -> None:
    assert mine(make(), signed(ALICE, 0, legacy=True)).succeeded


def test_a_transaction_of_another_chain_is_refused() -> None:
    with pytest.raises(TransactionRefusedError, match="invalid chain id for signer"):
        make().submit(signed(ALICE, 0, chain_id=CHAIN_ID + 5))


def test_after_a_nonce_gap_is_filled_both_are_mined_in_order() -> None:
    chain = make()
    late = chain.submit(signed(ALICE, 1))
    assert chain.seal(0).transactions == ()
    assert chain.waiting(late) is not None
    early = chain.submit(signed(ALICE, 0))
    assert [item.hash for item in chain.seal(0).transactions] == [early, late]
    assert chain.waiting(late) is None


def test_timestamps_are_whole_seconds_that_rise_and_follow_the_clock() -> None:
    chain = make()
    seen = []
    for now in (1_001, 1_001, 900, 2_000, 2_000, 2_001):
        chain.seal(now)
        seen.append(chain.head.timestamp)
    assert seen == [1_002, 1_003, 1_004, 2_000, 2_001, 2_002]


def test_reads_at_an_older_block_show_its_state() -> None:
    chain = make()
    cell = deploy(chain, CELL)
    for value in (1, 2, 3):
        mine(chain, signed(ALICE, nonce_of(chain), to=cell, data=word(value)))
    newest = chain.head.block_number
    seen = [int.from_bytes(chain.call(ask(cell), number)) for number in range(newest - 3, newest + 1)]
    assert seen == [0, 1, 2, 3]
    assert chain.state(newest - 1).get_storage(cell, 0) == 2
    assert chain.transaction_count(address_of(ALICE), newest - 1) == 3


def test_a_block_may_be_named_by_its_hash() -> None:
    chain = make()
    block = chain.block(1)
    assert block is not None
    assert chain.block(block.hash) is block
    assert chain.state(block.hash).get_balance(address_of(ALICE)) == WEI


@pytest.mark.parametrize("tag", [BlockTag.LATEST, BlockTag.SAFE, BlockTag.FINALIZED, BlockTag.PENDING])
def test_every_tag_but_earliest_means_the_newest_block(tag: BlockTag) -> None:
    chain = make()
    block, earliest = chain.block(tag), chain.block(BlockTag.EARLIEST)
    assert block is not None
    assert earliest is not None
    assert (block.number, earliest.number) == (1, 0)


def test_a_block_to_come_is_unknown() -> None:
    chain = make()
    assert chain.block(2) is None
    with pytest.raises(HeaderNotFoundError, match="header not found"):
        chain.call(ask(NOWHERE), 2)


def test_a_call_shows_the_context_of_its_block() -> None:
    chain = make()
    clock = deploy(chain, CLOCK)
    assert chain.call(ask(clock), LATEST) == word(chain.head.block_number) + word(chain.head.timestamp)


def test_the_parents_hash_is_visible_in_calls_and_in_transactions() -> None:
    chain = make()
    parent = deploy(chain, PARENT)
    assert chain.call(ask(parent), LATEST) == chain.head.parent_hash
    assert chain.call(ask(parent), LATEST) != bytes(32)


def test_a_revert_carries_the_contracts_data() -> None:
    chain = make()
    reverter = deploy(chain, REVERTER)
    with pytest.raises(ExecutionRevertedError, match=r"^execution reverted$") as caught:
        chain.call(ask(reverter, b"\x12\x34\x56\x78"), LATEST)
    assert caught.value.data == b"\x12\x34\x56\x78"
    assert caught.value.code == 3


def test_a_revert_with_a_reason_shows_it() -> None:
    chain = make()
    reverter = deploy(chain, REVERTER)
    data = bytes.fromhex("08c379a0") + word(32) + word(3) + b"why".ljust(32, b"\0")
    with pytest.raises(ExecutionRevertedError, match=r"^execution reverted: why$"):
        chain.call(ask(reverter, data), LATEST)


def test_a_call_without_enough_gas_or_money_says_so() -> None:
    chain = make()
    with pytest.raises(ExecutionFailedError, match="intrinsic gas too low"):
        chain.call(ask(NOWHERE, gas=20_999), LATEST)
    with pytest.raises(ExecutionFailedError, match="insufficient funds"):
        chain.call(ask(NOWHERE, value=WEI + 1), LATEST)
    with pytest.raises(ExecutionFailedError, match="out of gas"):
        chain.call(ask(deploy(chain, GREEDY), gas=100_000), LATEST)


def test_a_call_leaves_no_trace() -> None:
    chain = make()
    cell = deploy(chain, CELL)
    root = chain.head.state_root
    chain.call(ask(cell, word(9)), LATEST)
    chain.seal(0)
    assert chain.head.state_root == root


def test_the_precompiles_are_there() -> None:
    chain = make()
    assert chain.call(ask(deploy(chain, HASHER), b"text"), LATEST) == sha256(b"text").digest()


def test_a_thousand_nested_calls_run_where_python_lets_them() -> None:
    """py-evm's calls go through C, whose recursion CPython 3.12 bounds at compile time, each release otherwise."""
    chain = make()
    recursive = deploy(chain, RECURSIVE)
    assert chain.call(ask(recursive, gas=5_000_000), LATEST) == b""
    told = ""
    try:
        assert chain.call(ask(recursive, gas=60_000_000), LATEST) == b""
    except ExecutionFailedError as error:
        told = str(error)
    assert not told or (sys.version_info[:2] == (3, 12) and "nested deeper" in told)


def test_an_estimate_is_enough_and_not_much_more() -> None:
    chain = make()
    cell = deploy(chain, CELL)
    gas = chain.estimate(ask(cell, word(1)), LATEST)
    mined = mine(chain, signed(ALICE, nonce_of(chain), to=cell, data=word(1), gas=gas))
    assert mined.succeeded
    assert mined.gas_used <= gas < mined.gas_used * 1.02


def test_an_estimate_counts_what_a_callee_does_not_get() -> None:
    chain = make()
    guarded = deploy(chain, guard(deploy(chain, GREEDY)))
    gas = chain.estimate(ask(guarded), LATEST)
    mined = mine(chain, signed(ALICE, nonce_of(chain), to=guarded, gas=gas))
    assert mined.succeeded
    assert gas > mined.gas_used * 1.008
    with pytest.raises(ExecutionRevertedError):
        chain.call(ask(guarded, gas=mined.gas_used), chain.head.block_number - 1)


def test_a_plain_transfer_is_estimated_exactly() -> None:
    assert make().estimate(ask(NOWHERE), LATEST) == 21_000


def test_an_estimate_of_what_reverts_carries_the_data() -> None:
    chain = make()
    reverter = deploy(chain, REVERTER)
    with pytest.raises(ExecutionRevertedError) as caught:
        chain.estimate(ask(reverter, b"\xaa"), LATEST)
    assert caught.value.data == b"\xaa"


def test_an_estimate_beyond_the_allowance_says_so() -> None:
    chain = make()
    greedy = deploy(chain, GREEDY)
    with pytest.raises(ExecutionFailedError, match=r"gas required exceeds allowance \(100000\)"):
        chain.estimate(ask(greedy, gas=100_000), LATEST)


def test_a_transaction_that_reverts_is_mined_as_failed() -> None:
    chain = make()
    reverter = deploy(chain, REVERTER)
    mined = mine(chain, signed(ALICE, nonce_of(chain), to=reverter, data=b"\x01"))
    assert not mined.succeeded
    assert mined.logs == ()


def test_logs_carry_their_place() -> None:
    chain = make()
    logger = deploy(chain, LOGGER)
    hashes = [chain.submit(signed(ALICE, nonce_of(chain), to=logger, data=word(7) + word(n))) for n in range(3)]
    block = chain.seal(0)
    found = chain.logs(LogFilter(addresses=frozenset((logger,))), block.number, LATEST)
    assert [(item.transaction_hash, item.transaction_index, item.log_index) for item in found] == [
        (item, place, place) for place, item in enumerate(hashes)
    ]
    assert {item.topics for item in found} == {(word(7), bytes(12) + address_of(ALICE))}
    assert [item.data for item in found] == [word(n) for n in range(3)]
    assert chain.logs_of_block(LogFilter(), block.hash) == found


def test_a_block_holds_no_more_than_its_gas_limit() -> None:
    chain = make(gas_limit=5_000_000)
    for nonce in range(3):
        chain.submit(signed(ALICE, nonce, gas=2_500_000))
    chain.submit(signed(BOB, 0, gas=2_500_000))
    assert [len(chain.seal(0).transactions) for _ in range(2)] == [4, 0]
    greedy = deploy(chain, GREEDY)
    for nonce in range(nonce_of(chain), nonce_of(chain) + 30):
        chain.submit(signed(ALICE, nonce, to=greedy, gas=1_000_000))
    sealed = [chain.seal(0) for _ in range(2)]
    assert all(block.gas_used <= 5_000_000 for block in sealed)
    assert sum(len(block.transactions) for block in sealed) == 30


def test_what_there_is_no_time_for_waits_for_the_next_block() -> None:
    chain = make()
    for nonce in range(3):
        chain.submit(signed(ALICE, nonce))
    answers = iter((False, True))
    assert len(chain.seal(0, lambda: next(answers)).transactions) == 1
    assert len(chain.seal(0).transactions) == 2


@pytest.mark.parametrize("error", [ValidationError("no"), RuntimeError("boom")])
def test_one_bad_transaction_does_not_cost_the_block(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    chain = make()
    bad = chain.submit(signed(BOB, 0))
    good = [chain.submit(signed(ALICE, nonce)) for nonce in range(2)]
    apply: Callable[..., tuple[ReceiptAPI, ComputationAPI]] = LedgerVM.apply_transaction

    def break_one(machine: LedgerVM, header: object, transaction: SignedTransaction) -> object:
        if transaction.sender == address_of(BOB):
            raise error
        return apply(machine, header, transaction)

    monkeypatch.setattr(LedgerVM, "apply_transaction", break_one)
    assert [item.hash for item in chain.seal(0).transactions] == good
    assert chain.waiting(bad) is None


def test_the_base_fee_stays_zero_after_full_blocks() -> None:
    chain = make(gas_limit=5_000_000)
    greedy = deploy(chain, GREEDY)
    for _ in range(3):
        for slot in range(9):
            chain.submit(
                signed(ALICE, nonce_of(chain), to=None, data=deployment(GREEDY + bytes((slot,)) * 1_500), gas=550_000)
            )
        assert chain.seal(0).gas_used > 2_500_000
    assert chain.head.base_fee_per_gas == 0
    assert mine(chain, signed(ALICE, nonce_of(chain), to=greedy, gas=1_000_000)).succeeded


def test_old_states_are_forgotten_and_the_kept_ones_stay_whole() -> None:
    chain = make(generation_entries_max=600)
    token = deploy(chain, TOKEN)
    for turn in range(60):
        for place in range(5):
            chain.submit(signed(ALICE, nonce_of(chain), to=token, data=word(turn * 5 + place + 1) + word(1)))
        assert all(item.succeeded for item in chain.seal(0).transactions)
    with pytest.raises(StateUnavailableError, match="historical state is not available"):
        chain.state(2)
    newest = chain.head.block_number
    kept = [number for number in range(newest + 1) if _has_state(chain, number)]
    assert kept == list(range(kept[0], newest + 1))
    assert 2 < kept[0] < newest
    assert [chain.transaction_count(address_of(ALICE), number) for number in kept] == [
        5 * (number - 2) + 1 for number in kept
    ]
    assert all(chain.state(number).get_code(token) == TOKEN for number in kept)


def _has_state(chain: DevChain, number: int) -> bool:
    try:
        chain.state(number)
    except StateUnavailableError:
        return False
    return True


def test_old_blocks_are_dropped_with_their_logs() -> None:
    chain = make(history=HistoryLimits(blocks_max=40))
    logger = deploy(chain, LOGGER)
    mined = mine(chain, signed(ALICE, 1, to=logger, data=word(1) + word(2)))
    for _ in range(60):
        chain.seal(0)
    assert chain.transaction(mined.hash) is None
    with pytest.raises(HistoryPrunedError):
        chain.block(1)
    with pytest.raises(HistoryPrunedError):
        chain.logs(LogFilter(), BlockTag.EARLIEST, LATEST)
    assert chain.logs(LogFilter(), chain.head.block_number - 20, LATEST) == []


def test_the_transactions_kept_are_bounded() -> None:
    chain = make(history=HistoryLimits(transactions_max=20))
    hashes = []
    for nonce in range(40):
        hashes.append(chain.submit(signed(ALICE, nonce)))
        chain.seal(0)
    assert chain.transaction(hashes[0]) is None
    assert chain.transaction(hashes[-1]) is not None
