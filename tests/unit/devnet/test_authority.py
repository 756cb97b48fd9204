"""The embedded network's certificates: what a real network's daemons take, under an authority that nobody can use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from bridge.adapters.grpc.tls import TlsFiles, read_identity
from bridge.core.peers import Peer, Role
from bridge.devnet.authority import certify
from bridge.errors import InvalidInputError

NAMES = ("notary/notary-1", "notary/notary-2", "relayer/relayer", "operator/demo")


def test_everybody_has_a_certificate_of_one_authority_that_names_it(tmp_path: Path) -> None:
    made = certify(tmp_path / "tls", NAMES)
    assert tuple(made) == NAMES
    roots = set()
    for name, config in made.items():
        files = TlsFiles(ca=config.ca_file, certificate=config.certificate_file, key=config.key_file)
        found = read_identity(files, datetime.now(UTC))
        role, instance = name.split("/")
        assert found.peer == Peer(role=Role(role), instance=instance)
        assert config.key_file.stat().st_mode & 0o777 == 0o600
        assert config.key_file.parent.stat().st_mode & 0o777 == 0o700
        roots.add(found.ca)
    assert len(roots) == 1
    assert len({config.key_file.read_bytes() for config in made.values()}) == len(NAMES)


def test_the_authority_s_key_is_nowhere(tmp_path: Path) -> None:
    """Or whoever reads the folder could be anybody."""
    made = certify(tmp_path / "tls", NAMES)
    keys = [path for path in (tmp_path / "tls").rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert sorted(keys) == sorted(config.key_file for config in made.values())
    root = x509.load_pem_x509_certificate(next(iter(made.values())).ca_file.read_bytes())
    for config in made.values():
        own = x509.load_pem_x509_certificate(config.certificate_file.read_bytes())
        assert own.public_key() != root.public_key()


@pytest.mark.parametrize("name", ["notary", "notary/", "nobody/x", "notary/Notary"])
def test_a_name_that_is_no_role_and_instance_gets_none(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        certify(tmp_path / "tls", [name])
