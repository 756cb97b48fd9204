"""A notary's ceremonies as files; all of them public, since what is secret in a message is sealed to its reader.

    <session hex>/proposal.toml               approved by this notary's operator
    <session hex>/<kind>.<sender>.<number>    signature (64) ‖ body; 1 came first, another number proves a cheat
    <session hex>/committee.toml              the document, once the seat is in force
    <session hex>/abort-asked                 why the operator wants it ended

Law: a file is written once, whole, and is on disk (its name too) before the call returns. A message of this notary's
own exists once: what was there first is what it said. After an error in writing nothing more is given or taken until
the signer is started again: a failed fsync can't be repeated, and what may not be on disk must not leave.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bridge.committee.document import CommitteeDocument
from bridge.committee.identity import SIGNATURE_LEN
from bridge.committee.messages import BODY_LEN_MAX, Board, Kind, Message, MessageRefusedError
from bridge.committee.proposal import Proposal, read_proposal
from bridge.committee.verdict import take
from bridge.disk import sync_folder
from bridge.errors import ConfigError, ConflictError, UnavailableError

PROPOSAL: Final = "proposal.toml"
ABORT: Final = "abort-asked"
DOCUMENT: Final = "committee.toml"
VARIANTS_MAX: Final = 9
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SESSION: Final = re.compile(r"[0-9a-f]{64}")
_MESSAGE: Final = re.compile(r"([a-z0-9-]+)\.([0-9]{3})\.([1-9])")
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class CeremonyFolder:
    """The folder `ceremonies/` of a signer, one thread at a time.

    One process takes part in the ceremonies; beside it the operator's commands may approve and ask for an abort.
    """

    def __init__(self, path: Path) -> None:
        """Use *path*, mode 0700, made if it isn't there.

        Raises:
            ConfigError: it is no folder, or others may use it.
            UnavailableError: the disk refuses.
        """
        self._path = path
        self._settled = set[bytes]()
        self._stopped = ""
        with _translated(path):
            _make_folder(path)
            found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise ConfigError((f"{path} is no folder: give the signer one of its own",))
        if found.st_mode & _OTHERS:
            raise ConfigError((f"others may use {path}: chmod 700 {path}",))

    def sessions(self) -> list[bytes]:
        """List the ceremonies that were approved here.

        Raises:
            UnavailableError: the disk refuses.
        """
        with _translated(self._path):
            names = sorted(entry.name for entry in self._path.iterdir() if _SESSION.fullmatch(entry.name))
            return [bytes.fromhex(name) for name in names if (self._path / name / PROPOSAL).exists()]

    def proposal(self, session: bytes) -> Proposal | None:
        """Read the proposal that was approved; None if this session never was.

        Raises:
            ConfigError: it is damaged.
            UnavailableError: the disk refuses.
        """
        path = self._of(session) / PROPOSAL
        with _translated(path):
            if not path.exists():
                return None
        proposal = read_proposal(path)
        if proposal.session != session:
            raise ConfigError((f"{path} was changed: it is the proposal of another ceremony; restore it",))
        return proposal

    def approve(self, proposal: Proposal) -> None:
        """Keep a proposal; a second time does nothing.

        Raises:
            UnavailableError: the disk refuses.
        """
        folder = self._of(proposal.session)
        with self._writing(folder):
            _make_folder(folder)
            _write_new(folder / PROPOSAL, proposal.to_toml().encode())
            sync_folder(folder)  # what an earlier, killed call wrote may not be on disk yet

    def board(self, proposal: Proposal) -> Board:
        """Read all messages, and check them again.

        Raises:
            ConfigError: a file is damaged.
            UnavailableError: the disk refuses.
        """
        board = Board.of(proposal)
        folder = self._of(board.session)
        with self._writing(folder):
            if board.session not in self._settled:
                sync_folder(self._path)
                sync_folder(folder)  # what is read from here on may leave, so it must be on disk
                self._settled.add(board.session)
            paths = [path for path in folder.iterdir() if _MESSAGE.fullmatch(path.name)]
        for path in sorted(paths, key=_order):
            try:
                board = take(board, _read(path, board.session))
            except MessageRefusedError as error:
                problem = f"{path} is damaged ({error}): restore it, or abort this ceremony and propose anew"
                raise ConfigError((problem,)) from error
        return board

    def keep(self, message: Message) -> None:
        """Keep a message that a board has taken, beside others of its kind and sender.

        Raises:
            UnavailableError: the disk refuses.
        """
        for number in range(1, VARIANTS_MAX + 1):
            if self._put(message, number):
                return
        raise UnavailableError(f"member {message.sender} signed too many different {message.kind} messages to keep")

    def keep_own(self, message: Message) -> None:
        """Keep a message of this notary's own before it leaves.

        Raises:
            ConflictError: it has said another one; that one counts.
            UnavailableError: the disk refuses.
        """
        if not self._put(message, 1):
            raise ConflictError(f"this notary has said another {message.kind} already: nothing new is said")

    def ask_abort(self, session: bytes, reason: str) -> None:
        """Keep that the operator wants the ceremony ended; the first reason counts.

        Raises:
            UnavailableError: the disk refuses.
        """
        path = self._of(session) / ABORT
        with self._writing(path):
            _write_new(path, reason.encode())

    def abort_asked(self, session: bytes) -> str | None:
        """Tell why the operator wants the ceremony ended, if so.

        Raises:
            UnavailableError: the disk refuses.
        """
        return self._text(self._of(session) / ABORT)

    def document(self, session: bytes) -> str | None:
        """Give the document that was kept, TOML.

        Raises:
            UnavailableError: the disk refuses.
        """
        return self._text(self._of(session) / DOCUMENT)

    def keep_document(self, document: CommitteeDocument) -> None:
        """Keep the committee document; a second time does nothing.

        Raises:
            UnavailableError: the disk refuses.
        """
        path = self._of(document.session) / DOCUMENT
        with self._writing(path):
            _write_new(path, document.to_toml().encode())

    def _put(self, message: Message, number: int) -> bool:
        """Write a message under that number, or tell that another one stands there."""
        path = self._of(message.session) / f"{message.kind}.{message.sender:03}.{number}"
        with self._writing(path):
            return _write_new(path, message.signature + message.body) or _read(path, message.session).says(message)

    @staticmethod
    def _text(path: Path) -> str | None:
        with _translated(path):
            return path.read_text(errors="replace") if path.exists() else None

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        """Stop for good at the first error of the disk."""
        if self._stopped:
            raise UnavailableError(self._stopped)
        try:
            with _translated(path):
                yield
        except UnavailableError as error:
            self._stopped = f"{error}, and start the signer again"
            raise

    def _of(self, session: bytes) -> Path:
        return self._path / session.hex()


def _read(path: Path, session: bytes) -> Message:
    with _translated(path):
        if path.stat().st_size > SIGNATURE_LEN + BODY_LEN_MAX:
            raise ConfigError((f"{path} is too long for a message: restore it",))
        data = path.read_bytes()
    kind, sender, _ = path.name.split(".")
    signature, body = data[:SIGNATURE_LEN], data[SIGNATURE_LEN:]
    return Message(session=session, sender=int(sender), kind=kind, body=body, signature=signature)


def _order(path: Path) -> tuple[int, str]:
    """Sort by kinds as they are said, so that what a later one must equal is known when it is read."""
    kind = path.name.split(".")[0]
    kinds = [known.value for known in Kind]
    return (kinds.index(kind) if kind in kinds else len(kinds), path.name)


def _write_new(path: Path, data: bytes) -> bool:
    """Put a file on disk, whole, and its name; False, and nothing done, if there is one of that name."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, _NEW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(fresh, path)  # refuses where a rename would overwrite
    except FileExistsError:
        return False
    finally:
        os.unlink(fresh)  # noqa: PTH108 - as its neighbours
    sync_folder(path.parent)
    return True


def _make_folder(path: Path) -> None:
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)  # noqa: PTH102 - as its neighbours
    sync_folder(path.parent)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        text = (
            f"{path} can't be used ({error.strerror}): see to the disk, its free space and its rights; then try again"
        )
        raise UnavailableError(text) from error
