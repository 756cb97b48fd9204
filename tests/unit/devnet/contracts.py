"""Hand-assembled contracts and signed transactions, for the embedded ledger's tests only."""

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.types import TransactionDictType
from eth_typing import Address
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

CHAIN_ID = 1001
WEI = 10**18


def deployment(runtime: bytes) -> bytes:
    """Return code that deploys `runtime`: PUSH2 len, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN."""
    return b"\x61" + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + runtime


def guard(callee: Address) -> bytes:
    """Return code that calls `callee` with all gas and reverts without data if that fails."""
    return bytes.fromhex("5f5f5f5f5f73") + callee + bytes.fromhex("5af1602257" + "5f5ffd" + "5b00")


# reverts with its calldata as data
REVERTER = bytes.fromhex("365f5f37365ffd")
# log2(data = calldata[32:64], topics = calldata[0:32], caller)
LOGGER = bytes.fromhex("6020355f52335f3560205fa200")
# no calldata: return slot 0; else slot 0 = calldata[0:32]
CELL = bytes.fromhex("36600c575f545f5260205ff35b5f355f5500")
# answers with the hash of its block's parent
PARENT = bytes.fromhex("60014303405f5260205ff3")
# answers with the block's number and timestamp
CLOCK = bytes.fromhex("435f524260205260405ff3")
# twenty fresh storage slots: needs about 440,000 gas
GREEDY = b"".join(bytes.fromhex("6001") + bytes((0x60, slot)) + b"\x55" for slot in range(1, 21)) + b"\x00"
# staticcall(precompile 2, calldata): return the SHA-256 of the calldata
HASHER = bytes.fromhex("365f5f3760205f365f60025afa5060205ff3")
# call oneself with all gas left until it runs out
RECURSIVE = bytes.fromhex("5f5f5f5f5f305af100")
# balances in a mapping at slot 0: move calldata[32:64] from the caller to calldata[0:32], log3
TOKEN = bytes.fromhex(
    "335f525f60205260405f20" + "80546020359003" + "9055" + "5f355f5260405f20" + "80546020350190" + "55"
    "6020355f52" + "5f3533" + "7f" + "dd" * 32 + "60205fa300"
)


def word(value: int) -> bytes:
    """Return 32 bytes."""
    return value.to_bytes(32, "big")


def account(number: int) -> LocalAccount:
    """Return an account that every test may know."""
    made: LocalAccount = Account.from_key(keccak(b"devnet test %d" % number))
    return made


def address_of(signer: LocalAccount) -> Address:
    """Return the account's address as bytes."""
    return Address(bytes.fromhex(signer.address[2:]))


def signed(  # noqa: PLR0913  # a transaction has that many fields
    signer: LocalAccount,
    nonce: int,
    *,
    to: bytes | None = bytes(20),
    data: bytes = b"",
    gas: int = 200_000,
    value: int = 0,
    fee: int = 0,
    chain_id: int | None = CHAIN_ID,
    legacy: bool = False,
) -> bytes:
    """Return a raw transaction; `fee` is fee cap and tip, `chain_id` None leaves it unprotected."""
    fields: TransactionDictType = {"nonce": nonce, "gas": gas, "value": value, "data": data}
    if to is not None:
        fields["to"] = to_checksum_address(to)
    if chain_id is not None:
        fields["chainId"] = chain_id
    if legacy or chain_id is None:
        fields["gasPrice"] = fee
    else:
        fields |= {"type": 2, "maxFeePerGas": fee, "maxPriorityFeePerGas": fee}
    return bytes(signer.sign_transaction(fields).raw_transaction)
