"""The private authority: what its certificates say, what it refuses to sign, and that nothing is overwritten."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typer.testing import CliRunner

from bridge import ca
from bridge.adapters.grpc.tls import TlsFiles, read_identity
from bridge.errors import BridgeError, ConfigError, InvalidInputError
from bridge.ops import ca as folders
from bridge.ops.cli.ca import app
from tests.unit.transport.certificates import AUTHORITY, LONG_AGO, NOTARY, NOW, RELAYER, STRANGER

PUBLIC = ca.new_key().public_key()


def run(*arguments: object) -> str:
    """Run `naru ca`; a refusal comes out as its error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)
    if isinstance(result.exception, BridgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def files_in(folder: Path) -> TlsFiles:
    return TlsFiles(ca=folder / "ca.pem", certificate=folder / "tls.pem", key=folder / "tls.key")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_certificate_says_who_how_long_and_what_for() -> None:
    made = ca.issue(AUTHORITY, NOTARY, PUBLIC, now=NOW, days=7)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["naru:notary/bank-a"]
    assert names.get_values_for_type(x509.DNSName) == ["bank-a.notary.naru"]
    uses = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(uses) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca) == (True, False)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    whole = NOW.replace(microsecond=0)
    assert made.not_valid_after_utc == whole + timedelta(days=7)
    assert made.not_valid_before_utc == whole - timedelta(minutes=5)
    made.verify_directly_issued_by(AUTHORITY.certificate)


def test_an_authority_signs_certificates_and_nothing_else_and_has_none_below_it() -> None:
    made = ca.new_authority("Kim & Co", NOW).certificate
    basic = made.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.key_cert_sign) == (True, True)
    assert (usage.value.digital_signature, usage.value.crl_sign, usage.value.key_agreement) == (False, False, False)
    assert made.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=5 * 365)


def test_serial_numbers_and_keys_are_fresh() -> None:
    made = [ca.issue(AUTHORITY, NOTARY, ca.new_key().public_key(), now=NOW) for _ in range(3)]
    assert len({each.serial_number for each in made}) == 3
    assert len({each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in made}) == 3
    assert min(each.serial_number for each in made) > 1 << 64


@pytest.mark.parametrize("days", [-1, 0, 91, 3650])
def test_a_certificate_is_good_for_1_to_90_days(days: int) -> None:
    with pytest.raises(InvalidInputError, match="good for 1 to 90 days"):
        ca.issue(AUTHORITY, NOTARY, PUBLIC, now=NOW, days=days)


def test_a_certificate_does_not_outlive_its_authority() -> None:
    late = AUTHORITY.certificate.not_valid_after_utc - timedelta(days=29)
    ca.issue(AUTHORITY, NOTARY, PUBLIC, now=late, days=29)
    with pytest.raises(InvalidInputError, match="the certificate authority itself ends on"):
        ca.issue(AUTHORITY, NOTARY, PUBLIC, now=late, days=30)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_an_authority_has_a_name_that_fits(name: str) -> None:
    with pytest.raises(InvalidInputError, match="1 to 64 characters"):
        ca.new_authority(name, NOW)


def test_a_renewed_certificate_is_of_the_same_peer_and_key_even_if_the_old_one_expired() -> None:
    old = ca.issue(AUTHORITY, NOTARY, PUBLIC, now=LONG_AGO)
    fresh = ca.renew(AUTHORITY, old, now=NOW)
    assert (ca.peer_in(fresh), fresh.public_key()) == (NOTARY, PUBLIC)
    assert fresh.not_valid_after_utc > NOW
    assert fresh.serial_number != old.serial_number


def test_another_authority_s_certificate_is_not_renewed() -> None:
    old = ca.issue(STRANGER, NOTARY, PUBLIC, now=NOW)
    with pytest.raises(InvalidInputError, match="another certificate authority issued this certificate"):
        ca.renew(AUTHORITY, old, now=NOW)


def test_of_a_request_only_name_and_key_are_taken() -> None:
    key = ca.new_key()
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.UniformResourceIdentifier(RELAYER.uri), x509.DNSName("bank-a.notary.naru"), x509.DNSName("*")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    made = ca.sign(AUTHORITY, greedy, now=NOW)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [RELAYER.dns_name]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.subject.rfc4514_string() == f"CN={RELAYER.dns_name}"


