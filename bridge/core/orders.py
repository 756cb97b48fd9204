"""What holders sign for others to submit (protocol.md, R-02): Orders and their EIP-712 digests. Equal to OrderLib.sol.

A wallet shows the domain, so it has chainId and verifyingContract where the committee's statements have a salt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.core.caip import Account, AssetId, Endpoint, EndpointId, evm_account, evm_address, evm_chain_id, word
from bridge.core.keccak import keccak
from bridge.core.statements import Digest
from bridge.core.transfer import AMOUNT_MAX, U64_MAX, ZERO_WORD
from bridge.errors import InvalidInputError

ORDER_DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ORDER_TYPE: Final = (
    "Order(bytes32 source,bytes32 destination,bytes32 asset,address holder,bytes32 recipient,uint256 amount,"
    "bool divisible,uint64 deadline,uint32 life,bytes32 clientReference,bytes32 payloadHash,uint256 nonce,"
    "uint64 expiry,address submitter)"
)
ORDER_TYPEHASH: Final = keccak(ORDER_TYPE.encode())
DOMAIN_NAME: Final = "Naru"
DOMAIN_VERSION: Final = "1"
_DOMAIN_PREFIX: Final = (
    keccak(ORDER_DOMAIN_TYPE.encode()) + keccak(DOMAIN_NAME.encode()) + keccak(DOMAIN_VERSION.encode())
)
U32_MAX: Final = 2**32 - 1
U256_MAX: Final = 2**256 - 1
ANYBODY: Final = Account(ZERO_WORD)
"""As submitter: whoever has the Order may submit it."""
_ZERO_ADDRESS: Final = "0x" + "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Terms that a holder signs; amount in smallest units, deadline and expiry in unix seconds, life in seconds.

    Of `deadline` and `life` one is 0; a life counts from the lock's block time. `divisible` makes `amount` a total that
    is drawn in parts. A life and parts are for a named submitter only: from anybody, the holder could not expect them.

    Raises:
        InvalidInputError: a field is out of its width or range, or no gateway would take them together (OrderInvalid).
    """

    source: EndpointId
    destination: EndpointId
    asset: AssetId
    holder: Account
    recipient: Account
    amount: int
    nonce: int
    """At the gateway, above 0; it is used up by the lock, or by the draw of the last unit."""
    expiry: int
    """The last block time at which it may be submitted."""
    divisible: bool = False
    deadline: int = 0
    life: int = 0
    client_reference: bytes = ZERO_WORD
    payload_hash: bytes = ZERO_WORD
    submitter: Account = ANYBODY

    def __post_init__(self) -> None:
        """Check widths and ranges once, so that nothing below has to."""
        self._check_ranges()
        if (self.deadline == 0) == (self.life == 0):
            raise InvalidInputError("an order has a deadline or a life in seconds: give one of the two")
        if self.submitter == ANYBODY and (self.divisible or self.life):
            raise InvalidInputError("an order that is divisible or has a life must name its submitter")
        if self.source == self.destination:
            raise InvalidInputError("source and destination are one gateway: a transfer moves between two ledgers")
        if self.recipient == ZERO_WORD:
            raise InvalidInputError("an order names its recipient: the zero account can't hold units")
        evm_account(evm_address(self.holder))
        evm_address(self.submitter)
        for value in (self.source, self.destination, self.asset, self.recipient):
            word(value)
        word(self.client_reference)
        word(self.payload_hash)

    def _check_ranges(self) -> None:
        if not 0 < self.amount <= AMOUNT_MAX:
            raise InvalidInputError(
                f"amount {self.amount} is out of range: give a whole number of smallest units from 1 to 2^127 - 1"
            )
        if not 0 < self.nonce <= U256_MAX:
            raise InvalidInputError(f"nonce {self.nonce} is out of range: give 1 to 2^256 - 1")
        if not 0 < self.expiry <= U64_MAX:
            raise InvalidInputError(f"expiry {self.expiry} is out of range: give unix seconds")
        if not 0 <= self.deadline <= U64_MAX:
            raise InvalidInputError(f"deadline {self.deadline} is out of range: give unix seconds")
        if not 0 <= self.life <= U32_MAX:
            raise InvalidInputError(f"life {self.life} is out of range: give seconds, at most 2^32 - 1")

    @property
    def struct_hash(self) -> bytes:
        """EIP-712 hashStruct."""
        return keccak(
            ORDER_TYPEHASH
            + self.source
            + self.destination
            + self.asset
            + self.holder
            + self.recipient
            + self.amount.to_bytes(32)
            + self.divisible.to_bytes(32)
            + self.deadline.to_bytes(32)
            + self.life.to_bytes(32)
            + self.client_reference
            + self.payload_hash
            + self.nonce.to_bytes(32)
            + self.expiry.to_bytes(32)
            + self.submitter
        )

    def digest(self, gateway: Endpoint) -> Digest:
        """keccak256(0x1901 ‖ domain separator ‖ hashStruct): the 32 bytes that the holder signs.

        Raises:
            InvalidInputError: *gateway* is not the order's source.
        """
        return Digest(keccak(b"\x19\x01" + order_domain_separator(self._at(gateway)) + self.struct_hash))

    def typed_data(self, gateway: Endpoint) -> dict[str, object]:
        """Lay the order out as wallets take it (eth_signTypedData_v4); numbers wider than 53 bits as decimal text.

        Raises:
            InvalidInputError: *gateway* is not the order's source.
        """
        self._at(gateway)
        return {
            "types": {"EIP712Domain": _fields(ORDER_DOMAIN_TYPE), "Order": _fields(ORDER_TYPE)},
            "primaryType": "Order",
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": evm_chain_id(gateway.ledger),
                "verifyingContract": evm_address(gateway.gateway),
            },
            "message": {
                "source": _hex(self.source),
                "destination": _hex(self.destination),
                "asset": _hex(self.asset),
                "holder": evm_address(self.holder),
                "recipient": _hex(self.recipient),
                "amount": str(self.amount),
                "divisible": self.divisible,
                "deadline": str(self.deadline),
                "life": str(self.life),
                "clientReference": _hex(self.client_reference),
                "payloadHash": _hex(self.payload_hash),
                "nonce": str(self.nonce),
                "expiry": str(self.expiry),
                "submitter": evm_address(self.submitter),
            },
        }

    def _at(self, gateway: Endpoint) -> Endpoint:
        if gateway.id != self.source:
            raise InvalidInputError(f"the order is for gateway 0x{self.source.hex()}, not for the one it is taken to")
        return gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """An Order with its holder's signature; of a divisible one, what is drawn now, after `drawn` in all before.

    Raises:
        InvalidInputError: parts of an order that is not divisible, or more than is left of it.
    """

    order: Order
    signature: bytes
    """65 bytes r ‖ s ‖ v, or what the holder's contract takes (ERC-1271)."""
    amount: int = 0
    drawn: int = 0
    """Both in smallest units, and 0 while nothing is to be drawn."""

    def __post_init__(self) -> None:
        """Refuse what no gateway would take, whatever it has seen."""
        if not self.order.divisible and (self.amount or self.drawn):
            raise InvalidInputError("this order is not divisible: it is locked whole, without an amount to draw")
        if self.amount < 0 or not 0 <= self.drawn <= self.order.amount - self.amount:
            raise InvalidInputError(
                f"{self.amount} after {self.drawn} is more than the order's {self.order.amount} smallest units"
            )


