"""The embedded network's own certificate authority, whose key is forgotten once everybody has a certificate."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from bridge import ca
from bridge.config import TlsConfig
from bridge.core.peers import SCHEME, Peer
from bridge.devnet.dealer import write_secret


def certify(folder: Path, names: Iterable[str]) -> Mapping[str, TlsConfig]:
    """Make a certificate for each of *names*, `role/instance`, in *folder*, which is new."""
    now = datetime.now(UTC)
    authority = ca.new_authority("embedded network", now)
    folder.mkdir(mode=0o700)
    made = {}
    for name in names:
        peer, key = Peer.from_uri(f"{SCHEME}{name}"), ca.new_key()
        own = folder / f"{peer.role}-{peer.instance}"  # as `naru ca issue` lays it out
        own.mkdir(mode=0o700)
        root, certificate, secret = (own / part for part in ("ca.pem", "tls.pem", "tls.key"))
        root.write_text(ca.pem(authority.certificate))
        certificate.write_text(ca.pem(ca.issue(authority, peer, key.public_key(), now=now)))
        write_secret(secret, ca.key_pem(key))
        made[name] = TlsConfig(ca_file=root, certificate_file=certificate, key_file=secret)
    return made
