"""The immutable terms of a transfer and its identity (protocol.md, section 1). Byte layout equal to TransferLib.sol."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NewType

from bridge.core.caip import Account, AssetId, EndpointId, word
from bridge.core.keccak import keccak
from bridge.errors import InvalidInputError

TransferId = NewType("TransferId", bytes)
LaneId = NewType("LaneId", bytes)

TRANSFER_TYPE: Final = (
    "Transfer(bytes32 source,bytes32 destination,uint64 sequence,bytes32 asset,bytes32 sender,bytes32 recipient,"
    "uint256 amount,uint64 deadline,bytes32 clientReference,bytes32 payloadHash)"
)
TRANSFER_TYPEHASH: Final = keccak(TRANSFER_TYPE.encode())
TRANSFER_WORDS: Final = 10
AMOUNT_MAX: Final = 2**127 - 1
U64_MAX: Final = 2**64 - 1
ZERO_WORD: Final = bytes(32)
LANES_MAX: Final = 1024
"""Lanes whose ids are kept: transfers are many, and lanes few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Ordered triple; sequence, totals, limits and outcome words are kept per lane."""

    source: EndpointId
    destination: EndpointId
    asset: AssetId

    def __post_init__(self) -> None:
        """Refuse a lane that leads back to its source."""
        if self.source == self.destination:
            msg = "a lane's source and destination must be two gateways on two ledgers"
            raise InvalidInputError(msg)

    @property
    def id(self) -> LaneId:
        """keccak256(abi.encode(source, destination, asset))."""
        return _lane_id(self.source, self.destination, self.asset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """The terms. Amount in the asset's smallest unit, 0 < amount < 2^127; deadline in unix seconds.

    Raises:
        InvalidInputError: a field is out of its width or range.
    """

    source: EndpointId
    destination: EndpointId
    sequence: int
    asset: AssetId
    sender: Account
    recipient: Account
    amount: int
    deadline: int
    client_reference: bytes = ZERO_WORD
    payload_hash: bytes = ZERO_WORD

    def __post_init__(self) -> None:
        """Check widths and ranges once, so that nothing below has to."""
        if not 0 < self.amount <= AMOUNT_MAX:
            msg = f"amount {self.amount} is out of range: give a whole number of smallest units from 1 to 2^127 - 1"
            raise InvalidInputError(msg)
        if not 0 < self.sequence <= U64_MAX:
            msg = f"sequence {self.sequence} is out of range: the source gateway numbers from 1 to 2^64 - 1"
            raise InvalidInputError(msg)
        if not 0 < self.deadline <= U64_MAX:
            msg = f"deadline {self.deadline} is out of range: give unix seconds"
            raise InvalidInputError(msg)
        if self.source == self.destination:
            msg = "source and destination are one gateway: a transfer moves between two ledgers"
            raise InvalidInputError(msg)
        for value in (self.source, self.destination, self.asset, self.sender, self.recipient):
            word(value)
        word(self.client_reference)
        word(self.payload_hash)

    @property
    def lane(self) -> Lane:
        """The lane on which this transfer's sequence counts."""
        return Lane(source=self.source, destination=self.destination, asset=self.asset)

    @property
    def id(self) -> TransferId:
        """EIP-712 hashStruct of the terms."""
        return TransferId(keccak(TRANSFER_TYPEHASH + encode(self)))


@lru_cache(maxsize=LANES_MAX)
def _lane_id(source: EndpointId, destination: EndpointId, asset: AssetId) -> LaneId:
    return LaneId(keccak(word(source) + word(destination) + word(asset)))


def encode(transfer: Transfer) -> bytes:
    """Lay the terms out as ten words (320 bytes), in the type string's order; integers big-endian."""
    return b"".join(
        (
            transfer.source,
            transfer.destination,
            _integer(transfer.sequence),
            transfer.asset,
            transfer.sender,
            transfer.recipient,
            _integer(transfer.amount),
            _integer(transfer.deadline),
            transfer.client_reference,
            transfer.payload_hash,
        )
    )


def decode(data: bytes) -> Transfer:
    """Read ten words as terms.

    Raises:
        InvalidInputError: not 320 bytes, or a value out of range.
    """
    if len(data) != TRANSFER_WORDS * 32:
        msg = f"a transfer is {TRANSFER_WORDS * 32} bytes, got {len(data)}"
        raise InvalidInputError(msg)
    words = [data[i : i + 32] for i in range(0, len(data), 32)]
    return Transfer(
        source=EndpointId(words[0]),
        destination=EndpointId(words[1]),
        sequence=int.from_bytes(words[2]),
        asset=AssetId(words[3]),
        sender=Account(words[4]),
        recipient=Account(words[5]),
        amount=int.from_bytes(words[6]),
        deadline=int.from_bytes(words[7]),
        client_reference=words[8],
        payload_hash=words[9],
    )


def _integer(value: int) -> bytes:
    return value.to_bytes(32)
