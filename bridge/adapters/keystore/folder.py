"""The signer's folder: identity, seats, approvals. Every file in it is this user's alone.

    identity.json               sealed: the identity's 64 secret bytes
    identity.pub                its card, 128 hexadecimal digits
    ceremony-<session>.json     sealed: what a ceremony must keep secret until it has ended
    epoch-<n>/share.json        sealed KeyPackage, bound to epoch and notary
    epoch-<n>/votes.sqlite      what the seat signed; made with the seat, never again
    epoch-<n>/committee.toml    the committee document; a seat signs from when it is certified
    approvals/                  see `approvals`
    signer.lock                 held by the one process that uses the folder

A seat's folder appears whole or not at all: it is built beside its place, read back, fsynced and renamed.
"""

import fcntl
import hmac
import os
import re
import secrets
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from bridge.adapters.keystore.approvals import write_private
from bridge.adapters.keystore.file import open_sealed, seal
from bridge.adapters.keystore.private import private_folder, read_private, translated
from bridge.adapters.keystore.sealed import Sealed
from bridge.core.statements import Epoch
from bridge.disk import sync_folder
from bridge.errors import ConfigError, RefusedError, UnavailableError
from bridge.frost import FrostError, KeyPackage, ParticipantId
from bridge.ports.custody import KeyEncryption

IDENTITY: Final = "identity.json"
CARD: Final = "identity.pub"
SHARE: Final = "share.json"
VOTES: Final = "votes.sqlite"
DOCUMENT: Final = "committee.toml"
LOCK: Final = "signer.lock"
_IDENTITY_PURPOSE: Final = "naru notary identity"
_SHARE_PURPOSE: Final = re.compile(r"naru share of epoch ([1-9][0-9]{0,19}), notary ([1-9][0-9]{0,4})")
_SEAT: Final = re.compile(r"epoch-([1-9][0-9]{0,19})")
_SIZE_MAX: Final = 1 << 20


class Closable(Protocol):
    """An open vote store."""

    def close(self) -> None:
        """Give the file up."""
        ...


class MakeVotes(Protocol):
    """Makes the vote store of a new seat."""

    def __call__(self, path: Path, *, notary: ParticipantId, epoch: Epoch, group_key: bytes) -> Closable:
        """Make it at *path*, and give it open."""
        ...


class SeatExistsError(RefusedError):
    """A seat with another key stands in an epoch's place; a key is never overwritten."""

    def __init__(self, epoch: Epoch) -> None:
        """Say what can be done."""
        super().__init__(
            f"this notary has another key in epoch {epoch} already: abort the ceremony that made it, if that failed, "
            "or make the new key in a later epoch"
        )


