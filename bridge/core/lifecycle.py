"""Lifecycle data: what travels beside the units of a transfer, from register to register (R-27). Pure.

    payloadHash = keccak256(salt ‖ bytes): 32 random bytes, and the data as RFC 8785 writes it

Law: bytes count for a transfer only if salt and bytes give the very hash that the transfer binds, and the lots add up
to its amount; nothing here decides a transfer. Personal data never stands under a hash without a salt.
"""

import json
import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum, unique
from hmac import compare_digest
from typing import Final, Self, TypeAlias, TypeVar

import rfc8785

from bridge.core.keccak import keccak
from bridge.core.transfer import AMOUNT_MAX, Transfer
from bridge.errors import InvalidInputError

VERSION: Final = 1
SALT_LEN: Final = 32
PACKAGE_LEN_MAX: Final = 64 << 10
"""Salt and bytes."""
TEXT_LEN_MAX: Final = 200
CONTEXT: Final = b"naru.lifecycle.1\x00"
_UNITS: Final = re.compile(r"[1-9][0-9]{0,38}", re.ASCII)
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
_MONTHS: Final = range(1, 13)
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Json: TypeAlias = "str | int | Sequence[Json] | Mapping[str, Json]"


@unique
class Fault(StrEnum):
    """Why data is refused for good; the names also travel (proto/bridge/rpc/v1/lifecycle.proto)."""

    MALFORMED = "MALFORMED"
    """Not lifecycle data in its canonical form."""
    TOO_LONG = "TOO_LONG"
    OTHER_RECIPIENT = "OTHER_RECIPIENT"
    """Sealed to another institution's card."""
    SEAL_BROKEN = "SEAL_BROKEN"
    """The seal is of another transfer, or was changed on its way."""
    HASH_MISMATCH = "HASH_MISMATCH"
    """These are not the bytes that the transfer binds."""
    UNITS_MISMATCH = "UNITS_MISMATCH"
    """The lots do not add up to the transfer's amount."""
    NO_TRANSFER = "NO_TRANSFER"
    """The reader's own view of the ledger has no such transfer there, and never will."""


class LifecycleError(InvalidInputError):
    """Lifecycle data is refused, and none of it is kept; `fault` names why, the text says what to do."""

    def __init__(self, fault: Fault, text: str) -> None:
        """Keep the fault's name."""
        super().__init__(f"{fault}: {text}")
        self.fault = fault
        self.text = text


class Kind(StrEnum):
    """What a right is to."""

    ROYALTY = "royalty"
    DIVIDEND = "dividend"
    INTEREST = "interest"
    VOTE = "vote"
    SUBSCRIPTION = "subscription"
    REDEMPTION = "redemption"


