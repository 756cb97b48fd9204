"""Sealed files: a secret on disk that only its key-encryption key (KEK) opens.

A file appears whole or not at all, whenever the process or the machine dies, and never in place of another. What `seal`
returned from was opened again with the KEK and read back from the disk, and survives a crash of the machine.
The calls block as long as the KEK takes (scrypt: 0.4 s each; seal asks it twice, reseal three times): use a thread.
"""

import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.adapters.keystore.private import private_folder, read_private
from bridge.adapters.keystore.sealed import NONCE_LEN, Sealed, associated, context, damaged, shown
from bridge.errors import ConfigError, InvalidInputError, UnavailableError
from bridge.ports.custody import KeyEncryption, WrappedKey

SECRET_LEN_MAX: Final = 16_384
PURPOSE_LEN_MAX: Final = 200
_WRAPPED_LEN_MAX: Final = 8_192
_FILE_LEN_MAX: Final = 65_536
_KEY_LEN: Final = 32
_MODE: Final = 0o600


class SealedFileExistsError(ConfigError):
    """A file of that name is there: nothing is ever sealed over another secret."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__((f"{path} is there already, and is never overwritten: open it, or move it away first",))
        self.path = path


def seal(path: Path, secret: bytes, *, purpose: str, kek: KeyEncryption) -> None:
    """Write *secret* (1 to 16,384 bytes) to a new file, mode 0600, in a folder that is this user's alone.

    *purpose* (1 to 200 printable ASCII characters) says what the secret is; the file opens for no other.

    Raises:
        SealedFileExistsError: *path* is there.
        InvalidInputError: *secret* or *purpose* is not as said above.
        ConfigError: others may use the folder, or the KEK can't be used; nothing was written.
        UnavailableError: the disk or the KEK fails; *path* is not there, unless another process sealed it meanwhile.
    """
    with private_folder(path.parent) as folder:
        if path.name in _names(folder):
            raise SealedFileExistsError(path)
    data = _sealed(path, secret, purpose, kek)
    with private_folder(path.parent) as folder, _written(folder, path, data) as temporary:
        try:
            # a hard link, unlike a rename, never takes the place of what is there
            os.link(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError as error:
            raise SealedFileExistsError(path) from error
        try:
            os.fsync(folder)
        except OSError:
            os.unlink(path.name, dir_fd=folder)  # it might be gone after a crash: then not now either
            raise


def open_sealed(path: Path, *, purpose: str, kek: KeyEncryption) -> bytes:
    """Give the secret of a sealed file.

    Raises:
        ConfigError: the file or its folder is not there, open to others, damaged, of another version or purpose, or
            sealed by another KEK or passphrase; the text names the file and says what to do.
        UnavailableError: the disk or the KEK fails.
    """
    with private_folder(path.parent) as folder:
        data = read_private(path, size_max=_FILE_LEN_MAX, folder=folder)
    return _opened(path, data, purpose, kek)


def reseal(path: Path, *, purpose: str, kek: KeyEncryption, new_kek: KeyEncryption) -> None:
    """Put the secret of a sealed file under another KEK or passphrase, in its place; *path* opens by one or the other.

    Backups of the file still open by the old one.

    Raises:
        ConfigError: as open_sealed, or the new KEK can't be used; *path* is as it was.
        UnavailableError: the disk or a KEK fails; *path* may open by either.
    """
    data = _sealed(path, open_sealed(path, purpose=purpose, kek=kek), purpose, new_kek)
    with private_folder(path.parent) as folder, _written(folder, path, data) as temporary:
        os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)


def _sealed(path: Path, secret: bytes, purpose: str, kek: KeyEncryption) -> bytes:
    """Encrypt, and open again what came out: a KEK that wraps but does not unwrap would lose the secret."""
    if not 1 <= len(secret) <= SECRET_LEN_MAX:
        raise InvalidInputError(f"a secret of {len(secret)} bytes: seal 1 to {SECRET_LEN_MAX}")
    if not 1 <= len(purpose) <= PURPOSE_LEN_MAX or not purpose.isascii() or not purpose.isprintable():
        raise InvalidInputError(f"the purpose {shown(purpose)}: give 1 to {PURPOSE_LEN_MAX} printable ASCII characters")
    key, nonce = secrets.token_bytes(_KEY_LEN), secrets.token_bytes(NONCE_LEN)
    with _about(path):
        wrapped = _checked(kek, kek.wrap(key, context(purpose, kek.name)))
    ciphertext = AESGCM(key).encrypt(nonce, secret, associated(purpose, kek.name, wrapped))
    sealed = Sealed(purpose=purpose, kek=kek.name, wrapped=wrapped, nonce=nonce, ciphertext=ciphertext)
    data = sealed.to_bytes()
    if not _gives_back(path, data, secret, purpose, kek):
        text = f"{path}: the key {kek.name} does not give back what it wrapped: nothing was sealed; mend or change it"
        raise ConfigError((text,))
    return data


def _gives_back(path: Path, data: bytes, secret: bytes, purpose: str, kek: KeyEncryption) -> bool:
    try:
        return hmac.compare_digest(_opened(path, data, purpose, kek), secret)
    except ConfigError:
        return False


def _opened(path: Path, data: bytes, purpose: str, kek: KeyEncryption) -> bytes:
    with _about(path):
        sealed = Sealed.from_bytes(data)
        if sealed.purpose != purpose:
            raise ConfigError((f"sealed as {shown(sealed.purpose)}, not as {shown(purpose)}: name the right file",))
        if sealed.kek != kek.name:
            text = f"sealed by the key {shown(sealed.kek)}, not by the configured {shown(kek.name)}: configure that one"
            raise ConfigError((text,))
        key = kek.unwrap(sealed.wrapped, context(purpose, kek.name))
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, associated(purpose, kek.name, sealed.wrapped))
        except (InvalidTag, ValueError) as error:  # ValueError: the KEK gave something that is no key
            raise damaged("its key is right, its content is not") from error


def _checked(kek: KeyEncryption, wrapped: WrappedKey) -> WrappedKey:
    texts: list[object] = [kek.name, *wrapped.parameters, *wrapped.parameters.values()]  # a plug-in may give anything
    if (
        not all(isinstance(text, str) and text.isascii() for text in texts)
        or len("".join(map(str, texts))) > _WRAPPED_LEN_MAX
    ):
        text = f"the key {shown(kek.name)} gives parameters that are no ASCII text, or too long: mend its plug-in"
        raise ConfigError((text,))
    return wrapped


@contextmanager
def _written(folder: int, path: Path, data: bytes) -> Iterator[str]:
    """Write and read back a file beside *path* for the caller to move into its place; what is not moved, goes.

    What a killed process left beside *path* goes too, once the new file has its place.
    """
    temporary = f".{path.name}.{secrets.token_hex(8)}.tmp"
    try:
        _write(folder, temporary, data)
        _read_back(folder, path, temporary, data)
        yield temporary
        for name in _names(folder):
            if name.startswith(f".{path.name}.") and name.endswith(".tmp"):
                _remove(folder, name)
    finally:
        _remove(folder, temporary)


def _names(folder: int) -> list[str]:
    return os.listdir(folder)


def _write(folder: int, name: str, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, _MODE, dir_fd=folder), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_back(folder: int, path: Path, name: str, data: bytes) -> None:
    try:
        found = read_private(path.with_name(name), size_max=_FILE_LEN_MAX, folder=folder)
    except ConfigError as error:
        raise UnavailableError(f"{path}: another process sealed it meanwhile: see what is there, then go on") from error
    if found != data:
        raise UnavailableError(f"{path}: the disk gives back something else than was written: replace the disk")


def _remove(folder: int, name: str) -> None:
    with suppress(OSError):  # it holds ciphertext only, and the next seal removes it
        os.unlink(name, dir_fd=folder)


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Name the file in whatever is wrong with it."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(tuple(f"{path}: {problem}" for problem in error.problems)) from error
