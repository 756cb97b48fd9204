"""The fast start of the embedded network: one process makes all shares of the key. Never for a real committee.

Whoever deals a key could sign alone. `naru demo --ceremony` makes it as a real committee does.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli_w

from bridge.committee.identity import Identity, IdentityCard
from bridge.config import CommitteeConfig, MemberConfig, faulty_max
from bridge.core.statements import Epoch
from bridge.custody import signer_folder
from bridge.frost import Dealing, Entropy, PublicKeyPackage, deal_at_random
from bridge.notary_config import KekConfig, SignerConfig

PASSPHRASE_LEN: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerPlace:
    """Where one embedded signer's things are."""

    config: SignerConfig
    card: IdentityCard


def place(folder: Path) -> SignerPlace:
    """Make a signer's folder below *folder*, with an identity in it and a passphrase beside it."""
    folder.mkdir(mode=0o700)
    phrase, signer = folder / "passphrase", folder / "keys"
    write_secret(phrase, secrets.token_urlsafe(PASSPHRASE_LEN))
    signer.mkdir(mode=0o700)
    config = SignerConfig(
        development=True,
        folder=signer,
        socket=folder / "run" / "s",
        kek=KekConfig(passphrase_file=phrase),
    )
    identity = Identity.generate()
    signer_folder(config).make_identity(identity.to_bytes(), identity.card.to_bytes())
    return SignerPlace(config=config, card=identity.card)


def deal(entropy: Entropy, members: int) -> Dealing:
    """Deal a key for *members* notaries, t = n − f of which sign."""
    return deal_at_random(entropy=entropy, threshold=members - faulty_max(members), participants=members)


def document(epoch: Epoch, public: PublicKeyPackage, members: tuple[MemberConfig, ...]) -> CommitteeConfig:
    """Write down who got a share; that nobody has signed it says that it was dealt."""
    return CommitteeConfig(
        epoch=epoch, threshold=public.threshold, public_keys=public.to_bytes().hex(), members=members
    )


def seat(places: Mapping[int, SignerPlace], dealing: Dealing, committee: CommitteeConfig) -> None:
    """Give each notary its share."""
    text = tomli_w.dumps(committee.model_dump(mode="json", exclude={"session", "signatures"}))
    for package in dealing.key_packages:
        signer_folder(places[package.identifier].config).make(Epoch(committee.epoch), package, text)


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)
