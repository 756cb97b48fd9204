"""The committee's public keys, as a configuration names them.

Apart from `bridge.config`, which a command that only lists must be able to import without the curve.
"""

from bridge.config import CommitteeConfig
from bridge.core.caip import Account
from bridge.core.keccak import keccak
from bridge.errors import ConfigError
from bridge.frost import Element, FrostError, PublicKeyPackage


def key_account(key: Element) -> Account:
    """Give a group key's Ethereum address, by which a gateway keeps it (R-40)."""
    return Account(bytes(12) + keccak(b"".join(word.to_bytes(32) for word in key.coordinates()))[12:])


def public_keys(committee: CommitteeConfig) -> PublicKeyPackage:
    """Decode the committee's public key package, and hold it against the configuration.

    Raises:
        ConfigError: it is not one, or is of another committee.
    """
    try:
        keys = PublicKeyPackage.from_bytes(bytes.fromhex(committee.public_keys))
    except (ValueError, FrostError) as error:
        raise ConfigError((f"committee.public_keys is no public key package: {error}",)) from error
    if (keys.threshold, keys.participants) != (committee.threshold, len(committee.members)):
        problem = f"committee.public_keys is of a {keys.threshold}-of-{keys.participants} committee"
        raise ConfigError((problem,))
    return keys
