"""Putting a gateway on a ledger as its plan says, contract by contract, and checking the whole before anybody uses it.

Each transaction is in the deployment file before it is sent: whatever is killed in between, the same command goes on,
and nothing is deployed twice (R-52).
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_typing import HexStr
from eth_utils.address import to_checksum_address
from web3.types import Nonce, TxParams
from web3.utils.address import get_create_address

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import FROST_VERIFIER, GATEWAY, GATEWAY_EXTENSION, TIMELOCK, artifact
from bridge.adapters.evm.handlers import handler_artifact
from bridge.adapters.evm.inspection import (
    NOBODY,
    are_ours,
    gateway_codes,
    is_artifact,
    read_gateway,
    read_timelock,
)
from bridge.adapters.evm.node import Node
from bridge.config import read_secret
from bridge.core.keccak import keccak
from bridge.core.records import BlockStamp
from bridge.errors import (
    ConfigError,
    ConflictError,
    InvalidInputError,
    LedgerRefusedError,
    RefusedError,
    UnavailableError,
)
from bridge.ops.gateway_checks import examine
from bridge.ops.gateway_plan import GatewayPlan, Record, Step, read_plan, read_record, record_path, write_record
from bridge.ops.gateway_roles import UNPAUSER_DELAY_S, Check, Deployed, Subject, code_check
from bridge.ops.nodes import connected
from bridge.ports.ledger import PreparedTransaction

GOVERNANCE: Final = "governance"
UNPAUSER: Final = "unpauser"
EXTENSION: Final = "extension"
GATEWAY_STEP: Final = "gateway"
VERIFIER: Final = "verifier"
HANDLER: Final = "handler"
"""And a standard: the step of its handler."""


class DeploymentOffError(RefusedError):
    """What was deployed is not what was planned; `checks` tells all of it. Nothing may be registered there."""

    def __init__(self, checks: list[Check]) -> None:
        """Keep every check that is off."""
        wrong = [check for check in checks if not check.ok]
        told = "; ".join(f"{check.name}: expected {check.expected}, found {check.found}" for check in wrong)
        super().__init__(f"the deployment is off, don't use it: {told}; move the deployment file away and deploy anew")
        self.checks = checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A deployment at its end; no checks if it was complete before."""

    record: Record
    path: Path
    checks: list[Check]


async def deploy(path: Path, told: Callable[[str, Step], None]) -> Done:
    """Deploy what the plan at *path* says, or go on where an earlier run ended; *told* of each step that is done.

    Raises:
        ConfigError: the plan, the key or an earlier deployment file can't be used.
        DeploymentOffError: what stands there is not what was planned.
        UnavailableError: the node does not answer, or a transaction is in no block: run it again.
        ConflictError: another run works on this plan.
    """
    plan = read_plan(path)
    with _alone(path):
        return await _deploy(plan, path, told)


async def deploy_handler(path: Path, standard: str, told: Callable[[str, Step], None]) -> Step:
    """Deploy a standard's handler for the plan at *path*, unless an earlier run did; it may come before the gateway.

    Raises:
        InvalidInputError: this release has no handler of that standard.
        ConfigError, DeploymentOffError, UnavailableError, ConflictError: as `deploy`.
    """
    plan, contract = read_plan(path), handler_artifact(standard).name
    with _alone(path):
        async with connected(plan.node, finality=plan.finality, chain_id=plan.chain_id) as node:
            account = EvmAccount(node, read_secret(plan.deployer_file))
            return await _Deployment(plan, record_path(path), account, told).handler(standard, contract)


async def _deploy(plan: GatewayPlan, path: Path, told: Callable[[str, Step], None]) -> Done:
    async with connected(plan.node, finality=plan.finality, chain_id=plan.chain_id) as node:
        account = EvmAccount(node, read_secret(plan.deployer_file))
        return await _Deployment(plan, record_path(path), account, told).run()


