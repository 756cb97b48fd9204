"""A T-REX suite under test: asked what it would refuse, and told what to do, one line each."""

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

from eth_abi.abi import encode as abi_encode
from eth_typing import HexStr
from hexbytes import HexBytes
from web3.contract import AsyncContract
from web3.types import RPCEndpoint

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.deploy import Outbox
from bridge.adapters.evm.node import Node
from bridge.core.keccak import keccak
from bridge.devnet.trex.artifacts import PACKAGE, TrexArtifacts
from bridge.devnet.trex.foundation import ClaimIssuer, Module, Terms
from bridge.devnet.trex.suite import KOREA, Suite
from bridge.errors import RevertedError
from tests.integration.anvil import EVM, FUNDS_WEI
from tests.integration.support import until

NODE_MODULES: Final = EVM / "node_modules"
MISSING: Final = not (NODE_MODULES / PACKAGE).exists()
REASON: Final = f"no {PACKAGE} in contracts/evm/node_modules: run make node"
CHAIN_ID: Final = 8121
T = TypeVar("T")


def key(name: str) -> str:
    return "0x" + keccak(f"a key on a T-REX ledger: {name}".encode()).hex()


def says(text: str) -> bytes:
    """Give the revert data of `require(…, text)`."""
    return _error("Error(string)", ["string"], [text])


def panics(code: int) -> bytes:
    """Give the revert data of a panic; 0x11 is arithmetic out of range."""
    return _error("Panic(uint256)", ["uint256"], [code])


def exceeds(compliance: str, amount: int) -> bytes:
    """Give the revert data of MaxBalanceModule's own error."""
    return _error("MaxBalanceExceeded(address,uint256)", ["address", "uint256"], [compliance, amount])


def _error(signature: str, types: Sequence[str], values: Sequence[object]) -> bytes:
    return keccak(signature.encode())[:4] + abi_encode(types, values)


@contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """Run an embedded ledger with ten blocks a second; give its address."""
    announce = folder / "port"
    command = [sys.executable, "-W", "error", "-m", "tests.conformance.fast_ledger", str(CHAIN_ID), str(announce)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: announce.exists() or process.poll() is not None, "the ledger starts")
        assert process.poll() is None, "the ledger did not start"
        yield f"http://127.0.0.1:{announce.read_text().strip()}"
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Ledger:
    """A ledger, and the loop in which all connections to it live."""

    runner: asyncio.Runner
    node: Node
    anvil: bool
    people: Iterator[int] = field(default_factory=count)

    def person(self) -> EvmAccount:
        """Give an account that nobody has used, with native coin where gas costs any."""
        account = EvmAccount(self.node, key(f"person {next(self.people)}"))
        if self.anvil:
            method = RPCEndpoint("anvil_setBalance")
            self.runner.run(self.node.web3.provider.make_request(method, [account.address, hex(FUNDS_WEI)]))
        return account

    def suite(self, *modules: Module, topics: Sequence[tuple[int, ...]] = ((1,), (2,))) -> "Play":
        """Deploy a suite with a claim issuer for each of *topics*, and a gateway on its register."""
        issuers = tuple(ClaimIssuer(key=key(f"claim issuer {n}"), topics=these) for n, these in enumerate(topics))
        terms = Terms(name="A security", symbol="SEC", claim_issuers=issuers, modules=modules)
        issuer = self.person()
        suite = self.runner.run(Suite.deploy(issuer, TrexArtifacts(NODE_MODULES), terms))
        return Play(self, issuer, terms, suite)


@contextmanager
def ledger(url: str, *, anvil: bool) -> Iterator[Ledger]:
    """Connect to a ledger."""
    with asyncio.Runner() as runner:
        node = Node(url)
        try:
            yield Ledger(runner, node, anvil)
        finally:
            runner.run(node.close())


@dataclass(frozen=True)
class Holder:
    """A wallet and its identity."""

    account: EvmAccount
    identity: str

    @property
    def address(self) -> str:
        return str(self.account.address)


