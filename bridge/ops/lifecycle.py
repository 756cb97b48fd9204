"""Lifecycle data at one institution: made into packages, put into its relayer's outbox, looked at (R-27)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.adapters.files.parcels import FileParcels
from bridge.adapters.redis.client import connect
from bridge.committee.identity import Identity, IdentityCard
from bridge.connections import read_identity
from bridge.core.lifecycle import PACKAGE_LEN_MAX, SALT_LEN, Fault, Lifecycle, LifecycleError, Package, Parcel, pack
from bridge.core.transfer import TransferId
from bridge.disk import put
from bridge.errors import ConfigError, InvalidInputError
from bridge.ops.transfers import FULL_ID_LEN, Json, find
from bridge.ports.lifecycle import Box
from bridge.ports.runtime import Entropy
from bridge.relayer_config import LifecycleConfig, RelayerConfig

PRIVATE: Final = 0o600
INPUT_LEN_MAX: Final = 4 * PACKAGE_LEN_MAX
"""Of what a person wrote, blanks and line breaks included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A package on disk."""

    path: Path
    package: Package
    data: Lifecycle


def identity(path: Path) -> IdentityCard:
    """Make an institution's identity, or read the one that is there; give its card.

    Raises:
        ConfigError: what is there is none, or others may read it.
        InvalidInputError: it can't be written.
    """
    if not path.exists():
        _put_new(path, Identity.generate().to_bytes().hex() + "\n")
    return read_identity(path).card


def make(source: Path, out: Path | None, entropy: Entropy) -> Made:
    """Check what a person or program wrote, and put a salt before its canonical bytes; nothing is overwritten.

    Raises:
        LifecycleError: it is no lifecycle data, or too long.
        InvalidInputError: a file can't be read or written, or is there already.
    """
    data = Lifecycle.from_json(_read(source, INPUT_LEN_MAX))
    package, path = pack(data, entropy(SALT_LEN)), out or source.with_suffix(".package")
    _put_new(path, package.to_bytes())
    return Made(path=path, package=package, data=data)


async def send(config: RelayerConfig, digits: str, file: Path) -> Parcel:
    """Put a package into the relayer's outbox, once it is shown to be what the transfer binds.

    Raises:
        LifecycleError: it isn't.
        InvalidInputError: the relayer knows no such transfer, or no institution that keeps its destination's register.
        UnavailableError: Redis does not answer, or the disk refuses.
    """
    table, package = _table(config), Package.from_bytes(_read(file, PACKAGE_LEN_MAX))
    async with connect(config.redis) as stores:
        record = await find(stores, digits)
    if record is None:
        raise InvalidInputError(f"the relayer knows no transfer 0x{digits} yet: try again once its lock is final")
    package.check(record.transfer)
    receiving = {ledger.endpoint.id for ledger in config.ledgers if ledger.name in {p.ledger for p in table.peers}}
    if record.transfer.destination not in receiving:
        raise InvalidInputError("no institution is configured for its destination: add it to lifecycle.peers")
    parcel = Parcel(transfer=record.transfer, package=package)
    FileParcels(table.folder).put(Box.OUTBOX, parcel)
    return parcel


def show(config: RelayerConfig, digits: str) -> tuple[TransferId, dict[Box, Parcel]]:
    """Find what lies in any box of the transfer whose id starts with *digits*, which may be nothing.

    Raises:
        InvalidInputError: several transfers' do; or nothing lies there, and *digits* are no whole id.
        UnavailableError: the disk refuses, or what lies there is damaged.
    """
    folder = _table(config).folder
    store = FileParcels(folder) if folder.exists() else None
    ids = {i for box in Box for i in store.ids(box) if i.hex().startswith(digits)} if store else set[TransferId]()
    if len(ids) > 1:
        raise InvalidInputError(f"{len(ids)} transfers start with 0x{digits}: give more digits")
    if not ids and len(digits) < FULL_ID_LEN:
        raise InvalidInputError(f"nothing lies here of a transfer that starts with 0x{digits}: give the whole id")
    transfer_id = ids.pop() if ids else TransferId(bytes.fromhex(digits))
    found = {box: store.get(box, transfer_id) for box in Box} if store else {}
    return transfer_id, {box: parcel for box, parcel in found.items() if parcel is not None}


def document(package: Package) -> Json:
    """Give what a package says, as its register wrote it."""
    parsed: Json = json.loads(package.data)
    return parsed


def _table(config: RelayerConfig) -> LifecycleConfig:
    if config.lifecycle is None:
        problem = (
            "this relayer carries no lifecycle data: add a lifecycle table to its configuration (docs/lifecycle.md)"
        )
        raise ConfigError((problem,))
    return config.lifecycle


def _read(path: Path, len_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(len_max + 1)
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read ({error.strerror}): give the path of a file") from error
    if len(data) > len_max:
        raise LifecycleError(Fault.TOO_LONG, f"{path} has more than {len_max} bytes: give fewer lots")
    return data


def _put_new(path: Path, data: str | bytes) -> None:
    try:
        put(path, data, mode=PRIVATE, new=True)
    except FileExistsError:
        text = f"{path} is there already, and a transfer may bind it: give another name with --out"
        raise InvalidInputError(text) from None
    except OSError as error:
        raise InvalidInputError(
            f"{path} can't be written ({error.strerror}): give a path in a folder of yours"
        ) from error