class _Deployment:
    def __init__(self, plan: GatewayPlan, path: Path, account: EvmAccount, told: Callable[[str, Step], None]) -> None:
        self._plan = plan
        self._path = path
        self._account = account
        self._node = account.node
        self._told = told
        self._record = self._open()

    async def run(self) -> Done:
        if self._record.checked_at is not None:
            await self._still_there()
            return Done(record=self._record, path=self._path, checks=[])
        plan = self._plan
        governance = await self._timelock(
            GOVERNANCE, plan.governance_timelock, plan.governance_delay_s, plan.governance
        )
        unpauser = await self._timelock(UNPAUSER, plan.unpauser_timelock, UNPAUSER_DELAY_S, plan.unpausers)
        extension = await self._contract(EXTENSION, GATEWAY_EXTENSION)
        auditor, delays = plan.auditor or NOBODY, (plan.handover_delay_s, plan.redirect_delay_s)
        settings = (extension, governance, unpauser, plan.guardian, auditor, *delays)
        await self._contract(GATEWAY_STEP, GATEWAY, settings)
        if plan.frost_verifier:
            await self._contract(VERIFIER, FROST_VERIFIER)
        return await self._check()

    async def handler(self, standard: str, contract: str) -> Step:
        """Deploy a handler; an older release's stays where it is, for the profiles that name it, and is followed."""
        name = f"{HANDLER} {standard}"
        step = self._record.steps.get(name)
        if step is not None and step.code_hash is not None:
            code = await self._node.code(step.address, await self._latest())
            if "0x" + keccak(code).hex() == step.code_hash and not is_artifact(artifact(contract), code):
                self._drop(name)
        await self._contract(name, contract)
        return self._record.steps[name]

    # --- contracts

    async def _timelock(self, name: str, standing: str | None, delay_s: int, persons: tuple[str, ...]) -> str:
        if standing is None:
            return await self._contract(name, TIMELOCK, delay_s, list(persons))
        self._keep(name, Step(contract=TIMELOCK, address=standing, block=0))
        await self._check_code(name)
        return standing

    async def _contract(self, name: str, contract: str, *arguments: object) -> str:
        """Deploy a committed artifact, unless that is done; give its address."""
        step = self._record.steps.get(name)
        if step is None:
            step = await self._prepared(contract, arguments)
            self._keep(name, step)
        if step.block is None:
            await self._send(name, contract, arguments)
        await self._check_code(name)
        self._told(name, self._record.steps[name])
        return self._record.address(name)

    async def _prepared(self, contract: str, arguments: tuple[object, ...]) -> Step:
        """Sign the deployment; gas is estimated, so that a refusing constructor costs nothing."""
        code = artifact(contract)
        factory = self._node.web3.eth.contract(abi=code.abi, bytecode=HexStr("0x" + code.bytecode.hex()))
        transaction: TxParams = {"data": factory.constructor(*arguments).data_in_transaction}
        with self._funded():
            signed = await self._account.prepare(transaction)
        return Step(
            contract=contract,
            address=get_create_address(self._account.address, Nonce(signed.nonce)),
            transaction="0x" + signed.reference.hex(),
            nonce=signed.nonce,
            raw=signed.raw.hex(),
        )

    async def _send(self, name: str, contract: str, arguments: tuple[object, ...]) -> None:
        step = self._record.steps[name]
        try:
            with self._funded():
                await self._account.submit(_signed(self._account, step))
        except LedgerRefusedError as error:
            if error.name != "NonceTooLow":
                raise
            code = await self._node.code(step.address, await self._latest())
            if is_artifact(artifact(contract), code):  # that address is of this deployer and nonce only
                msg = (
                    f"{name} stands at {step.address}, but node {self._node.name} gives no receipt of "
                    f"{step.transaction} yet: run this again"
                )
                raise UnavailableError(msg) from error
            step = await self._prepared(contract, arguments)  # another transaction of this account took its place
            self._keep(name, step)
            await self._account.submit(_signed(self._account, step))
        try:
            receipt = await self._account.confirm(_signed(self._account, step))
        except LedgerRefusedError:
            self._drop(name)
            raise
        done = {"block": int(receipt["blockNumber"]), "raw": None}
        self._keep(name, step.model_copy(update=done))

    async def _check_code(self, name: str) -> None:
        """Refuse to build on what is not the committed code."""
        step = self._record.steps[name]
        code = await self._node.code(step.address, await self._latest())
        check = code_check(f"{name} code", step.contract, code)
        if not check.ok:
            raise DeploymentOffError([check])
        self._keep(name, step.model_copy(update={"code_hash": "0x" + keccak(code).hex()}))

    @contextmanager
    def _funded(self) -> Iterator[None]:
        try:
            yield
        except LedgerRefusedError as error:
            if error.name != "InsufficientFunds":
                raise
            msg = f"{self._account.address} can't pay for the deployment: fund it, then run this again ({error.detail})"
            raise InvalidInputError(msg) from error

    # --- the whole

    async def _check(self) -> Done:
        at = await self._latest()
        address = self._record.address(GATEWAY_STEP)
        subject = await inspect(self._node, address, at, self._record)
        checks = examine(subject, self._plan.bare, deployed(self._record), fresh=True)
        if not all(check.ok for check in checks):
            raise DeploymentOffError(checks)
        found = {
            "fingerprint": "0x" + subject.gateway.fingerprint.hex(),
            "endpoint_id": "0x" + subject.gateway.endpoint_id.hex(),
            "checked_at": at.height,
        }
        self._write(self._record.model_copy(update=found))
        return Done(record=self._record, path=self._path, checks=checks)

    async def _latest(self) -> BlockStamp:
        at = await self._node.stamp("latest")
        built = max((step.block or 0 for step in self._record.steps.values()), default=0)
        if at.height < built:
            msg = f"node {self._node.name} is at block {at.height}, the deployment at {built}: run this again"
            raise UnavailableError(msg)
        return at

    async def _still_there(self) -> None:
        address = self._record.address(GATEWAY_STEP)
        code, _, extension_code = await gateway_codes(self._node, address, await self._latest())
        if not are_ours(code, extension_code):
            problem = (
                f"{self._path} tells of a gateway at {address}, but none of this release stands there: this is another "
                "ledger, or a restored one; move that file away to deploy anew"
            )
            raise ConfigError((problem,))

    # --- the deployment file

    def _open(self) -> Record:
        plan, deployer = self._plan, self._account.address
        if not self._path.exists():
            return Record(
                name=plan.name,
                plan=plan.digest,
                chain_id=plan.chain_id,
                ledger=plan.ledger,
                deployer=deployer,
                steps={},
            )
        record = read_record(self._path)
        if record.checked_at is None and (record.plan, record.deployer) != (plan.digest, deployer):
            problem = (
                f"{self._path} is of a deployment with another plan or deployer, and not complete: put those back, or "
                "move that file away to deploy anew"
            )
            raise ConfigError((problem,))
        return record

    def _keep(self, name: str, step: Step) -> None:
        if self._record.steps.get(name) != step:
            self._write(self._record.model_copy(update={"steps": self._record.steps | {name: step}}))

    def _drop(self, name: str) -> None:
        steps = {other: step for other, step in self._record.steps.items() if other != name}
        self._write(self._record.model_copy(update={"steps": steps}))

    def _write(self, record: Record) -> None:
        write_record(self._path, record)
        self._record = record


