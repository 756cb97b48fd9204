"""A dealer for development: one process makes all shares of the embedded network's key. Never for a real committee."""

from dataclasses import dataclass
from pathlib import Path

from bridge.config import faulty_max
from bridge.frost import Entropy, ParticipantId, PublicKeyPackage, deal_at_random


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """A committee's keys: what is public, and the file of each share."""

    public: PublicKeyPackage
    share_files: dict[ParticipantId, Path]


def deal(folder: Path, members: int, entropy: Entropy) -> Dealt:
    """Deal a key for *members* notaries, t = n − f of which sign; shares go to files of mode 0600 in *folder*."""
    dealing = deal_at_random(entropy=entropy, threshold=members - faulty_max(members), participants=members)
    files = {}
    for package in dealing.key_packages:
        files[package.identifier] = folder / f"notary-{package.identifier}.share"
        write_secret(files[package.identifier], package.to_bytes().hex())
    return Dealt(public=dealing.public_key_package, share_files=files)


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)
