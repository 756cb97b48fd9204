"""Opens what a signer keeps, by its configuration."""

from bridge.adapters.keystore.folder import SignerFolder
from bridge.adapters.keystore.kinds import key_encryption
from bridge.adapters.sqlite.votes import SqliteVoteStore
from bridge.notary_config import SignerConfig
from bridge.ports.custody import KeyEncryption


def locked_by(config: SignerConfig) -> KeyEncryption:
    """Make the key that locks this signer's files.

    Raises:
        ConfigError: its table is wrong, or a file is open to others.
        UnavailableError: a disk or KMS does not answer.
    """
    kek = {name: getattr(config.kek, name) for name in type(config.kek).model_fields}
    return key_encryption(**kek, development=config.development)


def signer_folder(config: SignerConfig) -> SignerFolder:
    """Give the folder with identity and seats, of which nothing is opened yet.

    Raises:
        ConfigError, UnavailableError: as locked_by.
    """
    return SignerFolder(config.folder, locked_by(config), SqliteVoteStore.create)