def deployed(record: Record) -> Deployed:
    """Give what a deployment file says of where things stand."""
    return Deployed(
        extension=record.address(EXTENSION),
        governance=record.address(GOVERNANCE),
        unpauser=record.address(UNPAUSER),
        block=record.steps[GATEWAY_STEP].block or 0,
    )


async def inspect(node: Node, address: str, at: BlockStamp, record: Record | None = None) -> Subject:
    """Read a gateway, and who governs and unpauses it.

    Raises:
        DeploymentOffError: its code is not the committed one, so nothing that it answers counts.
        UnavailableError: the node does not answer.
    """
    code, _, extension_code = await gateway_codes(node, address, at)
    if not are_ours(code, extension_code):
        extension = code_check("extension code", GATEWAY_EXTENSION, extension_code)
        raise DeploymentOffError([code_check("gateway code", GATEWAY, code), extension])
    gateway = await read_gateway(node, address, at)
    since = {step.address: step.block or 0 for step in record.steps.values()} if record else {}
    suspects = (record.deployer,) if record else ()
    governance, unpauser = [
        await read_timelock(node, to_checksum_address(who), at, since=since.get(who, 0), suspects=suspects)
        for who in (gateway.governance, gateway.unpauser)
    ]
    return Subject(gateway=gateway, governance=governance, unpauser=unpauser)


def _signed(account: EvmAccount, step: Step) -> PreparedTransaction:
    return PreparedTransaction(
        account=account.account,
        nonce=step.nonce,
        reference=bytes.fromhex(str(step.transaction)[2:]),
        raw=bytes.fromhex(step.raw or ""),
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep a second run off the same plan."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"another `naru gateway deploy` works on {path}: wait for its end") from None
        yield
