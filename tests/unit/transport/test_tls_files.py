"""An identity's files: what can't work is told before anything is connected, each with what to do."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from bridge import ca
from bridge.adapters.grpc.tls import TlsFiles, TlsSource, read_identity
from bridge.errors import ConfigError
from tests.unit.transport.certificates import (
    AUTHORITY,
    LATER,
    LONG_AGO,
    NOTARY,
    NOW,
    RELAYER,
    STRANGER,
    identity,
    renewed,
    replace,
    uncommon,
    written,
)


def problems(files: TlsFiles) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_identity(files, NOW)
    return caught.value.problems


def test_right_files_tell_who_this_is_and_until_when(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY, days=7)
    found = read_identity(files, NOW)
    assert found.peer == NOTARY
    assert found.not_after == NOW.replace(microsecond=0) + timedelta(days=7)
    assert (found.ca, found.certificate, found.key) == tuple(
        path.read_bytes() for path in (files.ca, files.certificate, files.key)
    )
    assert "PRIVATE KEY" not in repr(found)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o610])
def test_a_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    files.key.chmod(mode)
    assert problems(files) == (f"{files.key} can be read by others: run chmod 600 {files.key}",)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    files.key.chmod(0o644)
    files.ca.unlink()
    files.certificate.write_text("")
    assert problems(files) == (
        f"{files.ca} can't be read (No such file or directory): make it with `naru ca issue`",
        f"{files.key} can be read by others: run chmod 600 {files.key}",
        f"{files.certificate} holds no certificate: give a PEM file as `naru ca` writes it",
    )


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(identity(tmp_path, NOTARY, now=LONG_AGO))
    assert problem.startswith(f"{tmp_path}/tls.pem expired at {LONG_AGO + timedelta(days=30):%F %T} UTC")
    assert problem.endswith("run `naru ca renew`")


def test_a_certificate_that_is_not_valid_yet_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(identity(tmp_path, NOTARY, now=LATER))
    assert problem.endswith("UTC only: is this machine's clock right?")


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(identity(tmp_path, NOTARY, by=STRANGER))
    assert problem.endswith("ca.pem: give the ca.pem that came with it")


def test_a_certificate_that_signed_itself_is_refused(tmp_path: Path) -> None:
    key = ca.new_key()
    certificate = uncommon(key, by=None, uris=(NOTARY.uri,), dns=(NOTARY.dns_name,))
    (problem,) = problems(written(tmp_path, key, certificate))
    assert "was not issued by a certificate authority of" in problem


def test_either_of_two_authorities_will_do_while_one_takes_over(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    replace(files.ca, ca.pem(STRANGER.certificate) + ca.pem(AUTHORITY.certificate))
    assert read_identity(files, NOW).peer == NOTARY


def test_an_intermediate_authority_s_certificate_stands_after_one_s_own(tmp_path: Path) -> None:
    key = ca.new_key()
    between = ca.Authority(certificate=uncommon(key, uris=(), dns=("between",)), key=key)
    files = identity(tmp_path, NOTARY, by=between, days=7)
    (problem,) = problems(files)
    assert "was not issued by a certificate authority of" in problem
    replace(files.certificate, files.certificate.read_text() + ca.pem(between.certificate))
    assert read_identity(files, NOW).peer == NOTARY


def test_the_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    replace(files.key, ca.key_pem(ca.new_key()))
    assert problems(files) == (
        f"{files.key} is not the key of {files.certificate}: give the two that were made together",
    )


def test_a_key_of_another_kind_is_not_the_certificate_s(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    other = rsa.generate_private_key(65537, 2048)
    replace(files.key, other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    (problem,) = problems(files)
    assert "is not the key of" in problem


def test_an_encrypted_key_is_refused(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    replace(files.key, ca.key_pem(ca.new_key(), "a passphrase"))
    (problem,) = problems(files)
    assert "is encrypted: a process that starts by itself needs a key without a passphrase" in problem


@pytest.mark.parametrize("name", ["ca", "certificate", "key"])
def test_a_file_that_is_something_else_is_refused(name: str, tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    replace(getattr(files, name), "나루")
    (problem,) = problems(files)
    assert problem.endswith("give a PEM file as `naru ca` writes it")


@pytest.mark.parametrize("uris", [(), ("spiffe://naru/notary",), (NOTARY.uri, RELAYER.uri), ("naru:notary/A",)])
def test_a_certificate_that_names_no_one_peer_is_refused(uris: tuple[str, ...], tmp_path: Path) -> None:
    key = ca.new_key()
    (problem,) = problems(written(tmp_path, key, uncommon(key, uris=uris, dns=(NOTARY.dns_name,))))
    assert "names no role and instance" in problem


def test_a_certificate_without_any_names_is_refused(tmp_path: Path) -> None:
    key = ca.new_key()
    (problem,) = problems(written(tmp_path, key, uncommon(key)))
    assert "names no role and instance" in problem


def test_a_certificate_that_clients_could_not_pin_is_refused(tmp_path: Path) -> None:
    key = ca.new_key()
    (problem,) = problems(written(tmp_path, key, uncommon(key, uris=(NOTARY.uri,), dns=(RELAYER.dns_name,))))
    assert "it needs the name bank-a.notary.naru, and use as server and client" in problem


def test_a_certificate_for_servers_only_is_refused(tmp_path: Path) -> None:
    key = ca.new_key()
    certificate = uncommon(key, uris=(NOTARY.uri,), dns=(NOTARY.dns_name,), server_only=True)
    (problem,) = problems(written(tmp_path, key, certificate))
    assert "use as server and client" in problem


def test_files_that_do_not_change_give_the_same_object(tmp_path: Path) -> None:
    source = TlsSource(identity(tmp_path, NOTARY))
    assert source.latest() is source.latest()


def test_a_renewed_certificate_is_taken_up(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    source = TlsSource(files)
    before = source.latest()
    renewed(files, days=60)
    after = source.latest()
    assert after is source.latest()
    assert after.not_after > before.not_after
    assert after.certificate == files.certificate.read_bytes()


def test_a_new_key_counts_when_its_certificate_is_there_too(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    source = TlsSource(files)
    before = source.latest()
    key = ca.new_key()
    replace(files.key, ca.key_pem(key))
    assert source.latest() is before
    replace(files.certificate, ca.pem(ca.issue(AUTHORITY, NOTARY, key.public_key(), now=NOW)))
    assert source.latest().key == files.key.read_bytes()


def test_another_peer_s_certificate_in_the_place_of_one_s_own_is_not_taken_up(tmp_path: Path) -> None:
    files = identity(tmp_path, NOTARY)
    source = TlsSource(files)
    with capture_logs() as logs:
        identity(tmp_path, RELAYER)
        assert source.latest().peer == NOTARY
    assert "names relayer r1, and this process is notary bank-a" in logs[-1]["error"]


def test_a_certificate_that_becomes_valid_is_taken_up_then_and_told_about_once_before(tmp_path: Path) -> None:
    clock = [NOW]
    files = identity(tmp_path, NOTARY)
    source = TlsSource(files, now=lambda: clock[0])
    before = source.latest()
    with capture_logs() as logs:
        identity(tmp_path, NOTARY, now=NOW + timedelta(minutes=10))  # valid five minutes before
        for seconds in (0, 2, 4):
            clock[0] = NOW + timedelta(seconds=seconds)
            assert source.latest() is before
        assert [line["event"] for line in logs] == ["certificate.refused"]
        clock[0] = NOW + timedelta(minutes=6)
        assert source.latest() is not before
    assert [line["event"] for line in logs] == ["certificate.refused", "certificate.loaded"]
