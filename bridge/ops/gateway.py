"""One gateway, as its operator's people work with it: verify, register, propose, approve, pause."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import FROST_VERIFIER, GATEWAY
from bridge.adapters.evm.governance import Call, Operation, Timelock
from bridge.adapters.evm.handlers import read_token
from bridge.adapters.evm.inspection import ROLES, GatewayFacts, read_gateway
from bridge.adapters.evm.node import Node
from bridge.config import ClientConfig
from bridge.core.caip import EndpointId, LedgerId, evm_account, evm_address, evm_chain_id
from bridge.core.records import BlockStamp
from bridge.errors import ConfigError, InvalidInputError, LedgerRefusedError, RefusedError, UnavailableError
from bridge.ops.gateway_calls import GOVERNANCE_CALLS, PERSON_CALLS, PERSON_ROLES, Book, Wanted, lacking
from bridge.ops.gateway_checks import examine, identity, names_of, never_minted, recorded
from bridge.ops.gateway_deploy import GOVERNANCE, UNPAUSER, VERIFIER, DeploymentOffError, deployed, inspect
from bridge.ops.gateway_plan import GatewayPlan, Record, read_plan, read_record, record_path
from bridge.ops.gateway_preflight import RegistrationRefusedError, objections
from bridge.ops.gateway_roles import Check, code_check, single_keys
from bridge.ops.nodes import connected, node_of
from bridge.ports.runtime import Entropy

ID_DIGITS_MIN: Final = 8
ID_DIGITS: Final = 64
DELAY_DIGITS_END: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An operation that waits at one of the two timelocks, with its calls in words."""

    at: str
    operation: Operation
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What came of a proposal; None if nothing was left to propose. `pending`: proposed before, and waiting."""

    waiting: Waiting | None
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A gateway as it is now; `now` is the newest block's time."""

    facts: GatewayFacts
    waiting: tuple[Waiting, ...]
    now: int


