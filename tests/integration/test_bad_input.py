"""What people get wrong at the command: told in one text that says what to do, and nothing is locked.

What needs no network stands in tests/unit: the configuration, amounts, accounts, ids. Daemons: test_bad_start.py.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.devnet.runs import claim, root
from bridge.errors import ConfigError
from tests.integration.support import Done, Network, naru, naru_here

pytestmark = pytest.mark.processes

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
SEND = {
    "amount": "1",
    "asset": "tower",
    "--from": "alice",
    "--to": "bob",
    "--source": "alpha",
    "--destination": "beta",
}
BAD_SENDS = {
    "an unknown asset": ({"asset": "gold"}, "unknown asset 'gold': known are tower, melody"),
    "an unknown source": ({"--source": "gamma"}, "unknown ledger 'gamma': known are alpha, beta"),
    "an unknown destination": ({"--destination": "eip155:1"}, "unknown ledger 'eip155:1': known are alpha, beta"),
    "one ledger twice": ({"--destination": "alpha"}, "a transfer moves between two ledgers"),
    "amount zero": ({"amount": "0"}, "amount must be above zero"),
    "a fraction finer than the asset": ({"amount": "1.5"}, "finer than this asset allows: it has 0 decimal places"),
    "an exponent": ({"amount": "1e3"}, "write 12 or 0.5, without sign, exponent or commas"),
    "foreign digits": ({"amount": "١٢"}, "write 12 or 0.5, without sign, exponent or commas"),
    "an endless amount": ({"amount": "9" * 5000}, "is not a positive decimal number"),
    "more than 2^127": ({"amount": "9" * 40}, "amount must be from 1 smallest unit to 2^127 - 1"),
    "more than the lane takes": ({"amount": "9" * 20}, "outside the lane's limits of 1 to 1000000000000"),
    "more than the holder has": ({"amount": "1000001"}, "1000001; nothing was locked"),
    "no account": ({"--to": "nobody"}, "'nobody' is not an EVM account: give 0x and 40 hexadecimal digits"),
    "a short account": ({"--to": "0x1234"}, "give 0x and 40 hexadecimal digits"),
    "a wrong checksum": ({"--to": ADDRESS.replace("5aA", "5AA")}, "fails its EIP-55 checksum: copy it again"),
    "another chain's account": ({"--to": f"eip155:1:{ADDRESS}"}, "give the recipient's account there"),
    "the zero address": ({"--to": "0x" + 40 * "0"}, "the zero address can't hold units"),
    "a recipient who is not registered": ({"--to": "carol"}, "beta would refuse (NOT_ELIGIBLE)"),
    "a deadline of now": ({"--deadline-in": "0"}, "has passed: give seconds above zero"),
    "a deadline in the past": ({"--deadline-in": "-60"}, "has passed: give seconds above zero"),
    "a deadline too soon": ({"--deadline-in": "1"}, "outside the lane's limits of 2 s to 86400 s from now"),
    "a deadline too late": ({"--deadline-in": "86401"}, "outside the lane's limits of 2 s to 86400 s from now"),
    "a deadline in millennia": ({"--deadline-in": "9" * 30}, "more than a century away: give fewer seconds"),
    "an unknown key": ({"--from": "mallory"}, "unknown account or key file 'mallory': known are alice"),
    "a key file with an endless name": ({"--from": "k" * 5000}, "unknown account or key file"),
    "a client reference that is none": ({"--reference": "order 7"}, "is not a client reference: give 0x and 64"),
}


@pytest.fixture(scope="module")
def untouched(network: Network) -> list[tuple[int, int, int]]:
    return network.locked()


@pytest.fixture(autouse=True)
def _nothing_is_locked(network: Network, untouched: list[tuple[int, int, int]]) -> Iterator[None]:
    yield
    assert network.locked() == untouched


@pytest.mark.parametrize(("wrong", "text"), BAD_SENDS.values(), ids=BAD_SENDS)
def test_it_is_refused_with_what_to_do_instead(network: Network, wrong: dict[str, str], text: str) -> None:
    _assert_refused(_send(network.config_path, wrong), text)


@pytest.mark.parametrize("wrong", [{"amount": "-1"}, {"--deadline-in": "soon"}, {"--deadline-in": "1.5"}])
def test_what_is_no_number_at_all_is_a_usage_error(network: Network, wrong: dict[str, str]) -> None:
    refused = _send(network.config_path, wrong)
    assert (refused.code, refused.out) == (2, "")
    assert "Usage:" in refused.err


def test_gateway_and_token_themselves_are_no_recipients_r_22(network: Network) -> None:
    token = next(t.token for t in network.names.asset("tower").tokens if t.ledger == "beta")
    for recipient in (network.destination.gateway, token):
        _assert_refused(_send(network.config_path, {"--to": recipient}), "beta would refuse")


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"amount": "1000001"}, "ERC20InsufficientBalance"),
        ({"--deadline-in": "86500"}, "DeadlineOutOfRange"),
        ({"amount": "9" * 20}, "AmountOutOfRange"),
    ],
)
def test_without_preflight_the_gateway_refuses_it_by_name_r_01(
    network: Network, wrong: dict[str, str], name: str
) -> None:
    refused = _send(network.config_path, wrong, "--no-preflight")
    assert (refused.code, refused.out) == (1, "")
    assert name in refused.err
    assert "nothing was locked" in refused.err


def test_an_asset_without_a_lane_is_told(network: Network, tmp_path: Path) -> None:
    token = network.names.asset("tower").tokens[0].token
    lines = ["[[assets]]", 'name = "gold"', 'asset = "isin:KR7900040010"', "decimals = 0"]
    lines += ["[[assets.tokens]]", 'ledger = "alpha"', f'token = "{token}"']
    config = tmp_path / "network.toml"
    config.write_text(network.config_path.read_text() + "\n" + "\n".join(lines))
    _assert_refused(_send(config, {"asset": "gold"}), "the lane alpha → beta for gold is not open")
    _assert_refused(_send(config, {"asset": "gold"}, "--no-preflight"), "does not know asset")


def test_a_key_file_must_be_its_owners_alone_and_hold_a_key(network: Network, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("not a key")
    _assert_refused(_send(network.config_path, {"--from": str(key)}), "the file must hold 0x and 64 hexadecimal digits")
    key.write_text("0x" + "11" * 32)
    key.chmod(0o644)
    _assert_refused(_send(network.config_path, {"--from": str(key)}), f"run chmod 600 {key}")


@pytest.mark.parametrize("command", ["show", "watch"])
@pytest.mark.parametrize("text", ["", "0x12", "tower", "0x" + "g" * 64])
def test_what_is_no_transfer_id_is_refused(network: Network, command: str, text: str) -> None:
    refused = naru_here("transfer", command, text, "--config", str(network.config_path))
    _assert_refused(refused, "is not a transfer id: give 0x and its 64 hexadecimal digits")


def test_an_unknown_transfer_is_told(network: Network) -> None:
    config = ("--config", str(network.config_path))
    unknown = "0x" + "12" * 32
    _assert_refused(naru_here("transfer", "show", unknown, *config), f"no transfer {unknown}")
    watched = naru_here("transfer", "watch", unknown, "--timeout", "0.1", *config)
    assert (watched.code, watched.out) == (3, "")
    assert f"transfer {unknown} is not known to the relayer" in watched.err


def test_a_node_that_is_down_is_told(network: Network, tmp_path: Path) -> None:
    for ledger in network.config.ledgers:
        dead = _dead_url()
        config = tmp_path / "network.toml"
        config.write_text(network.config_path.read_text().replace(ledger.nodes[0], dead))
        failed = _send(config, {})
        assert (failed.code, failed.out) == (3, "")
        assert dead in failed.err
        assert "is it running?" in failed.err


def test_a_node_of_another_chain_is_told(network: Network, tmp_path: Path) -> None:
    config = tmp_path / "network.toml"
    config.write_text(network.config_path.read_text().replace(network.source.nodes[0], network.destination.nodes[0]))
    _assert_refused(_send(config, {}), "is on chain 7002, not 7001: point the ledger at its own node")


def test_a_redis_that_is_down_is_told(network: Network, tmp_path: Path) -> None:
    config = tmp_path / "network.toml"
    config.write_text(network.config_path.read_text().replace("redis.sock", "nobody.sock"))
    failed = naru_here("transfer", "list", "--config", str(config))
    assert (failed.code, failed.out) == (3, "")
    assert "Redis" in failed.err


def test_doctor_names_each_broken_part_with_its_remedy(network: Network, tmp_path: Path) -> None:
    text = network.config_path.read_text().replace(network.source.nodes[0], _dead_url())
    text = text.replace(network.config.committee.members[0].address, _dead_url().removeprefix("http://"))
    config = tmp_path / "network.toml"
    config.write_text(text.replace("redis.sock", "nobody.sock"))
    examined = naru_here("doctor", "-o", "json", "--config", str(config))
    assert examined.code == 1
    bad = {check["check"]: check["remedy"] for check in examined.json if not check["ok"]}
    assert set(bad) == {"alpha chain id", "notary 1", "redis"}
    assert all(bad.values())


def test_without_a_network_the_text_says_how_to_get_one(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(empty_folder))
    text = "no network: give --config FILE, set NARU_CONFIG, or start one with `naru devnet up`"
    _assert_refused(naru_here("transfer", "list"), text)
    _assert_refused(naru_here("devnet", "down"), "no embedded network runs")
    _assert_refused(naru_here("devnet", "down", "net-1"), "`naru devnet status` lists them")


def test_with_several_networks_one_must_be_named(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(empty_folder))
    for name in ("net-1", "net-2"):
        folder, _lock = claim(name)
        (folder / "network.toml").touch()
    _assert_refused(naru_here("transfer", "list"), "2 embedded networks run: name one with --config, such as")
    _assert_refused(naru_here("devnet", "down"), "2 networks run (net-1, net-2): name the one to stop")


def test_a_configuration_that_is_not_there_or_no_toml_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.toml"
    _assert_refused(naru_here("transfer", "list", "--config", str(missing)), f"{missing} can't be read")
    monkeypatch.setenv("NARU_CONFIG", str(tmp_path))
    _assert_refused(naru_here("transfer", "list"), "can't be read (Is a directory)")
    missing.write_text("ledgers = [")
    _assert_refused(naru_here("transfer", "list", "--config", str(missing)), "is not TOML")


def test_everything_wrong_in_a_configuration_is_told_at_once(network: Network, tmp_path: Path) -> None:
    text = network.config_path.read_text()
    config = tmp_path / "network.toml"
    config.write_text(text.replace("epoch = 1", "epoch = 0\nepochs = 2").replace('"instant"', '"soon"'))
    refused = naru_here("transfer", "list", "--config", str(config))
    assert (refused.code, refused.out) == (2, "")
    for part in ("committee.epoch:", "committee.epochs:", "ledgers.0.finality:", "ledgers.1.finality:"):
        assert part in refused.err


OWN_LEDGERS = {
    "a ledger without a key": (["--ledger-a", "http://127.0.0.1:1"], "--ledger-a needs --key-a FILE"),
    "a key that is not there": (["--ledger-b", "http://127.0.0.1:1", "--key-b", "nowhere"], "--key-b FILE"),
    "a key without a ledger": (["--key-a", "{key}"], "--key-a goes with --ledger-a: name the node too"),
    "no address": (["--ledger-a", "127.0.0.1:1", "--key-a", "{key}"], "give http://host:port"),
    "an unknown finality": (
        ["--ledger-a", "http://127.0.0.1:1", "--key-a", "{key}", "--finality-a", "depth:0"],
        "give instant, tag:safe, tag:finalized or depth:BLOCKS",
    ),
}


@pytest.mark.parametrize(("arguments", "text"), OWN_LEDGERS.values(), ids=OWN_LEDGERS)
def test_a_demo_on_ledgers_of_the_users_says_what_it_lacks(arguments: list[str], text: str, tmp_path: Path) -> None:
    key = _key(tmp_path)
    _assert_refused(naru_here("demo", *(a.format(key=key) for a in arguments)), text)


def test_a_demo_takes_no_key_that_others_can_read(tmp_path: Path) -> None:
    key = _key(tmp_path)
    key.chmod(0o640)
    refused = naru_here("demo", "--ledger-a", "http://127.0.0.1:1", "--key-a", str(key))
    _assert_refused(refused, f"run chmod 600 {key}")


def test_a_demo_on_a_node_that_is_down_leaves_nothing(tmp_path: Path, empty_folder: Path) -> None:
    arguments = ["--ledger-a", _dead_url(), "--key-a", str(_key(tmp_path)), "-o", "json"]
    failed = naru("demo", *arguments, folder=empty_folder)
    assert (failed.code, failed.out) == (3, "")
    assert "is it running?" in failed.err
    assert [path for root in empty_folder.iterdir() for path in root.iterdir()] == []


def test_a_folder_of_networks_that_others_can_enter_is_not_used(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(empty_folder))
    with pytest.raises(ConfigError):
        _open_to_others()
    _assert_refused(naru_here("devnet", "status"), "must be a folder of yours that nobody else can enter")


def _send(config: Path, wrong: dict[str, str], *more: str) -> Done:
    options = SEND | wrong
    positional = [options.pop("amount"), options.pop("asset")]
    named = [part for option in options.items() for part in option]
    return naru_here("transfer", "send", *positional, *named, *more, "--config", str(config))


def _assert_refused(refused: Done, text: str) -> None:
    """Wrong input: exit code 2, one text on standard error that says what to do, nothing on standard output."""
    assert (refused.code, refused.out) == (2, ""), refused
    assert text in refused.err
    assert refused.err.startswith("naru: ")
    assert len(refused.err.splitlines()) == 1
    assert "Traceback" not in refused.err


def _key(folder: Path) -> Path:
    path = folder / "key"
    path.touch(mode=0o600)
    path.write_text("0x" + "22" * 32)
    return path


def _dead_url() -> str:
    """Give an address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def _open_to_others() -> None:
    root().chmod(0o755)
    root()
