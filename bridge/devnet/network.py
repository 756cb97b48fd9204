"""The embedded network: two ledgers, a Redis, four notaries of two processes each and a relayer, under one supervisor.

Everybody talks by mutual TLS under an authority of the network's own, as a real network does.
"""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
import tomli_w
from eth_account import Account as EthAccount
from pydantic import BaseModel

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.node import Node
from bridge.adapters.system import SystemClock, system_entropy
from bridge.committee.keys import public_keys
from bridge.config import (
    AccountConfig,
    AssetConfig,
    ClientConfig,
    CommitteeConfig,
    LedgerConfig,
    MemberConfig,
    TlsConfig,
    TokenConfig,
    read_secret,
)
from bridge.core.caip import evm_address
from bridge.core.statements import Epoch
from bridge.devnet import authority, ceremony, dealer, redis_server
from bridge.devnet.dealer import SignerPlace, write_secret
from bridge.devnet.genesis import EPOCH, Built, lay
from bridge.devnet.issuance import Issuance, Site
from bridge.devnet.nodes import check_apart, final
from bridge.devnet.process import Child, daemon, python
from bridge.devnet.runs import CLIENT_CONFIG
from bridge.errors import UnavailableError
from bridge.notary_config import NotaryConfig, PolicyConfig
from bridge.relayer_config import RelayerConfig

NAMES: Final = ("alpha", "beta")
CHAIN_IDS: Final = {"alpha": 7001, "beta": 7002}
OPERATORS: Final = ("Broker Alpha", "Broker Beta", "Depository", "Exchange")
"""One notary each."""
HOLDERS: Final = ("alice", "bob", "carol")
"""alice and bob are on both registers of holders; carol is on none."""
START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02
IDLE_ALLOWANCE_S: Final = 2.0
MARGIN_S: Final = 5
"""R-30's margin on own ledgers that are not final at once: for development, where nothing reorganises deeply."""
RELAYER_POLL_S: Final = 0.25
GENESIS_WEI: Final = 10**24
LOOPBACK: Final = "127.0.0.1"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLedger:
    """A ledger that the user runs: where it answers, its finality as in LedgerConfig, the file of a funded key."""

    url: str
    key_file: Path
    finality: str = "instant"

    @property
    def margin_s(self) -> int:
        """Seconds that finality must outlive a refusal by (R-30)."""
        return 0 if self.finality == "instant" else MARGIN_S