class Side(StrEnum):
    """Whether units move with a right, or without it because it was cut before."""

    CUM = "cum"
    EX = "ex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Units that were acquired together; `units` in smallest units, `cost` as the register writes it, currency too."""

    units: int
    acquired: str
    """YYYY-MM-DD, a day of the register."""
    cost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A right that was cut from units of this transfer, and stays with whoever held them on the record date."""

    name: str
    """As the issuer announced it, such as `royalty-2026-q2`."""
    kind: Kind
    record_date: str
    entitled: str
    """Who held the units then: a reference of the register's, or a CAIP-10 account; no personal data is needed."""
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordDate:
    """The flag that units carry for one announced right: moved with it, or after it was cut."""

    name: str
    date: str
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """All that one register tells the next of the units of one transfer.

    Raises:
        LifecycleError: it contradicts itself, or a value is out of its range.
    """

    lots: tuple[Lot, ...]
    rights: tuple[Right, ...] = ()
    record_dates: tuple[RecordDate, ...] = ()

    def __post_init__(self) -> None:
        """Check each value, and that they fit each other."""
        for i, lot in enumerate(self.lots):
            _check_units(f"lots[{i}].units", lot.units)
            _check_day(f"lots[{i}].acquired", lot.acquired)
            if lot.cost is not None:
                _check_text(f"lots[{i}].cost", lot.cost)
        if not 0 < self.units <= AMOUNT_MAX:
            raise _malformed("lots: give at least one, and together no more than 2^127 - 1 units")
        for i, flag in enumerate(self.record_dates):
            _check_text(f"record_dates[{i}].name", flag.name)
            _check_day(f"record_dates[{i}].date", flag.date)
        for i, right in enumerate(self.rights):
            _check_text(f"rights[{i}].name", right.name)
            _check_text(f"rights[{i}].entitled", right.entitled)
            _check_units(f"rights[{i}].units", right.units)
        _check_once("record_dates", [(flag.name,) for flag in self.record_dates])
        _check_once("rights", [(right.name, right.entitled) for right in self.rights])
        self._check_rights()

    @property
    def units(self) -> int:
        """What the lots add up to, in smallest units: the transfer's amount."""
        return sum(lot.units for lot in self.lots)

    def to_bytes(self) -> bytes:
        """Write the data as RFC 8785 has it: one value, one sequence of bytes."""
        return rfc8785.dumps(_document(self))

    @classmethod
    def from_json(cls, data: bytes | str) -> Self:
        """Read what a person or a program wrote, in any layout.

        Raises:
            LifecycleError: a field is missing, unknown or wrong.
        """
        top = _fields("", _parsed(data), "version", "lots", optional=("rights", "record_dates"))
        if type(top["version"]) is not int or top["version"] != VERSION:
            raise _malformed(f"version: give {VERSION}, the only one that this program knows")
        return cls(
            lots=_list("lots", top["lots"], _lot),
            rights=_list("rights", top.get("rights", []), _right),
            record_dates=_list("record_dates", top.get("record_dates", []), _record_date),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` gave, and nothing else.

        Raises:
            LifecycleError: it is not lifecycle data, or not in its one canonical form.
        """
        found = cls.from_json(data)
        if found.to_bytes() != data:
            raise _malformed("not in canonical form (RFC 8785): make it with `naru lifecycle make`")
        return found

    def _check_rights(self) -> None:
        cut = {flag.name: flag.date for flag in self.record_dates if flag.side is Side.EX}
        for i, right in enumerate(self.rights):
            if cut.get(right.name) != right.record_date:
                raise _malformed(
                    f"rights[{i}]: {right.name!r} was cut on {right.record_date}, so record_dates must name it with "
                    "that date and side ex; a right that still goes with the units (cum) has no entry here"
                )
            if sum(other.units for other in self.rights if other.name == right.name) > self.units:
                raise _malformed(f"rights[{i}]: more units carried {right.name!r} than are moved: correct rights.units")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Salt and canonical bytes, as they are kept and, sealed, sent: what a payloadHash is the hash of."""

    salt: bytes
    data: bytes

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            LifecycleError: the salt is not 32 bytes, or all is longer than 64 KiB.
        """
        if len(self.salt) != SALT_LEN:
            raise _malformed(f"a package begins with {SALT_LEN} random bytes: make it with `naru lifecycle make`")
        if len(self.salt) + len(self.data) > PACKAGE_LEN_MAX:
            raise LifecycleError(
                Fault.TOO_LONG, f"more than {PACKAGE_LEN_MAX} bytes: give fewer lots, or merge those of one day"
            )

    @property
    def hash(self) -> bytes:
        """The payloadHash: keccak256(salt ‖ bytes)."""
        return keccak(self.salt + self.data)

    def to_bytes(self) -> bytes:
        """Give salt ‖ bytes."""
        return self.salt + self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read salt ‖ bytes; whether they count for a transfer, `check` tells.

        Raises:
            LifecycleError: too short or too long.
        """
        return cls(salt=data[:SALT_LEN], data=data[SALT_LEN:])

    def check(self, transfer: Transfer) -> Lifecycle:
        """Read the data, once it is shown to be what *transfer* binds. The comparison takes the same time for all.

        Raises:
            LifecycleError: HASH_MISMATCH, MALFORMED or UNITS_MISMATCH.
        """
        if not compare_digest(self.hash, transfer.payload_hash):
            text = "these are not the bytes that the transfer binds: give the package that its payloadHash was made of"
            raise LifecycleError(Fault.HASH_MISMATCH, text)
        found = Lifecycle.from_bytes(self.data)
        if found.units != transfer.amount:
            text = f"the lots add up to {found.units} units, and the transfer moves {transfer.amount}"
            raise LifecycleError(Fault.UNITS_MISMATCH, f"{text}: make the data for this amount, and transfer anew")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A package with the terms of the transfer that it belongs to."""

    transfer: Transfer
    package: Package


def pack(data: Lifecycle, salt: bytes) -> Package:
    """Put 32 fresh random bytes before the canonical bytes.

    Raises:
        LifecycleError: as for Package.
    """
    return Package(salt=salt, data=data.to_bytes())


def seal_context(transfer: Transfer) -> bytes:
    """Give what a seal is bound to (HPKE's info): this transfer and the hash that it binds."""
    return CONTEXT + transfer.id + transfer.payload_hash


def _document(data: Lifecycle) -> dict[str, Json]:
    return {
        "version": VERSION,
        "lots": [_row(lot) for lot in data.lots],
        "rights": [_row(right) for right in data.rights],
        "record_dates": [_row(flag) for flag in data.record_dates],
    }


def _row(item: Lot | Right | RecordDate) -> dict[str, Json]:
    """Write each value as a text: a JSON number is a double, and money is none."""
    values = ((field.name, getattr(item, field.name)) for field in fields(item))
    return {name: str(value) for name, value in values if value is not None}


def _parsed(data: bytes | str) -> object:
    try:
        parsed: object = json.loads(data, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _malformed(
            f"no JSON in UTF-8 ({type(error).__name__}): give a file as docs/lifecycle.md shows"
        ) from error
    return parsed


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    _check_once("fields", [(name,) for name, _ in pairs])
    return dict(pairs)


def _lot(where: str, value: object) -> Lot:
    found = _fields(where, value, "units", "acquired", optional=("cost",))
    return Lot(
        units=_units(f"{where}.units", found["units"]),
        acquired=_text(f"{where}.acquired", found["acquired"]),
        cost=_text(f"{where}.cost", found["cost"]) if "cost" in found else None,
    )


def _right(where: str, value: object) -> Right:
    found = _fields(where, value, "name", "kind", "record_date", "entitled", "units")
    return Right(
        name=_text(f"{where}.name", found["name"]),
        kind=_one_of(f"{where}.kind", found["kind"], Kind),
        record_date=_text(f"{where}.record_date", found["record_date"]),
        entitled=_text(f"{where}.entitled", found["entitled"]),
        units=_units(f"{where}.units", found["units"]),
    )


def _record_date(where: str, value: object) -> RecordDate:
    found = _fields(where, value, "name", "date", "side")
    return RecordDate(
        name=_text(f"{where}.name", found["name"]),
        date=_text(f"{where}.date", found["date"]),
        side=_one_of(f"{where}.side", found["side"], Side),
    )


def _fields(where: str, value: object, *required: str, optional: tuple[str, ...] = ()) -> dict[str, object]:
    place = where or "the file"
    if not isinstance(value, dict):
        raise _malformed(f"{place}: give an object with {', '.join(required)}")
    if missing := [name for name in required if name not in value]:
        raise _malformed(f"{place}: {', '.join(missing)} is missing: add it")
    if unknown := sorted(value.keys() - {*required, *optional}):
        raise _malformed(f"{place}: no such field as {unknown[0]!r}: remove it, or correct its spelling")
    return value


def _list(where: str, value: object, read: Callable[[str, object], T]) -> tuple[T, ...]:
    if not isinstance(value, list):
        raise _malformed(f"{where}: give a list")
    return tuple(read(f"{where}[{i}]", item) for i, item in enumerate(value))


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise _malformed(f"{where}: give a text in quotes")
    return value


def _units(where: str, value: object) -> int:
    if not isinstance(value, str) or not _UNITS.fullmatch(value):
        raise _malformed(f'{where}: give whole smallest units as a text, such as "1500"')
    return int(value)


def _one_of(where: str, value: object, choices: type[E]) -> E:
    try:
        return choices(_text(where, value))
    except ValueError:
        raise _malformed(f"{where}: give one of {', '.join(choices)}") from None


def _check_units(where: str, units: int) -> None:
    if not 0 < units <= AMOUNT_MAX:
        raise _malformed(f"{where}: give 1 to 2^127 - 1")


def _check_day(where: str, day: str) -> None:
    match = _DAY.fullmatch(day)
    year, month, number = map(int, match.groups()) if match else (0, 0, 0)
    if not (year and month in _MONTHS and 1 <= number <= monthrange(year, month)[1]):
        raise _malformed(f"{where}: give a day as YYYY-MM-DD")


def _check_text(where: str, text: str) -> None:
    if not text.isprintable() or not 0 < len(text) <= TEXT_LEN_MAX:
        raise _malformed(f"{where}: give 1 to {TEXT_LEN_MAX} printable characters")


def _check_once(where: str, keys: Iterable[tuple[str, ...]]) -> None:
    """Refuse a key that stands there twice; only its first part is told, for the others may name a person."""
    seen = set[tuple[str, ...]]()
    for key in keys:
        if key in seen:
            raise _malformed(f"{where}: {key[0]!r} stands there twice for the same: name each once")
        seen.add(key)


def _malformed(text: str) -> LifecycleError:
    return LifecycleError(Fault.MALFORMED, text)
