"""JSON-RPC arguments into the chain's values; what is malformed is refused with its position.

Law: nothing of type `Json` goes further than this module and rpc.py.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from eth_typing import Address, Hash32

from bridge.devnet.ledger.chain import BlockRef, BlockTag
from bridge.devnet.ledger.errors import InvalidParamsError
from bridge.devnet.ledger.evm import MessageCall
from bridge.devnet.ledger.logs import TOPICS_MAX, LogFilter
from bridge.devnet.ledger.transactions import AccessList

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | dict[str, Json] | None"

ALTERNATIVES_MAX = 1_000
ADDRESS_LEN = 20
WORD_LEN = 32
_HASH_TEXT_LEN = 2 + 2 * WORD_LEN

_TAGS = {tag.value: tag for tag in BlockTag}
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")


class Params:
    """The positional arguments of one request."""

    def __init__(self, values: Sequence[Json]) -> None:
        """Take them as they came."""
        self._values = values

    def at(self, position: int) -> Json:
        """Return an argument; None if it is missing."""
        return self._values[position] if position < len(self._values) else None

    def required(self, position: int) -> Json:
        """Return an argument that must be there."""
        value = self.at(position)
        if value is None:
            msg = f"missing value for required argument {position}"
            raise InvalidParamsError(msg)
        return value

    def address(self, position: int) -> Address:
        """Return 20 bytes."""
        return Address(_sized(self.required(position), ADDRESS_LEN, f"argument {position}"))

    def hash(self, position: int) -> Hash32:
        """Return 32 bytes."""
        return Hash32(_sized(self.required(position), WORD_LEN, f"argument {position}"))

    def data(self, position: int) -> bytes:
        """Return bytes of any length."""
        return _data(self.required(position), f"argument {position}")

    def quantity(self, position: int) -> int:
        """Return an unsigned integer of at most 256 bits."""
        return _quantity(self.required(position), f"argument {position}")

    def slot(self, position: int) -> int:
        """Return a storage position, written as quantity or as 32 bytes."""
        value = self.required(position)
        if isinstance(value, str) and len(value) == _HASH_TEXT_LEN:
            return int.from_bytes(_data(value, f"argument {position}"), "big")
        return self.quantity(position)

    def flag(self, position: int) -> bool:
        """Return a truth value; false if missing."""
        value = self.at(position)
        if value is not None and not isinstance(value, bool):
            msg = f"invalid argument {position}: true or false expected"
            raise InvalidParamsError(msg)
        return bool(value)

    def block(self, position: int) -> BlockRef:
        """Return a block by number, tag, hash or EIP-1898 object; the newest if missing."""
        return block_ref(self.at(position), f"argument {position}")

    def percentiles(self, position: int) -> tuple[float, ...]:
        """Return rising numbers from 0 to 100; none if missing."""
        values = self.at(position)
        if values is None:
            return ()
        if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
            msg = f"invalid argument {position}: a list of percentiles expected"
            raise InvalidParamsError(msg)
        points = tuple(float(value) for value in values if isinstance(value, int | float))
        if list(points) != sorted(points) or any(not 0 <= point <= 100 for point in points):  # noqa: PLR2004  # percent
            msg = f"invalid argument {position}: percentiles must rise from 0 to 100"
            raise InvalidParamsError(msg)
        return points

    def call(self, position: int, gas_max: int) -> MessageCall:
        """Return a message; its gas is `gas_max` if none or more is given. Prices are ignored: they are zero."""
        fields = _object(self.required(position), f"argument {position}")
        data = fields.get("input") if fields.get("input") is not None else fields.get("data")
        gas = fields.get("gas")
        return MessageCall(
            sender=Address(_sized(fields.get("from") or "0x" + "00" * ADDRESS_LEN, ADDRESS_LEN, "from")),
            to=None if fields.get("to") is None else Address(_sized(fields["to"], ADDRESS_LEN, "to")),
            value=_quantity(fields.get("value") or "0x0", "value"),
            data=b"" if data is None else _data(data, "input"),
            gas=gas_max if gas is None else min(_quantity(gas, "gas"), gas_max),
            access_list=_access_list(fields.get("accessList")),
        )

    def no_overrides(self, position: int) -> None:
        """Refuse state overrides, rather than ignore them."""
        if self.at(position):
            msg = f"invalid argument {position}: this ledger has no state overrides"
            raise InvalidParamsError(msg)


class LogQuery:
    """The argument of eth_getLogs: what to match, and either a block hash or a range."""

    def __init__(self, value: Json) -> None:
        """Parse the object; both ends of the range are the newest block unless given."""
        fields = _object(value, "argument 0")
        self.block_hash = None
        if fields.get("blockHash") is not None:
            if fields.get("fromBlock") is not None or fields.get("toBlock") is not None:
                msg = "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other"
                raise InvalidParamsError(msg)
            self.block_hash = Hash32(_sized(fields["blockHash"], WORD_LEN, "blockHash"))
        self.first = block_ref(fields.get("fromBlock"), "fromBlock")
        self.last = block_ref(fields.get("toBlock"), "toBlock")
        addresses = _alternatives(fields.get("address"), ADDRESS_LEN, "address")
        self.filter = LogFilter(
            addresses=frozenset(Address(address) for address in addresses), topics=_topics(fields.get("topics"))
        )


def block_ref(value: Json, name: str) -> BlockRef:
    """Return a block by number, tag, hash or EIP-1898 object; the newest if None."""
    if value is None:
        return BlockTag.LATEST
    if isinstance(value, dict):
        if value.get("blockHash") is not None:
            return Hash32(_sized(value["blockHash"], WORD_LEN, f"{name}: blockHash"))
        return block_ref(value.get("blockNumber"), f"{name}: blockNumber")
    if isinstance(value, str) and value in _TAGS:
        return _TAGS[value]
    if isinstance(value, str) and len(value) == _HASH_TEXT_LEN:
        return Hash32(_sized(value, WORD_LEN, name))
    return _quantity(value, name)


def _topics(value: Json) -> tuple[frozenset[bytes], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        msg = "invalid argument 0: topics must be a list"
        raise InvalidParamsError(msg)
    if len(value) > TOPICS_MAX:
        msg = "exceed max topics"
        raise InvalidParamsError(msg)
    return tuple(_alternatives(item, WORD_LEN, "topics") for item in value)


def _alternatives(value: Json, item_len: int, name: str) -> frozenset[bytes]:
    """Return one value or several as a set; empty for null, and for a list that holds null: any."""
    items: Sequence[Json] = value if isinstance(value, list) else [] if value is None else [value]
    if len(items) > ALTERNATIVES_MAX:
        msg = f"exceed max {name}"
        raise InvalidParamsError(msg)
    if any(item is None for item in items):
        return frozenset()
    return frozenset(_sized(item, item_len, name) for item in items)


def _access_list(value: Json) -> AccessList:
    if value is None:
        return ()
    if not isinstance(value, list):
        msg = "invalid accessList: a list expected"
        raise InvalidParamsError(msg)
    entries = [_object(item, "accessList") for item in value]
    return tuple((_access_address(entry), _access_slots(entry)) for entry in entries)


def _access_address(entry: dict[str, Json]) -> Address:
    return Address(_sized(entry.get("address"), ADDRESS_LEN, "accessList: address"))


def _access_slots(entry: dict[str, Json]) -> tuple[int, ...]:
    keys = entry.get("storageKeys") or []
    if not isinstance(keys, list):
        msg = "invalid accessList: storageKeys must be a list"
        raise InvalidParamsError(msg)
    return tuple(int.from_bytes(_sized(key, WORD_LEN, "accessList: storageKeys"), "big") for key in keys)


def _object(value: Json, name: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        msg = f"invalid {name}: an object expected"
        raise InvalidParamsError(msg)
    return value


def _quantity(value: Json, name: str) -> int:
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        msg = f"invalid {name}: a hex quantity without leading zeros expected"
        raise InvalidParamsError(msg)
    return int(value, 16)


def _data(value: Json, name: str) -> bytes:
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        msg = f"invalid {name}: hex data with an even number of digits expected"
        raise InvalidParamsError(msg)
    return bytes.fromhex(value[2:])


def _sized(value: Json, length: int, name: str) -> bytes:
    data = _data(value, name)
    if len(data) != length:
        msg = f"invalid {name}: {length} bytes expected, {len(data)} given"
        raise InvalidParamsError(msg)
    return data