def order_domain_separator(gateway: Endpoint) -> bytes:
    """EIP-712 domain of Orders: name Naru, version 1, the ledger's chain id, the gateway's address.

    Raises:
        InvalidInputError: *gateway* is on no EVM ledger.
    """
    evm_address(gateway.gateway)
    return keccak(_DOMAIN_PREFIX + evm_chain_id(gateway.ledger).to_bytes(32) + gateway.gateway)


def order_of(data: object, gateway: Endpoint) -> Order:
    """Read what `typed_data` wrote for *gateway*; nothing may be missing, added or of another form.

    Raises:
        InvalidInputError: it is something else, or for another gateway.
    """
    table = _table(data, "the order")
    message = _table(table.get("message"), "the order's message")
    if set(message) != set(_MESSAGE_FIELDS):
        raise InvalidInputError(f"an order's message has exactly the fields {', '.join(_MESSAGE_FIELDS)}")
    order = Order(
        source=EndpointId(_word(message, "source")),
        destination=EndpointId(_word(message, "destination")),
        asset=AssetId(_word(message, "asset")),
        holder=_account(message, "holder"),
        recipient=Account(_word(message, "recipient")),
        amount=_number(message, "amount"),
        divisible=_flag(message, "divisible"),
        deadline=_number(message, "deadline"),
        life=_number(message, "life"),
        client_reference=_word(message, "clientReference"),
        payload_hash=_word(message, "payloadHash"),
        nonce=_number(message, "nonce"),
        expiry=_number(message, "expiry"),
        submitter=_account(message, "submitter"),
    )
    if order.typed_data(gateway) != {**table, "message": order.typed_data(gateway)["message"]}:
        raise InvalidInputError("types or domain are not those of a Naru order for this gateway: sign it anew")
    return order


def _fields(type_string: str) -> list[dict[str, str]]:
    pairs = [field.split(" ") for field in type_string.partition("(")[2].removesuffix(")").split(",")]
    return [{"name": name, "type": kind} for kind, name in pairs]


_MESSAGE_FIELDS: Final = tuple(field["name"] for field in _fields(ORDER_TYPE))


def _table(data: object, what: str) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise InvalidInputError(f"{what} is missing: give the JSON that `naru order sign` writes")
    return data


def _word(message: Mapping[str, object], name: str) -> bytes:
    value = message[name]
    digits = value[2:] if isinstance(value, str) and value.startswith("0x") else ""
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):  # noqa: PLR2004 - 32 bytes
        raise InvalidInputError(f"{name} must be 0x and 64 lower-case hexadecimal digits")
    return bytes.fromhex(digits)


def _account(message: Mapping[str, object], name: str) -> Account:
    value = message[name]
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} must be an address")
    return ANYBODY if value == _ZERO_ADDRESS else evm_account(value)


def _number(message: Mapping[str, object], name: str) -> int:
    """Read a number as JSON or as decimal text: both are what wallets hand on."""
    value = message[name]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(U256_MAX)):
        return int(value)
    raise InvalidInputError(f"{name} must be a whole number, as text or as JSON number")


def _flag(message: Mapping[str, object], name: str) -> bool:
    value = message[name]
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} must be true or false")
    return value


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