def test_a_request_that_names_two_is_not_signed() -> None:
    names = [x509.UniformResourceIdentifier(peer.uri) for peer in (NOTARY, RELAYER)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    asked = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
        ca.new_key(), hashes.SHA256()
    )
    with pytest.raises(InvalidInputError, match="exactly one is needed"):
        ca.sign(AUTHORITY, asked, now=NOW)


def test_a_request_that_names_nobody_is_not_signed() -> None:
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(ca.new_key(), hashes.SHA256())
    with pytest.raises(InvalidInputError, match="it is not from `naru ca`"):
        ca.sign(AUTHORITY, asked, now=NOW)


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())])
def test_a_key_of_another_kind_is_not_certified(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(RELAYER.uri)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    with pytest.raises(InvalidInputError, match="not on P-256"):
        ca.sign(AUTHORITY, builder.add_extension(names, critical=False).sign(key, hashes.SHA256()), now=NOW)


def test_a_request_whose_signature_is_broken_is_not_signed() -> None:
    data = bytearray(ca.pem(ca.request(RELAYER, ca.new_key())).encode())
    der = x509.load_pem_x509_csr(bytes(data)).public_bytes(Encoding.DER)
    forged = x509.load_der_x509_csr(der.replace(b"naru:relayer/r1", b"naru:relayer/r2"))
    with pytest.raises(InvalidInputError, match="is not signed by the key that it holds"):
        ca.sign(AUTHORITY, forged, now=NOW)


def test_the_commands_make_an_identity_that_works(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    told = run("issue", tmp_path / "ca", "--role", "notary", "--instance", "bank-a", "--out", tmp_path / "a")
    assert "certificate of notary/bank-a" in told
    assert read_identity(files_in(tmp_path / "a"), NOW).peer == NOTARY
    assert [mode(path) for path in (tmp_path / "ca", tmp_path / "ca" / "ca.key", tmp_path / "a" / "tls.key")] == [
        0o700,
        0o600,
        0o600,
    ]


def test_a_key_need_not_leave_its_machine(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    run("request", "--role", "relayer", "--instance", "r1", "--out", tmp_path / "r")
    key = (tmp_path / "r" / "tls.key").read_text()
    assert "request of relayer/r1" in run("show", tmp_path / "r" / "tls.csr")
    run("sign", tmp_path / "ca", tmp_path / "r" / "tls.csr", "--out", tmp_path / "signed")
    assert {path.name for path in (tmp_path / "signed").iterdir()} == {"tls.pem", "ca.pem"}
    assert key not in "".join(path.read_text() for path in (tmp_path / "signed").iterdir())
    for path in (tmp_path / "signed").iterdir():
        path.rename(tmp_path / "r" / path.name)
    assert read_identity(files_in(tmp_path / "r"), NOW).peer == RELAYER


def test_a_certificate_is_renewed_in_its_place(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    run("issue", tmp_path / "ca", "--role", "notary", "--instance", "bank-a", "--out", tmp_path / "a", "--days", 1)
    before = json.loads(run("show", tmp_path / "a" / "tls.pem", "-o", "json"))
    run("renew", tmp_path / "ca", tmp_path / "a" / "tls.pem", "--days", "60")
    after = json.loads(run("show", tmp_path / "a" / "tls.pem", "-o", "json"))
    assert (before["kind"], before["role"], before["instance"]) == ("certificate", "notary", "bank-a")
    assert (before["days_left"], after["days_left"]) == (0, 59)
    assert before["serial"] != after["serial"]
    assert read_identity(files_in(tmp_path / "a"), NOW).peer == NOTARY


def test_show_tells_an_authority_and_an_expired_certificate(tmp_path: Path) -> None:
    run("init", tmp_path / "ca", "--name", "Kim")
    shown = json.loads(run("show", tmp_path / "ca" / "ca.pem", "-o", "json"))
    assert (shown["kind"], shown["name"], shown["days_left"]) == ("authority", "CN=Kim", 5 * 365 - 1)
    old = tmp_path / "old.pem"
    old.write_text(ca.pem(ca.issue(AUTHORITY, NOTARY, PUBLIC, now=LONG_AGO)))
    assert "UTC, expired" in run("show", old)
    fingerprint = x509.load_pem_x509_certificate(old.read_bytes()).fingerprint(hashes.SHA256()).hex()
    assert fingerprint in run("show", old)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    run("issue", tmp_path / "ca", "--role", "notary", "--instance", "bank-a", "--out", tmp_path / "a")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    peer = ("--role", "notary", "--instance", "bank-a", "--out")
    run("request", *peer, tmp_path / "r")
    for command in (
        ("init", tmp_path / "ca"),
        ("issue", tmp_path / "ca", *peer, tmp_path / "a"),
        ("request", *peer, tmp_path / "a"),
        ("sign", tmp_path / "ca", tmp_path / "r" / "tls.csr", "--out", tmp_path / "a"),
    ):
        with pytest.raises(InvalidInputError, match="would be overwritten: name another folder"):
            run(*command)
    assert {path: path.read_bytes() for path in before} == before


def test_an_authority_s_key_under_a_passphrase_is_of_no_use_without_it(tmp_path: Path) -> None:
    passphrase, wrong = tmp_path / "passphrase", tmp_path / "wrong"
    for path in (passphrase, wrong):
        path.touch(mode=0o600)
        path.write_text(f"correct horse battery {path.name}\n")
    run("init", tmp_path / "ca", "--passphrase-file", passphrase)
    assert "BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "ca" / "ca.key").read_text()
    issue = ("issue", tmp_path / "ca", "--role", "notary", "--instance", "bank-a", "--out", tmp_path / "a")
    with pytest.raises(InvalidInputError, match="key is encrypted: give --passphrase-file"):
        run(*issue)
    with pytest.raises(InvalidInputError, match="or the passphrase is wrong"):
        run(*issue, "--passphrase-file", wrong)
    passphrase.chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others: run chmod 600"):
        run(*issue, "--passphrase-file", passphrase)
    passphrase.chmod(0o600)
    run(*issue, "--passphrase-file", passphrase)
    assert read_identity(files_in(tmp_path / "a"), NOW).peer == NOTARY


def test_a_passphrase_for_a_key_that_has_none_is_told(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple")
    run("init", tmp_path / "ca")
    with pytest.raises(InvalidInputError, match="is not encrypted: leave --passphrase-file out"):
        folders.issue(tmp_path / "ca", NOTARY, tmp_path / "a", days=1, passphrase_file=passphrase, now=NOW)


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("short")
    with pytest.raises(InvalidInputError, match="fewer than 12 characters"):
        run("init", tmp_path / "ca", "--passphrase-file", passphrase)
    assert not (tmp_path / "ca").exists()


def test_an_authority_s_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    (tmp_path / "ca" / "ca.key").chmod(0o644)
    with pytest.raises(ConfigError, match=r"ca\.key can be read by others: run chmod 600"):
        run("issue", tmp_path / "ca", "--role", "notary", "--instance", "bank-a", "--out", tmp_path / "a")


def test_the_key_of_another_authority_is_not_used() -> None:
    with pytest.raises(InvalidInputError, match="do not belong together"):
        ca.load_authority(ca.pem(AUTHORITY.certificate).encode(), ca.key_pem(STRANGER.key).encode())


@pytest.mark.parametrize("command", ["show", "sign", "renew"])
@pytest.mark.parametrize("content", [None, "나루", "-----BEGIN CERTIFICATE REQUEST-----\n"])
def test_a_file_that_is_something_else_is_told(command: str, content: str | None, tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    arguments = {
        "show": (path,),
        "sign": (tmp_path / "ca", path, "--out", tmp_path / "out"),
        "renew": (tmp_path / "ca", path),
    }
    with pytest.raises(InvalidInputError, match=r"file\.pem (can't be read|holds no (request|certificate))"):
        run(command, *arguments[command])


def test_an_instance_is_a_name(tmp_path: Path) -> None:
    run("init", tmp_path / "ca")
    with pytest.raises(InvalidInputError, match="is no name"):
        run("issue", tmp_path / "ca", "--role", "notary", "--instance", "../x", "--out", tmp_path / "a")
