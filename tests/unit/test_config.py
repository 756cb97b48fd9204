"""Configuration: what is wrong is told, all at once, with what to do; what is right is normalised."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import tomli_w

from bridge.config import ClientConfig, LedgerConfig, committee_problems, faulty_max, load, read_secret
from bridge.devnet.network import OwnLedger
from bridge.errors import ConfigError
from bridge.notary_config import NotaryConfig
from bridge.relayer_config import RelayerConfig

Config = dict[str, Any]
GATEWAY: Final = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OPERATORS: Final = ["A", "B", "C", "D"]
TLS: Final = {"ca_file": "ca.pem", "certificate_file": "own.pem", "key_file": "own.key"}


def ledger(name: str = "alpha", chain_id: int = 7001, **more: object) -> Config:
    base: Config = {
        "name": name,
        "ledger": f"eip155:{chain_id}",
        "fingerprint": "0x" + "ab" * 32,
        "gateway": GATEWAY,
        "nodes": ["http://127.0.0.1:8545"],
    }
    return base | more


def committee(operators: list[str] = OPERATORS, **more: object) -> Config:
    members = [
        {"id": i, "operator": o, "address": f"127.0.0.{i}:7000", "name": f"notary-{i}", "identity": f"{i:0128x}"}
        for i, o in enumerate(operators, start=1)
    ]
    n = len(operators)
    return {"epoch": 1, "threshold": n - (n - 1) // 3, "public_keys": "00", "members": members} | more


def nodes(count: int) -> list[str]:
    return [f"http://127.0.0.{i + 1}:8545" for i in range(count)]


def client(**more: object) -> Config:
    ledgers = [ledger(), ledger("beta", 7002)]
    return {"ledgers": ledgers, "redis": "redis://127.0.0.1:6379", "committee": committee(), "tls": TLS} | more


def notary(**more: object) -> Config:
    base: Config = {"name": "notary-1", "listen": "127.0.0.1:0", "signer_socket": "run/signer", "folder": "state"}
    two: Config = {"nodes": nodes(2), "agreement": 2}
    return base | {"tls": TLS} | {"ledgers": [ledger(**two), ledger("beta", 7002, **two)]} | more


def problems(model: type[ClientConfig | NotaryConfig | RelayerConfig], config: Config, folder: Path) -> str:
    """Load a configuration that is wrong; give everything that is told, line by line."""
    path = folder / "naru.toml"
    path.write_text(tomli_w.dumps(config))
    with pytest.raises(ConfigError) as caught:
        load(path, model)
    return "\n".join(caught.value.problems)


def loaded(model: type[ClientConfig], config: Config, folder: Path) -> ClientConfig:
    path = folder / "naru.toml"
    path.write_text(tomli_w.dumps(config))
    return load(path, model)


def test_a_right_configuration_is_taken(tmp_path: Path) -> None:
    assert [i.name for i in loaded(ClientConfig, client(), tmp_path).ledgers] == ["alpha", "beta"]


def test_everything_wrong_is_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    wrong = client(surprise=1, committee=committee(threshold=2, epochs=1), redis=7)
    wrong["ledgers"][0] |= {"ledger": "eip155:01", "gateway": "0x12", "finality": "soon", "nodes": ["127.0.0.1:1"]}
    wrong["ledgers"][1] |= {"fingerprint": "0xAB"}
    del wrong["ledgers"][1]["name"]
    told = problems(ClientConfig, wrong, tmp_path)
    places = [
        *("ledgers.0.ledger", "ledgers.0.gateway", "ledgers.0.finality", "ledgers.0.nodes.0"),
        *("ledgers.1.fingerprint", "ledgers.1.name", "redis", "committee.epochs", "surprise"),
    ]
    assert [place for place in places if f"naru.toml: {place}: " not in told] == []
    assert [line for line in told.splitlines() if not any(f": {place}: " in line for place in places)] == []


def test_names_and_ledgers_are_unique(tmp_path: Path) -> None:
    told = problems(ClientConfig, client(ledgers=[ledger(), ledger()]), tmp_path)
    assert "name alpha occurs twice" in told
    assert "ledger eip155:7001 occurs twice" in told
    token = {"ledger": "gamma", "token": GATEWAY}
    asset = {"name": "tower", "asset": "isin:KR7900010013", "decimals": 0, "tokens": [token]}
    account = {"name": "alice", "address": GATEWAY}
    told = problems(ClientConfig, client(assets=[asset, asset], accounts=[account, account]), tmp_path)
    for part in ("asset tower occurs twice", "asset isin:KR7900010013 occurs", "account alice occurs twice"):
        assert part in told
    assert "asset tower has a token on gamma, which is no ledger here: known are alpha, beta" in told


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ledger", "is not TOML"),
        ('redis = "\\x"', "is not TOML"),
        ("", "ledgers: is missing: add it"),
    ],
)
def test_what_is_no_configuration_is_told(text: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "naru.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=part):
        load(path, ClientConfig)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "naru.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(path, ClientConfig)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "naru.toml"
    with pytest.raises(ConfigError, match=re.escape(f"{missing} can't be read (No such file or directory): give")):
        load(missing, ClientConfig)


def test_relative_files_count_from_the_configurations_own_folder(tmp_path: Path) -> None:
    config = loaded(ClientConfig, client(accounts=[{"name": "a", "address": GATEWAY, "key_file": "a.key"}]), tmp_path)
    assert config.accounts[0].key_file == tmp_path.resolve() / "a.key"


def test_addresses_carry_their_checksum_after_loading(tmp_path: Path) -> None:
    config = client()
    config["ledgers"][0]["gateway"] = GATEWAY.lower()
    assert loaded(ClientConfig, config, tmp_path).ledgers[0].gateway == GATEWAY


@pytest.mark.parametrize("finality", ["instant", "tag:safe", "tag:finalized", "depth:1", "depth:999999"])
def test_every_kind_of_finality_is_taken(finality: str) -> None:
    assert LedgerConfig.model_validate(ledger(finality=finality, margin_s=1)).finality == finality


@pytest.mark.parametrize("finality", ["tag:safe", "tag:finalized", "depth:1"])
@pytest.mark.parametrize("margin", [{}, {"margin_s": 0}])
def test_a_ledger_that_is_not_final_at_once_needs_a_margin_r_30(finality: str, margin: Config, tmp_path: Path) -> None:
    told = problems(ClientConfig, client(ledgers=[ledger(finality=finality, **margin)]), tmp_path)
    assert "ledgers.0: " in told
    assert f"finality {finality}: set margin_s above the deepest credible reorganisation, in seconds" in told


def test_a_ledger_that_is_final_at_once_needs_no_margin_r_30() -> None:
    assert LedgerConfig.model_validate(ledger(finality="instant")).margin_s == 0


@pytest.mark.parametrize(("finality", "least"), [("instant", 0), ("tag:finalized", 1), ("depth:2", 1)])
def test_an_own_ledger_of_the_demo_has_a_margin_where_it_needs_one_r_30(
    finality: str, least: int, tmp_path: Path
) -> None:
    own = OwnLedger(url="http://127.0.0.1:1", key_file=tmp_path / "key", finality=finality)
    assert own.margin_s >= least
    LedgerConfig.model_validate(ledger(finality=own.finality, margin_s=own.margin_s))


@pytest.mark.parametrize("finality", ["", "tag:latest", "depth:0", "depth:-1", "depth:1000000", "depth", " instant"])
def test_every_other_finality_is_refused(finality: str, tmp_path: Path) -> None:
    assert "ledgers.0.finality" in problems(ClientConfig, client(ledgers=[ledger(finality=finality)]), tmp_path)


# --- the committee: n, t and R-42


@pytest.mark.parametrize(("n", "f"), [(4, 1), (5, 1), (6, 1), (7, 2), (10, 3)])
def test_the_threshold_is_n_less_f_and_no_choice(n: int, f: int) -> None:
    operators = [str(i) for i in range(n)]
    assert faulty_max(n) == f
    assert committee_problems(n - f, list(range(1, n + 1)), operators) == []
    for other in (n - f - 1, n - f + 1, 0):
        told = committee_problems(other, list(range(1, n + 1)), operators)
        assert told == [f"threshold must be n - f = {n - f} for {n} notaries, not {other}"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_than_four_notaries_are_refused(n: int) -> None:
    told = committee_problems(n, list(range(1, n + 1)), [str(i) for i in range(n)])
    assert f"a committee of {n} tolerates no fault: configure at least 4 notaries" in told


@pytest.mark.parametrize("ids", [[0, 1, 2, 3], [1, 2, 3, 3], [1, 2, 3, 5]])
def test_notaries_are_numbered_from_one_each_once(ids: list[int]) -> None:
    assert committee_problems(3, ids, OPERATORS) == ["notary ids must be 1 to 4, each once"]


def test_no_operator_holds_more_than_f_seats_r_42() -> None:
    told = committee_problems(3, [1, 2, 3, 4], ["A", "A", "B", "C"])
    assert told == ["operator 'A' holds 2 of 4 seats: none may hold more than f = 1 (R-42)"]
    assert committee_problems(5, [1, 2, 3, 4, 5, 6, 7], ["A", "A", "B", "B", "C", "C", "D"]) == []


def test_all_that_is_wrong_with_a_committee_is_told_at_once(tmp_path: Path) -> None:
    told = problems(ClientConfig, client(committee=committee(["A", "A", "B"], threshold=1)), tmp_path)
    for part in ("a committee of 3", "threshold must be n - f = 3", "operator 'A' holds 2 of 3 seats"):
        assert part in told


# --- notaries: R-10's k of m, plaintext


@pytest.mark.parametrize(("agreement", "count"), [(1, 1), (1, 2), (2, 4), (3, 6)])
def test_outside_development_k_is_two_and_more_than_half_r_10(agreement: int, count: int, tmp_path: Path) -> None:
    few = ledger(nodes=nodes(count), agreement=agreement)
    told = problems(NotaryConfig, notary(ledgers=[few]), tmp_path)
    assert f"ledger alpha: agreement {agreement} of {count} nodes is not enough: R-10 wants at least 2" in told
    assert NotaryConfig.model_validate(notary(ledgers=[few], development=True)).ledgers[0].agreement == agreement


@pytest.mark.parametrize(("agreement", "count"), [(2, 2), (2, 3), (3, 5)])
def test_enough_agreeing_nodes_are_enough_r_10(agreement: int, count: int) -> None:
    some = ledger(nodes=nodes(count), agreement=agreement)
    assert NotaryConfig.model_validate(notary(ledgers=[some])).development is False


def test_one_node_named_twice_is_one_node_r_10(tmp_path: Path) -> None:
    twice = ledger(nodes=["http://127.0.0.1:1", "http://127.0.0.1:1"], agreement=2)
    assert "node http://127.0.0.1:1 occurs twice" in problems(NotaryConfig, notary(ledgers=[twice]), tmp_path)


def test_more_agreement_than_nodes_can_never_be_reached_r_10(tmp_path: Path) -> None:
    told = problems(NotaryConfig, notary(ledgers=[ledger(agreement=2)], development=True), tmp_path)
    assert "agreement 2 of 1 nodes can't be reached" in told


@pytest.mark.parametrize("address", ["0.0.0.0:7000", "192.0.2.1:7000", "[::]:7000", "notary.example:7000"])
def test_a_notary_without_tls_listens_on_loopback_in_development_only(address: str, tmp_path: Path) -> None:
    plain = notary(listen=address)
    del plain["tls"]
    told = problems(NotaryConfig, plain, tmp_path)
    assert f"{address} is not a loopback address: without tls, listen on 127.0.0.1 only" in told
    assert "tls is missing: name this notary's certificate; plaintext is for development only" in told
    assert "tls is missing" not in problems(NotaryConfig, plain | {"development": True}, tmp_path)
    assert NotaryConfig.model_validate(notary(listen=address)).listen == address


@pytest.mark.parametrize(("agreement", "hosts"), [(2, 1), (2, 2), (3, 3)])
def test_nodes_enough_to_agree_are_not_on_one_host_r_10(agreement: int, hosts: int, tmp_path: Path) -> None:
    """A liar on one host would agree with itself."""
    together = [f"http://10.0.0.1:{8545 + i}" for i in range(agreement)]
    some = ledger(nodes=[*together, *nodes(hosts - 1)][: 2 * agreement - 1], agreement=agreement)
    told = problems(NotaryConfig, notary(ledgers=[some]), tmp_path)
    assert f"{agreement} nodes on host 10.0.0.1: they fall and lie together; use another host for each" in told


# --- ledgers whose newest block can be undone


@pytest.mark.parametrize("chain_id", [1, 137, 8453, 11155111])
def test_a_public_chain_is_not_final_at_once_r_30(chain_id: int, tmp_path: Path) -> None:
    told = problems(ClientConfig, client(ledgers=[ledger(chain_id=chain_id)]), tmp_path)
    assert f"finality instant on eip155:{chain_id}: its newest blocks can be undone" in told
    LedgerConfig.model_validate(ledger(chain_id=chain_id, finality="tag:finalized", margin_s=900))


def test_a_ledger_that_is_called_probabilistic_is_not_final_at_once_r_30(tmp_path: Path) -> None:
    told = problems(ClientConfig, client(ledgers=[ledger(consensus="probabilistic")]), tmp_path)
    assert "finality instant on eip155:7001: its newest blocks can be undone; use tag:finalized or depth:N" in told


# --- how members are reached


def test_members_on_other_machines_are_reached_by_tls_only(tmp_path: Path) -> None:
    far = committee()
    far["members"][2]["address"] = "notary.example:7000"
    plain = client(committee=far)
    del plain["tls"]
    for more in ({}, {"development": True}):
        told = problems(ClientConfig, plain | more, tmp_path)
        assert "notary.example:7000 is not on loopback: plaintext gRPC is allowed on loopback only" in told
    assert loaded(ClientConfig, client(committee=far), tmp_path).tls is not None


def test_no_host_holds_more_than_f_seats_r_42(tmp_path: Path) -> None:
    crowded = committee()
    for member in crowded["members"][:2]:
        member["address"] = "10.0.0.1:7000"
    told = problems(ClientConfig, client(committee=crowded), tmp_path)
    assert "host 10.0.0.1 holds 2 of 4 seats: none may hold more than f = 1 (R-42)" in told
    assert loaded(ClientConfig, client(committee=crowded, development=True), tmp_path).development


def test_outside_development_members_have_a_name_and_an_identity(tmp_path: Path) -> None:
    bare = committee()
    for key in ("name", "identity"):
        del bare["members"][3][key]
    told = problems(ClientConfig, client(committee=bare), tmp_path)
    assert "notary 4 has no name in the committee document: get the one that its ceremony made" in told
    assert "notary 4 has no identity in the committee document" in told
    plain = client()
    del plain["tls"]
    assert "tls is missing: name this process's certificate" in problems(ClientConfig, plain, tmp_path)


# --- secrets


def test_a_secret_is_read_from_its_owners_own_file_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("0x12\n")
    path.chmod(0o600)
    assert read_secret(path) == "0x12"
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(ConfigError, match=re.escape(f"can be read by others: run chmod 600 {path}")):
            read_secret(path)


def test_a_secret_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"secret file {tmp_path / 'key'} can't be read")):
        read_secret(tmp_path / "key")
