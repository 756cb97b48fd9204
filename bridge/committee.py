"""The committee's public keys, as a configuration names them.

Apart from `bridge.config`, which a command that only lists must be able to import without the curve.
"""

from bridge.config import CommitteeConfig
from bridge.errors import ConfigError
from bridge.frost import FrostError, PublicKeyPackage


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