class Play:
    """One suite; `gateway` is an account in a gateway's place: on the register, and an agent."""

    def __init__(self, ledger: Ledger, issuer: EvmAccount, terms: Terms, suite: Suite) -> None:
        self.ledger = ledger
        self.issuer = issuer
        self.terms = terms
        self.suite = suite
        self.token = suite.contracts.token
        self.gateway = self.holder()
        self.do(suite.add_agent(self.gateway.address))

    def do(self, *calls: Coroutine[Any, Any, object]) -> None:
        """Make calls of the suite, one after the other, and wait until they are in blocks."""

        async def all_of_them() -> None:
            for call in calls:
                await call
            await self.suite.confirm()

        self.run(all_of_them())

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.ledger.runner.run(call)

    def found_again(self) -> Suite:
        """Speak to the same suite as a process that only knows its token."""
        artifacts = TrexArtifacts(NODE_MODULES)
        return self.run(Suite.at(self.issuer, artifacts, self.suite.token, self.terms.claim_issuers))

    def person(self) -> EvmAccount:
        return self.ledger.person()

    def holder(
        self, units: int = 0, *, country: int = KOREA, claims_of: Sequence[int] | None = None, pays: bool = False
    ) -> Holder:
        """Onboard somebody with *units*; who *pays* has approved the gateway."""
        account = self.person()
        identity = self.run(self.suite.onboard(account.address, country, claims_of=claims_of))
        if units:
            self.run(self.suite.mint(account.address, units))
        self.run(self.suite.confirm())
        if pays:
            self.sent(account, self.token, "approve", self.gateway.address, 10**9)
        return Holder(account, identity)

    def sent(self, sender: EvmAccount, contract: AsyncContract, name: str, *arguments: object) -> None:
        """Send a call of somebody else's than the issuer's."""
        outbox = Outbox(sender)
        self.run(outbox.call(contract, name, *arguments))
        self.run(outbox.confirm())

    def verified(self, address: str) -> bool:
        return self.run(self.suite.is_verified(address))

    def ask(self, contract: AsyncContract, name: str, *arguments: object) -> Any:  # noqa: ANN401 - any answer
        return self.run(self.ledger.node.call(contract.functions[name](*arguments)))

    def balance(self, holder: Holder) -> tuple[int, int]:
        """Give a holder's units, and how many of them are frozen."""
        return self.ask(self.token, "balanceOf", holder.address), self.ask(
            self.token, "getFrozenTokens", holder.address
        )

    # --- what would be refused: revert data, None if nothing

    def mint(self, recipient: str, amount: int = 10) -> bytes | None:
        return self.refusal(self.gateway.address, "mint", recipient, amount)

    def pull(self, holder: Holder, amount: int = 10) -> bytes | None:
        """Lock: the gateway pulls units to itself."""
        arguments = (holder.address, self.gateway.address, amount)
        return self.refusal(self.gateway.address, "transferFrom", *arguments)

    def burn(self, holder: Holder, amount: int = 10) -> bytes | None:
        return self.refusal(self.gateway.address, "burn", holder.address, amount)

    def refusal(self, sender: str, name: str, *arguments: object, gas: int | None = None) -> bytes | None:
        """Ask the token; with *gas*, which is what is left for it to run, so bounded."""
        data = self.token.encode_abi(name, arguments)
        call = {"from": sender, "to": self.suite.token, "data": data}
        if gas is not None:
            call["gas"] = hex(gas + _intrinsic(data))
        provider = self.ledger.node.web3.provider
        answer = self.run(provider.make_request(RPCEndpoint("eth_call"), [call, "latest"]))
        return bytes(HexBytes(answer["error"].get("data") or "0x")) if "error" in answer else None

    def gas(self, name: str, *arguments: object, given: int = 5_000_000) -> int:
        """Have the gateway call the token with as much gas; give how much it used, even if it reverted."""
        account, data = self.gateway.account, self.token.encode_abi(name, arguments)

        async def used() -> int:
            sent = await account.enqueue({"to": self.token.address, "data": data}, gas=given + _intrinsic(data))
            with suppress(RevertedError):
                await account.confirm(sent)
            receipt = await account.node.receipt(sent.reference)
            assert receipt is not None
            return int(receipt["gasUsed"])

        return self.run(used()) - _intrinsic(data)


def _intrinsic(data: HexStr) -> int:
    """Give what a transaction pays before anything runs."""
    return 21_000 + sum(16 if byte else 4 for byte in HexBytes(data))