class Site:
    """One deployed gateway, its plan, and the node to it."""

    def __init__(self, plan: GatewayPlan, record: Record, path: Path, node: Node) -> None:
        """Work with what *record*, read beside *path*, tells."""
        self.plan = plan
        self.record = record
        self.node = node
        endpoint = record.endpoint_or_raise(record_path(path))
        self.address = record.address("gateway")
        self.here: EndpointId = endpoint.id
        self.book = Book(node, self.address, plan, endpoint.id)
        self._timelocks = {
            name: Timelock(node, record.address(name), since=record.steps[name].block or 0)
            for name in (GOVERNANCE, UNPAUSER)
        }

    # --- looking

    async def verify(self) -> list[Check]:
        """Hold all that is there, at finality, against plan and deployment file; never raises for what it finds."""
        at = await self.node.head()
        built = max(step.block or 0 for step in self.record.steps.values())
        if at.height < built:
            raise UnavailableError(f"block {built}, which holds the deployment, is not final yet: verify again later")
        try:
            subject = await inspect(self.node, self.address, at, self.record)
        except DeploymentOffError as error:
            return error.checks
        checks = examine(subject, self.plan, deployed(self.record), fresh=False)
        checks += recorded(subject.gateway, self.record)
        if VERIFIER in self.record.steps:
            code = await self.node.code(self.record.address(VERIFIER), at)
            checks.append(code_check("verifier code", FROST_VERIFIER, code))
        return checks

    async def facts(self, at: BlockStamp | None = None) -> GatewayFacts:
        """Read the gateway, at the newest block if none is given."""
        return await read_gateway(self.node, self.address, at or await self.node.stamp("latest"))

    async def status(self) -> Status:
        """Tell what state the gateway is in, and what waits for a second person."""
        at = await self.node.stamp("latest")
        return Status(facts=await self.facts(at), waiting=tuple(await self.waiting()), now=at.time)

    async def waiting(self) -> list[Waiting]:
        """List what waits at both timelocks."""
        return [
            self._told(name, operation)
            for name, timelock in self._timelocks.items()
            for operation in await timelock.waiting()
        ]

    async def find(self, text: str) -> Waiting:
        """Find a waiting operation by its id, or the first 8 or more digits of it.

        Raises:
            InvalidInputError: malformed, none, or several.
        """
        digits = text.lower().removeprefix("0x")
        if len(digits) < ID_DIGITS_MIN or len(digits) > ID_DIGITS or set(digits) - set("0123456789abcdef"):
            raise InvalidInputError(f"{text!r} is no operation's id: give 8 or more of its hexadecimal digits")
        found = [item for item in await self.waiting() if item.operation.id.hex().startswith(digits)]
        if len(found) != 1:
            state = "several operations begin" if found else "no operation waits that begins"
            raise InvalidInputError(f"{state} with {text}: `naru gateway status` lists them")
        return found[0]

    # --- proposing

    async def register(self, key: str, what: Sequence[str], entropy: Entropy, *, force: bool = False) -> Proposal:
        """Propose what the plan says and the gateway doesn't know: all of it, or what *what* names.

        Raises:
            InvalidInputError: the plan has no such thing.
            RegistrationRefusedError: a token or its handler is not ready for this gateway; not with *force*.
            RefusedError: the key is of no person, or the gateway would refuse a call.
        """
        facts = await self.facts()
        self._check_named(what)
        wanted = [call for named, call in lacking(self.plan, facts) if not what or named == tuple(what)]
        if tuple(what) == ("key",) and not wanted:
            raise InvalidInputError(
                f"epoch {facts.epoch} is in force: a next key comes by handover; to put another in by governance, "
                "`naru gateway propose registerKey EPOCH PX PY`"
            )
        open_ones = [item.operation for item in await self.waiting() if item.at == GOVERNANCE]
        proposed = {call for operation in open_ones if not operation.lapsed for call in operation.calls}
        calls = [(self.book.encode(item), item.stands_alone) for item in wanted]
        pending = tuple(self.book.text(call) for call, _ in calls if call in proposed)
        fresh = [(call, alone) for call, alone in calls if call not in proposed]
        if not fresh:
            return Proposal(waiting=None, pending=pending)
        if not force:
            await self._check_tokens([item for item in wanted if self.book.encode(item) not in proposed])
        trials = [call for call, alone in fresh if alone]
        waiting = await self._propose(GOVERNANCE, key, [call for call, _ in fresh], trials, entropy)
        return Proposal(waiting=waiting, pending=pending)

    async def propose(self, key: str, name: str, texts: Sequence[str], at: str, entropy: Entropy) -> Waiting:
        """Propose one call of governance, or of a timelock by itself (*at* which one).

        Raises:
            InvalidInputError: no such call, or its arguments are wrong.
            RefusedError: the key is of no person, or the call would be refused.
        """
        if name in PERSON_CALLS:
            return await self._propose(at, key, self._person_calls(at, name, texts), [], entropy)
        if name not in GOVERNANCE_CALLS:
            known = ", ".join((*GOVERNANCE_CALLS, *PERSON_CALLS))
            raise InvalidInputError(f"{name} is no call of governance: known are {known}")
        call = self.book.call(name, *self.book.parse(name, texts))
        return await self._propose(GOVERNANCE, key, [call], [call], entropy)

    async def propose_unpause(self, key: str, lane: Sequence[str], entropy: Entropy) -> Waiting:
        """Propose that the gateway, or *lane*, resume: another of the unpausing persons approves at once (R-61)."""
        call = self.book.call("unpauseLane", self.book.lane(lane)) if lane else self.book.call("unpause")
        return await self._propose(UNPAUSER, key, [call], [call], entropy)

    async def approve(self, key: str, item: Waiting) -> str:
        """Carry an operation out as the second person; give the transaction.

        Raises:
            RefusedError: not this person, not yet, or a call reverts.
        """
        account = EvmAccount(self.node, key)
        with self._as_person(item.at, account.address):
            receipt = await self._timelocks[item.at].approve(account, item.operation)
        return "0x" + bytes(receipt["transactionHash"]).hex()

    async def cancel(self, key: str, item: Waiting) -> str:
        """End an operation, as any one of the persons; give the transaction."""
        account = EvmAccount(self.node, key)
        with self._as_person(item.at, account.address):
            receipt = await self._timelocks[item.at].cancel(account, item.operation)
        return "0x" + bytes(receipt["transactionHash"]).hex()

    async def guard(self, key: str, name: str, *arguments: object) -> str:
        """Call as the guardian, who acts alone; give the transaction.

        Raises:
            RefusedError: the key isn't the guardian's, or the gateway refuses.
        """
        account = EvmAccount(self.node, key)
        try:
            receipt = await account.transact(self.node.contract(GATEWAY, self.address), name, *arguments)
        except LedgerRefusedError as error:
            if error.name != "NotGuardian":
                raise
            raise RefusedError(f"{account.address} is not the guardian of this gateway; nothing was done") from error
        return "0x" + bytes(receipt["transactionHash"]).hex()

    async def _propose(
        self, at: str, key: str, calls: Sequence[Call], trials: Sequence[Call], entropy: Entropy
    ) -> Waiting:
        account, timelock = EvmAccount(self.node, key), self._timelocks[at]
        for call in trials:
            try:
                await timelock.simulate(call)
            except LedgerRefusedError as error:
                told = f"the gateway would refuse {self.book.text(call)}: {error}; nothing was proposed"
                raise RefusedError(told) from error
        with self._as_person(at, account.address):
            return self._told(at, await timelock.propose(account, calls, entropy))

    async def _check_tokens(self, wanted: Sequence[Wanted]) -> None:
        """Ask each token that is to be registered, and its handler, in the gateway's name."""
        new = {call.arguments[0] for call in wanted if call.name == "addProfile"}
        for asset in self.plan.assets:
            if asset.id in new:
                facts = await read_token(self.node, self.address, asset.token, asset.handler, asset.form_number)
                if found := objections(asset, facts):
                    raise RegistrationRefusedError(asset.name, found)

    def _person_calls(self, at: str, name: str, texts: Sequence[str]) -> list[Call]:
        timelock = self._timelocks[at]
        if len(texts) != 1:
            raise InvalidInputError(
                f"{name} takes one argument: {'seconds' if name == 'updateDelay' else 'an address'}"
            )
        if name == "updateDelay":
            if not (texts[0].isascii() and texts[0].isdigit() and len(texts[0]) < DELAY_DIGITS_END):
                raise InvalidInputError(f"{texts[0]!r} is no number of seconds")
            return [timelock.encode(name, int(texts[0]))]
        person = evm_address(evm_account(texts[0]))
        function = "grantRole" if name == "addPerson" else "revokeRole"
        return [timelock.encode(function, ROLES[role], person) for role in PERSON_ROLES]

    def _check_named(self, what: Sequence[str]) -> None:
        match tuple(what):
            case ():
                return
            case ("key",) if self.plan.key:
                return
            case ("peer", name) if name in {peer.name for peer in self.plan.peers}:
                return
            case ("asset", name) if name in {asset.name for asset in self.plan.assets}:
                return
            case ("lane", asset, peer) if (asset, peer) in {(lane.asset, lane.peer) for lane in self.plan.lanes}:
                return
        raise InvalidInputError(
            f"the plan has no {' '.join(what)}: give nothing for all of it, or key, peer NAME, asset NAME, "
            "lane ASSET PEER in its names"
        )

    @contextmanager
    def _as_person(self, at: str, account: str) -> Iterator[None]:
        try:
            yield
        except LedgerRefusedError as error:
            if error.name == "AccessControlUnauthorizedAccount":
                told = f"{account} is none of the persons of {at}: `naru gateway verify` lists them; nothing was done"
                raise RefusedError(told) from error
            raise

    def _told(self, at: str, operation: Operation) -> Waiting:
        paid = zip(operation.calls, operation.values, strict=True)
        calls = tuple(self.book.text(call, value) for call, value in paid)
        return Waiting(at=at, operation=operation, calls=calls)


