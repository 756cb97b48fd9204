"""The same end-to-end run on two anvil nodes that the user brings: same adapter, other configuration, nothing else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from eth_account import Account

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import ERC20_HANDLER, PLAIN_TOKEN
from bridge.adapters.evm.deploy import GatewayGovernance, LaneLimits, Outbox, TokenIssuer, sign_issue
from bridge.adapters.evm.node import Node
from bridge.config import ClientConfig, load
from bridge.core.caip import asset_id
from bridge.core.conservation import conserved
from bridge.core.register import Issue
from bridge.core.transfer import Lane
from bridge.ops.audit import audit
from tests.integration.anvil import BINARY, FREE, Anvil, anvil, key_file
from tests.integration.support import Done, Network, naru
from tests.integration.test_demo import ENDINGS

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.processes,
    pytest.mark.skipif(not BINARY.exists(), reason=f"no {BINARY.name} in contracts/evm/node_modules: run make node"),
]
ISIN: Final = "isin:KR7900030011"
ISSUED: Final = {"alpha": 5_000_000, "beta": 0}
DECIMALS: Final = 6


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anvil, Anvil]]:
    """Two nodes without fees whose blocks are final at once."""
    folder = tmp_path_factory.mktemp("anvil")
    with anvil(folder, 31001, *FREE) as alpha, anvil(folder, 31002, *FREE) as beta:
        yield alpha, beta


@pytest.fixture(scope="module")
def demo(nodes: tuple[Anvil, Anvil], folder: Path) -> Iterator[Done]:
    """A demo on both nodes, whose network is kept."""
    yield _demo(nodes, folder, "--keep")
    naru("devnet", "down", folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("k")


@pytest.fixture(scope="module")
def network(demo: Done, folder: Path) -> Network:
    assert demo.code == 0, demo.err
    run = naru("devnet", "status", "-o", "json", folder=folder).json[0]
    return Network(Path(run["config"]).parent, run["pid"])


@pytest.fixture(scope="module")
def plain(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A client configuration with one more asset, whose tokens are plain ERC-20s, and nothing else changed."""
    tokens = asyncio.run(_deploy_plain(network))
    lines = ["", "[[assets]]", 'name = "plain"', f'asset = "{ISIN}"', f"decimals = {DECIMALS}"]
    for ledger, token in tokens.items():
        lines += ["[[assets.tokens]]", f'ledger = "{ledger}"', f'token = "{token}"', f"issued = {ISSUED[ledger]}"]
    path = tmp_path_factory.mktemp("plain") / "network.toml"
    path.write_text(network.config_path.read_text() + "\n".join(lines))
    return path


def test_the_demo_ends_as_it_must_on_two_nodes_of_the_users(demo: Done) -> None:
    assert demo.code == 0, demo.err
    assert [(t["status"], t["reason"]) for t in demo.json["transfers"]] == ENDINGS
    assert demo.json["conserved"] is True


def test_an_embedded_ledger_is_not_started_where_the_user_has_one(network: Network) -> None:
    assert {"alpha", "beta"}.isdisjoint(network.pids())
    assert {ledger.ledger for ledger in network.config.ledgers} == {"eip155:31001", "eip155:31002"}


def test_a_plain_erc_20_moves_there_and_back_by_configuration_only(plain: Path) -> None:
    for sender, recipient, source, destination in (
        ("alice", "bob", "alpha", "beta"),
        ("bob", "carol", "beta", "alpha"),
    ):
        lane = ["--from", sender, "--to", recipient, "--source", source, "--destination", destination]
        sent = naru("transfer", "send", "1.25", "plain", *lane, "-o", "json", "--config", str(plain))
        assert (sent.code, sent.err) == (0, "")
        watched = naru("transfer", "watch", sent.json["id"], "-o", "json", "--config", str(plain))
        assert (watched.code, watched.json["amount"]) == (0, "1.250000")
    totals = {(i.ledger, i.asset): i.totals for i in asyncio.run(audit(load(plain, ClientConfig)))}
    assert conserved(totals.values()), "INV-4, INV-9"
    assert (totals["alpha", "plain"].supply, totals["beta", "plain"].supply) == (5_000_000, 0)
    assert (totals["alpha", "plain"].burned, totals["alpha", "plain"].minted) == (1_250_000, 1_250_000)