class SignerFolder:
    """The folder of one notary, under one key-encryption key. Calls that seal or open block: use a thread."""

    def __init__(self, path: Path, kek: KeyEncryption, make_votes: MakeVotes) -> None:
        """Use *path*.

        Raises:
            ConfigError: it isn't there, or is open to others.
        """
        with private_folder(path):
            self.path = path.resolve()
        self._kek = kek
        self._make_votes = make_votes

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the one process that uses the folder.

        Raises:
            ConfigError: another one does.
        """
        with translated(self.path), (self.path / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError((f"another signer uses {self.path}: stop it first",)) from error
            yield

    # --- identity

    def make_identity(self, secret: bytes, card: bytes) -> None:
        """Seal a new identity, and write its card.

        Raises:
            ConfigError: there is one, or the KEK can't be used.
            UnavailableError: the disk or the KEK fails.
        """
        seal(self.path / IDENTITY, secret, purpose=_IDENTITY_PURPOSE, kek=self._kek)
        self.write_card(card)

    @property
    def lacks_card(self) -> bool:
        """Whether an identity was sealed and its card not written: the machine died between the two."""
        return (self.path / IDENTITY).exists() and not (self.path / CARD).exists()

    def write_card(self, card: bytes) -> None:
        """Write the identity's card, which is public.

        Raises:
            ConfigError: the folder is open to others.
            UnavailableError: the disk refuses.
        """
        write_private(self.path / CARD, card.hex().encode() + b"\n")

    def identity(self) -> bytes:
        """Give the identity's secret bytes.

        Raises:
            ConfigError: there is none, or it does not open.
            UnavailableError: the disk or the KEK fails.
        """
        return open_sealed(self.path / IDENTITY, purpose=_IDENTITY_PURPOSE, kek=self._kek)

    # --- secrets of ceremonies

    def seal(self, name: str, secret: bytes) -> None:
        """Seal a secret; *name* is of letters, digits and dashes.

        Raises:
            ConfigError: there is one of that name, or the KEK can't be used.
            UnavailableError: the disk or the KEK fails.
        """
        seal(self._secret(name), secret, purpose=_secret_purpose(name), kek=self._kek)

    def open(self, name: str) -> bytes | None:
        """Open a secret; None if there is none of that name.

        Raises:
            ConfigError: it does not open.
            UnavailableError: the disk or the KEK fails.
        """
        path = self._secret(name)
        return open_sealed(path, purpose=_secret_purpose(name), kek=self._kek) if os.path.lexists(path) else None

    def remove(self, name: str) -> None:
        """Make sure that there is no secret of that name.

        Raises:
            UnavailableError: the disk refuses.
        """
        path = self._secret(name)
        with translated(path):
            path.unlink(missing_ok=True)
            sync_folder(self.path)

    # --- seats

    def seats(self) -> list[Epoch]:
        """List the epochs whose seats are certified, lowest first.

        Raises:
            UnavailableError: the disk refuses.
        """
        return [epoch for epoch in self._epochs() if _is_certified(self.document(epoch))]

    def document(self, epoch: Epoch) -> str:
        """Read a seat's committee document.

        Raises:
            ConfigError: it is missing, or open to others.
            UnavailableError: the disk refuses.
        """
        return read_private(self._seat(epoch) / DOCUMENT, size_max=_SIZE_MAX).decode(errors="replace")

    def key(self, epoch: Epoch) -> KeyPackage:
        """Open a seat's share.

        Raises:
            ConfigError: it is missing, of another epoch, damaged, or does not open.
            UnavailableError: the disk or the KEK fails.
        """
        path = self._seat(epoch) / SHARE
        purpose = Sealed.from_bytes(read_private(path, size_max=_SIZE_MAX)).purpose
        match = _SHARE_PURPOSE.fullmatch(purpose)
        if match is None or int(match[1]) != epoch:
            raise ConfigError((f"{path} is no share of epoch {epoch}: restore the one that belongs there",))
        try:
            key = KeyPackage.from_bytes(open_sealed(path, purpose=purpose, kek=self._kek))
        except FrostError as error:
            raise ConfigError((f"{path} holds no key package ({error}): restore it from its backup",)) from error
        if key.identifier != int(match[2]):
            raise ConfigError((f"{path} says notary {match[2]} and holds notary {key.identifier}'s: restore it",))
        return key

    def votes_file(self, epoch: Epoch) -> Path:
        """Tell where a seat's vote store is."""
        return self._seat(epoch) / VOTES

    def make(self, epoch: Epoch, key: KeyPackage, document: str) -> KeyPackage:
        """Make a seat: sealed share, vote store, document; give the share as read back from its place.

        The same key again changes nothing.

        A document without all members' signatures leaves the seat asleep until `certify`.

        Raises:
            SeatExistsError: there is another key in that epoch.
            ConfigError: the KEK can't be used; nothing was made.
            UnavailableError: the disk or the KEK fails; nothing was made.
        """
        place = self._seat(epoch)
        if place.exists():
            kept = self.key(epoch)
            if not hmac.compare_digest(kept.to_bytes(), key.to_bytes()):
                raise SeatExistsError(epoch)
            return kept
        with translated(self.path):
            self._sweep(epoch)
            draft = self.path / f".{place.name}.{secrets.token_hex(8)}.tmp"
            draft.mkdir(mode=0o700)
            try:
                self._fill(draft, epoch, key, document)
                draft.rename(place)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            sync_folder(self.path)
        return self.key(epoch)

    def certify(self, epoch: Epoch, document: str) -> None:
        """Put the document that all members have signed in its place: the seat may sign.

        Raises:
            SeatExistsError: the seat is another ceremony's.
            ConfigError: there is no seat of that epoch.
            UnavailableError: the disk refuses.
        """
        if _session(self.document(epoch)) != _session(document):
            raise SeatExistsError(epoch)
        write_private(self._seat(epoch) / DOCUMENT, document.encode())

    def discard(self, epoch: Epoch, session: bytes) -> None:
        """Remove the seat that a ceremony made, which failed or was aborted; none of its own is no error.

        Raises:
            RefusedError: the seat is certified: it may have signed.
            UnavailableError: the disk refuses.
        """
        place = self._seat(epoch)
        if not place.exists() or _session(self.document(epoch)) != session.hex():
            return
        if _is_certified(self.document(epoch)):
            raise RefusedError(f"the seat of epoch {epoch} is certified and may have signed: it can't be discarded")
        with translated(place):
            away = place.rename(self.path / f".{place.name}.{secrets.token_hex(8)}.tmp")
            sync_folder(self.path)
            shutil.rmtree(away)

    def _fill(self, draft: Path, epoch: Epoch, key: KeyPackage, document: str) -> None:
        purpose = f"naru share of epoch {epoch}, notary {key.identifier}"
        seal(draft / SHARE, key.to_bytes(), purpose=purpose, kek=self._kek)
        if not hmac.compare_digest(open_sealed(draft / SHARE, purpose=purpose, kek=self._kek), key.to_bytes()):
            raise UnavailableError(f"{draft / SHARE}: the disk gives back another share than was written: replace it")
        group_key = key.group_public_key.to_bytes()
        self._make_votes(draft / VOTES, notary=key.identifier, epoch=epoch, group_key=group_key).close()
        write_private(draft / DOCUMENT, document.encode())

    def _secret(self, name: str) -> Path:
        return self.path / f"{name}.json"

    def _seat(self, epoch: Epoch) -> Path:
        return self.path / f"epoch-{epoch}"

    def _epochs(self) -> list[Epoch]:
        with translated(self.path):
            matches = [_SEAT.fullmatch(entry.name) for entry in self.path.iterdir()]
        return sorted(Epoch(int(match[1])) for match in matches if match)

    def _sweep(self, epoch: Epoch) -> None:
        """Remove what a killed process left of this seat."""
        for left in self.path.glob(f".epoch-{epoch}.*.tmp"):
            shutil.rmtree(left)


def _is_certified(document: str) -> bool:
    """Tell whether all have signed, or a dealer made it. Whose the signatures are, the ceremony has checked."""
    fields = _fields(document)
    return not fields.get("session") or len(fields.get("signatures", ())) == len(fields.get("members", ()))


def _session(document: str) -> str:
    return str(_fields(document).get("session", ""))


def _fields(document: str) -> dict[str, Any]:
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError:
        return {}  # passes for a dealer's, so that whoever opens the seat tells what is wrong


def _secret_purpose(name: str) -> str:
    return f"naru secret {name}"