@asynccontextmanager
async def site_at(path: Path) -> AsyncIterator[Site]:
    """Open the gateway that the plan at *path* led to.

    Raises:
        ConfigError: plan or deployment file can't be used, or the node is of another chain.
    """
    plan = read_plan(path)
    record = read_record(record_path(path))
    if record.chain_id != plan.chain_id:
        problem = f"{record_path(path)} is of chain {record.chain_id}, the plan of {plan.chain_id}: they don't belong"
        raise ConfigError((problem,))
    async with connected(plan.node, finality=plan.finality, chain_id=plan.chain_id) as node:
        yield Site(plan, record, path, node)


async def verify_pair(site: Site, other: Path) -> list[Check]:
    """Hold the lanes' two halves against each other, each at its own finality (R-25)."""
    async with site_at(other) as far:
        ends = await site.facts(await site.node.head()), await far.facts(await far.node.head())
    return never_minted(*ends, names_of(site.plan))


async def verify_network(config: ClientConfig) -> list[Check]:
    """Look at each gateway of a client's configuration: code, identity, and whether one key governs it."""
    checks = []
    for ledger in config.ledgers:
        async with node_of(ledger) as node:
            try:
                subject = await inspect(node, ledger.gateway, await node.head())
                found = [*identity(subject.gateway, evm_chain_id(LedgerId(ledger.ledger))), *single_keys(subject)]
            except DeploymentOffError as error:
                found = error.checks
        checks += [
            Check(name=f"{ledger.name} {c.name}", expected=c.expected, found=c.found, remedy=c.remedy) for c in found
        ]
    return checks