def test_nothing_is_sent_where_a_node_is_of_another_chain(network: Network, plain: Path, tmp_path: Path) -> None:
    alpha, beta = (ledger.nodes[0] for ledger in network.config.ledgers)
    text = plain.read_text().replace(alpha, "A").replace(beta, alpha).replace('"A"', f'"{beta}"')
    crossed = tmp_path / "crossed.toml"
    crossed.write_text(text)
    lane = ["--from", "alice", "--to", "bob", "--source", "alpha", "--destination", "beta"]
    refused = naru("transfer", "send", "1", "plain", *lane, "--config", str(crossed))
    assert (refused.code, refused.out) == (2, "")
    assert "is on chain 31002, not 31001: point the ledger at its own node" in refused.err


def test_two_nodes_of_one_chain_are_no_two_ledgers(nodes: tuple[Anvil, Anvil], empty_folder: Path) -> None:
    refused = _demo((nodes[0], nodes[0]), empty_folder)
    assert (refused.code, refused.out) == (2, "")
    assert "alpha and beta are both on chain 31001: give nodes of two different chain ids" in refused.err


def test_fees_and_finality_by_tag_and_by_depth_change_nothing(tmp_path: Path, empty_folder: Path) -> None:
    finality = ("--finality-a", "tag:finalized", "--finality-b", "depth:2")
    with anvil(tmp_path, 31003, slots_in_an_epoch=1) as alpha, anvil(tmp_path, 31004) as beta:
        ended = _demo((alpha, beta), empty_folder, *finality)
        assert int(str(alpha.call("eth_gasPrice")), 16) > 0
    assert ended.code == 0, ended.err
    assert [(t["status"], t["reason"]) for t in ended.json["transfers"]] == ENDINGS
    assert ended.json["conserved"] is True


def test_an_account_that_cant_pay_for_gas_is_named(tmp_path: Path, empty_folder: Path) -> None:
    with anvil(tmp_path, 31005) as alpha, anvil(tmp_path, 31006) as beta:
        poor = key_file(tmp_path / "poor.key")
        refused = _demo((Anvil(alpha.url, poor), beta), empty_folder)
    assert (refused.code, refused.out) == (2, "")
    address = Account.from_key(poor.read_text()).address
    assert f"alpha: {address} can't pay for contracts and gas there: fund it" in refused.err


def _demo(nodes: tuple[Anvil, Anvil], folder: Path, *arguments: str) -> Done:
    alpha, beta = nodes
    own = [
        "--ledger-a",
        alpha.url,
        "--key-a",
        str(alpha.key_file),
        "--ledger-b",
        beta.url,
        "--key-b",
        str(beta.key_file),
    ]
    return naru("demo", *own, *arguments, "-o", "json", folder=folder)


async def _deploy_plain(network: Network) -> dict[str, str]:
    """Do what the issuer and the gateways' governance do for a new asset; give the tokens by ledger."""
    ends = [ledger.endpoint.id for ledger in network.config.ledgers]
    asset, tokens = asset_id(ISIN), {}
    for ledger in network.config.ledgers:
        node = Node(ledger.nodes[0])
        register = EvmAccount(node, network.key(f"issuer-{ledger.name}"))
        outbox = Outbox(register)
        token = await TokenIssuer.deploy(outbox, PLAIN_TOKEN, "Plain", "PLAIN", DECIMALS)
        await token.allow_minting(ledger.gateway)
        await token.allow_minting(outbox.account.address)
        if ISSUED[ledger.name]:
            alice = next(a.address for a in network.config.accounts if a.name == "alice")
            await token.issue(alice, ISSUED[ledger.name])
        governance = GatewayGovernance(outbox, ledger.gateway)
        await governance.add_asset(asset, token.address, await outbox.deploy(ERC20_HANDLER), DECIMALS)
        await governance.set_register_key(asset, register.address)
        issue = Issue(endpoint=ledger.endpoint.id, asset=asset, number=1, issued=ISSUED[ledger.name])
        await governance.post_issue(issue, sign_issue(register, issue))
        for source, destination in (ends, ends[::-1]):
            await governance.open_lane(Lane(source=source, destination=destination, asset=asset), LaneLimits())
        await outbox.confirm()
        await node.close()
        tokens[ledger.name] = token.address
    return tokens