class Network:
    """One network in one folder."""

    def __init__(
        self, folder: Path, own: Mapping[str, OwnLedger], issuance: Issuance, *, ceremony: bool = False
    ) -> None:
        """Use *folder*, and the user's *own* ledgers by name instead of embedded ones; issue what *issuance* says.

        The committee's key is dealt, which is fast; with *ceremony* the notaries make it together.
        """
        self._folder = folder
        self._own = own
        self._issuance = issuance
        self._ceremony = ceremony
        self._children: list[Child] = []
        self._addresses: dict[str, str] = {}
        self._tls: Mapping[str, TlsConfig] = {}

    async def up(self) -> None:
        """Start everything, set the ledgers up, and write the client configuration last.

        Raises:
            UnavailableError: a part does not come up; its last words are in the text.
            ConfigError: an own ledger can't be used.
        """
        for name in ("keys", "logs", "redis", "state", "committees"):
            (self._folder / name).mkdir()
        self._make_keys()
        await self._start("redis", redis_server.command(self._folder / "redis"))
        for name in NAMES:
            if name not in self._own:
                await self._start_ledger(name)
        numbers = range(1, len(OPERATORS) + 1)
        self._tls = authority.certify(
            self._folder / "tls", [*(f"notary/notary-{n}" for n in numbers), "relayer/relayer", "operator/demo"]
        )
        places = {number: dealer.place(self._folder / f"signer-{number}") for number in numbers}
        async with AsyncExitStack() as resources:
            nodes = {name: await self._node(name) for name in NAMES}
            # From here on blocks are waited for, and the daemons have the processors for their imports.
            for number in numbers:
                await self._start_daemon(f"notary-{number}", "notary")
                await self._start_daemon(f"signer-{number}", "notary.signer")
            await self._start_daemon("relayer", "relayer")
            for node in nodes.values():
                resources.push_async_callback(node.close)
            await check_apart(nodes)
            ground = await lay(self._sites(nodes), self._issuance)
            ledgers = tuple([await self._ledger_config(name, nodes[name], ground.built[name]) for name in NAMES])
            trusted = [await ground.built[name].code_behind(nodes[name]) for name in NAMES]
            policy = PolicyConfig(implementations=tuple(sorted(frozenset().union(*trusted))))
            members = await self._feed_notaries(ledgers, places, policy)
            committee = await self._make_key(ledgers, members, places)
            await ground.join(public_keys(committee).group_public_key)
            await asyncio.gather(*(final(name, node) for name, node in nodes.items()))
        await redis_server.ready(self._folder / "redis", clock=SystemClock(), timeout_s=START_TIMEOUT_S)
        await self._feed_relayer(ledgers, committee)
        self._write(self._folder / CLIENT_CONFIG, self._client_config(ledgers, committee, ground.built))

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the daemons running until *stopping* is set. The embedded ledgers live in memory: theirs is the end.

        Raises:
            UnavailableError: an embedded ledger died.
        """
        tasks = [asyncio.create_task(self._keep(child, stopping)) for child in self._children]
        tasks.append(asyncio.create_task(_wait(stopping)))
        done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        for task in done:
            task.result()

    async def down(self) -> None:
        """Stop everything, last started first, and remove the folder."""
        for child in reversed(self._children):
            await child.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _keep(self, child: Child, stopping: asyncio.Event) -> None:
        if child.name not in NAMES:
            await child.keep(stopping)
            return
        code = await child.wait()
        if not stopping.is_set():
            msg = f"the embedded ledger {child.name} died with exit code {code}, and its state with it"
            raise UnavailableError(msg)

    # --- keys and files

    def _make_keys(self) -> None:
        embedded_issuers = [_issuer(name) for name in NAMES if name not in self._own]
        for name in (*HOLDERS, "relayer", *embedded_issuers):
            account = EthAccount.create(system_entropy(32).hex())
            self._addresses[name] = account.address
            write_secret(self._key_file(name), f"0x{bytes(account.key).hex()}")
        for name, own in self._own.items():
            write_secret(self._key_file(_issuer(name)), read_secret(own.key_file))

    def _key_file(self, name: str) -> Path:
        return self._folder / "keys" / f"{name}.key"

    def _write(self, path: Path, model: BaseModel) -> None:
        """Write a configuration whole or not at all."""
        draft = path.with_suffix(".draft")
        draft.write_text(tomli_w.dumps(model.model_dump(mode="json", exclude_none=True)))
        draft.replace(path)

    # --- ledgers

    async def _start_ledger(self, name: str) -> None:
        funds = [f"{address}:{GENESIS_WEI}" for address in self._addresses.values()]
        command = python("bridge.devnet.ledger", "--chain-id", str(CHAIN_IDS[name]), "--fund", *funds)
        await self._start(name, [*command, "--announce", str(self._announcement(name))])

    async def _node(self, name: str) -> Node:
        if name in self._own:
            own = self._own[name]
            return Node(own.url, finality=own.finality)
        return Node(f"http://{LOOPBACK}:{await self._announced(name)}")

    def _sites(self, nodes: Mapping[str, Node]) -> tuple[Site, Site]:
        alpha, beta = (self._site(name, nodes[name]) for name in NAMES)
        return alpha, beta

    def _site(self, name: str, node: Node) -> Site:
        account = EvmAccount(node, read_secret(self._key_file(_issuer(name))))
        self._addresses[_issuer(name)] = account.address
        alice, bob = self._addresses["alice"], self._addresses["bob"]
        fund = (alice, bob, self._addresses["relayer"]) if name in self._own else ()
        return Site(
            name=name, account=account, fund=fund, issue_to=alice if name == "alpha" else bob, register=(alice, bob)
        )

    async def _ledger_config(self, name: str, node: Node, built: Built) -> LedgerConfig:
        head, own = await node.head(), self._own.get(name)
        log.info("ledger.built", ledger=built.endpoint.ledger, height=head.height)
        return LedgerConfig(
            name=name,
            ledger=built.endpoint.ledger,
            fingerprint="0x" + built.endpoint.fingerprint.hex(),
            gateway=evm_address(built.endpoint.gateway),
            nodes=(node.address,),
            finality=own.finality if own else "instant",
            margin_s=own.margin_s if own else 0,
            account_file=self._key_file("relayer"),
        )

    # --- daemons

    async def _feed_notaries(
        self, ledgers: tuple[LedgerConfig, ...], places: Mapping[int, SignerPlace], policy: PolicyConfig
    ) -> tuple[MemberConfig, ...]:
        """Give the fronts their configuration; they listen, and wait for their signers."""
        configs = {number: self._notary_config(number, ledgers, place, policy) for number, place in places.items()}
        for number, config in configs.items():
            await self._feed(f"notary-{number}", config)
        members = []
        for (number, config), operator in zip(configs.items(), OPERATORS, strict=True):
            address = await self._announced(config.name)
            card = places[number].card.to_bytes().hex()
            members.append(MemberConfig(id=number, operator=operator, address=address, name=config.name, identity=card))
            self._write(self._config_file(config.name), config.model_copy(update={"listen": address}))
        return tuple(members)

    def _notary_config(
        self, number: int, ledgers: tuple[LedgerConfig, ...], place: SignerPlace, policy: PolicyConfig
    ) -> NotaryConfig:
        name = f"notary-{number}"
        return NotaryConfig(
            development=True,
            name=name,
            listen=f"{LOOPBACK}:0",
            announce_file=self._announcement(name),
            signer_socket=place.config.socket,
            folder=self._folder / "state" / name,
            policy=policy,
            idle_allowance_s=IDLE_ALLOWANCE_S,
            ledgers=ledgers,
            tls=self._tls[f"notary/{name}"],
        )

    async def _make_key(
        self,
        ledgers: tuple[LedgerConfig, ...],
        members: tuple[MemberConfig, ...],
        places: Mapping[int, SignerPlace],
    ) -> CommitteeConfig:
        """Deal the committee's key, or have the notaries make it."""
        if self._ceremony:
            await self._feed_signers(places)
            signers = {number: place.config for number, place in places.items()}
            operator = self._tls["operator/demo"]
            folder = self._folder / "ceremony"
            committee = await ceremony.make_key(folder, Epoch(EPOCH), members, ledgers, signers, operator)
        else:
            log.warning("key.dealt", epoch=EPOCH, status="for development: whoever dealt it could sign alone")
            dealing = dealer.deal(system_entropy, len(members))
            committee = dealer.document(Epoch(EPOCH), dealing.public_key_package, members)
            dealer.seat(places, dealing, committee)
            await self._feed_signers(places)
        self._write(self._folder / "committees" / f"epoch-{EPOCH}.toml", committee)
        return committee

    async def _feed_signers(self, places: Mapping[int, SignerPlace]) -> None:
        for number, place in places.items():
            await self._feed(f"signer-{number}", place.config)

    async def _feed_relayer(self, ledgers: tuple[LedgerConfig, ...], committee: CommitteeConfig) -> None:
        config = RelayerConfig(
            development=True,
            ledgers=ledgers,
            redis=redis_server.url(self._folder / "redis"),
            committee=committee,
            committee_folder=self._folder / "committees",
            tls=self._tls["relayer/relayer"],
            transcript_file=self._folder / "state" / "transcripts.jsonl",
            poll_s=RELAYER_POLL_S,
        )
        await self._feed("relayer", config)

    def _client_config(
        self, ledgers: tuple[LedgerConfig, ...], committee: CommitteeConfig, built: Mapping[str, Built]
    ) -> ClientConfig:
        assets = tuple(
            AssetConfig(
                name=asset.name,
                asset=asset.asset,
                decimals=asset.decimals,
                tokens=tuple(
                    TokenConfig(ledger=name, token=built[name].tokens[asset.name], issued=asset.issued[name])
                    for name in NAMES
                ),
            )
            for asset in self._issuance.assets
        )
        accounts = tuple(
            AccountConfig(name=name, address=address, key_file=self._key_file(name))
            for name, address in self._addresses.items()
        )
        return ClientConfig(
            development=True,
            ledgers=ledgers,
            redis=redis_server.url(self._folder / "redis"),
            committee=committee,
            committee_folder=self._folder / "committees",
            tls=self._tls["operator/demo"],
            assets=assets,
            accounts=accounts,
        )

    # --- children

    async def _start(self, name: str, command: list[str], *, input_file: Path | None = None) -> None:
        child = Child(name, command, self._folder / "logs" / f"{name}.log", input_file=input_file)
        await child.start()
        self._children.append(child)

    async def _start_daemon(self, name: str, module: str) -> None:
        await self._start(name, daemon(module), input_file=self._config_file(name))

    async def _feed(self, name: str, config: BaseModel) -> None:
        self._write(self._config_file(name), config)
        await self._child(name).feed()

    def _child(self, name: str) -> Child:
        return next(child for child in self._children if child.name == name)

    def _config_file(self, name: str) -> Path:
        return self._folder / f"{name}.toml"

    def _announcement(self, name: str) -> Path:
        return self._folder / "state" / f"{name}.address"

    async def _announced(self, name: str) -> str:
        """Wait until a child has told where it answers.

        Raises:
            UnavailableError: it died, or did not within a minute.
        """
        child = self._child(name)
        path = self._announcement(name)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not path.exists():
                    if not child.alive:
                        msg = f"{name} did not start: {child.last_words()}"
                        raise UnavailableError(msg)
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            msg = f"{name} did not answer within {START_TIMEOUT_S:.0f} s: {child.last_words()}"
            raise UnavailableError(msg) from None
        return path.read_text().strip()


def _issuer(ledger: str) -> str:
    return f"issuer-{ledger}"


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()
