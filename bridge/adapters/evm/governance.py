"""Governance by two persons: one proposes calls at a TwoPersonTimelock, another approves them after its delay (R-61).

An operation is found again by its events, so that nobody has to hand a file to the second person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_utils.address import to_checksum_address
from web3.contract import AsyncContract
from web3.types import TxReceipt

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import TIMELOCK, topic
from bridge.adapters.evm.inspection import NOBODY, ROLES, Role
from bridge.adapters.evm.node import Node, hex_word
from bridge.core.records import BlockStamp
from bridge.errors import RefusedError
from bridge.ports.runtime import Entropy

_DONE: Final = 1
"""In the timelock's table of times: executed; 0 is unknown or cancelled."""
_SCHEDULED: Final = topic("CallScheduled(bytes32,uint256,address,uint256,bytes,bytes32,uint256)")
_SALT: Final = topic("CallSalt(bytes32,bytes32)")
_NO_PREDECESSOR: Final = bytes(32)
SALT_LEN: Final = 32


class NotApprovedError(RefusedError):
    """An operation can't be approved by this person, or not now; the text says by whom or when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that a timelock makes: a contract's address and the call's data."""

    target: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Calls that one person proposed; all happen at once or none does. `ready`: unix seconds from which on.

    `lapsed`: who proposed it is no person any more, so that nobody can carry it out.
    """

    id: bytes
    calls: tuple[Call, ...]
    values: tuple[int, ...]
    predecessor: bytes
    salt: bytes
    is_batch: bool
    proposer: str
    ready: int
    lapsed: bool = False


class Timelock:
    """One TwoPersonTimelock; `since` is a height at or below its deployment."""

    def __init__(self, node: Node, address: str, *, since: int = 0) -> None:
        """Speak to the timelock at *address*."""
        self._node = node
        self._since = since
        self._contract: AsyncContract = node.contract(TIMELOCK, address)
        self._functions = self._contract.functions
        self.address = to_checksum_address(address)

    async def propose(self, account: EvmAccount, calls: Sequence[Call], entropy: Entropy) -> Operation:
        """Schedule *calls* as one operation, for the shortest delay there is.

        Raises:
            LedgerRefusedError: the account is none of the persons, or the ledger takes it not.
        """
        targets = [to_checksum_address(call.target) for call in calls]
        payloads, values = [call.data for call in calls], [0] * len(calls)
        salt = entropy(SALT_LEN)
        delay = int(await self._node.call(self._functions.getMinDelay()))
        arguments = (targets, values, payloads, _NO_PREDECESSOR, salt)
        await account.transact(self._contract, "scheduleBatch", *arguments, delay)
        return await self.operation(bytes(await self._node.call(self._functions.hashOperationBatch(*arguments))))

    async def operation(self, operation_id: bytes) -> Operation:
        """Find an operation that waits.

        Raises:
            RefusedError: there is none of this id, or it was executed or cancelled.
        """
        ready = int(await self._node.call(self._functions.getTimestamp(operation_id)))
        if ready <= _DONE:
            state = "was carried out already" if ready == _DONE else "is not known here, or was cancelled"
            raise RefusedError(f"operation 0x{operation_id.hex()} {state}: `naru gateway status` lists what waits")
        found = await self._found(operation_id)
        if operation_id not in found:
            raise RefusedError(f"operation 0x{operation_id.hex()} has no events at {self.address}: ask another node")
        return await self._complete(operation_id, found[operation_id], ready)

    async def waiting(self) -> list[Operation]:
        """List the operations that were neither executed nor cancelled, oldest first."""
        found = await self._found()
        times = {i: int(await self._node.call(self._functions.getTimestamp(i))) for i in found}
        return [await self._complete(i, found[i], times[i]) for i in reversed(found) if times[i] > _DONE]

    async def approve(self, account: EvmAccount, operation: Operation) -> TxReceipt:
        """Carry *operation* out as a second person.

        Raises:
            NotApprovedError: the account proposed it itself, its delay is not over, or it lapsed.
            LedgerRefusedError: the account is none of the persons, or a call reverts.
        """
        if operation.proposer == account.address:
            raise NotApprovedError(
                f"{account.address} proposed this operation: another person must approve it (R-61); nothing was done"
            )
        if operation.lapsed:
            raise NotApprovedError("its proposer is no longer a person: cancel it, propose again")
        now = (await self._node.stamp("latest")).time
        if now < operation.ready:
            raise NotApprovedError(
                f"operation 0x{operation.id.hex()} waits for {operation.ready - now} s more: approve it then"
            )
        return await account.transact(self._contract, *_execution(operation))

    async def cancel(self, account: EvmAccount, operation: Operation) -> TxReceipt:
        """End *operation*; each person alone may.

        Raises:
            LedgerRefusedError: the account is none of the persons.
        """
        return await account.transact(self._contract, "cancel", operation.id)

    async def simulate(self, call: Call) -> None:
        """Try one call as the timelock would make it now; nothing is sent.

        Raises:
            LedgerRefusedError: it would revert.
        """
        web3 = self._node.web3
        request: Any = {"from": self.address, "to": to_checksum_address(call.target), "data": hex_word(call.data)}
        await self._node.ask(lambda: web3.eth.call(request))

    def encode(self, name: str, *arguments: object) -> Call:
        """Encode a call of the timelock by itself: how its persons and its delay change."""
        data = bytes.fromhex(self._contract.encode_abi(name, arguments).removeprefix("0x"))
        return Call(target=self.address, data=data)

    async def _found(self, operation_id: bytes | None = None) -> dict[bytes, list[tuple[int, Call, int, bytes]]]:
        """Read which calls were scheduled, newest operation first: place, call, value, predecessor."""
        topics: list[object] = [_SCHEDULED] + ([] if operation_id is None else [hex_word(operation_id)])
        found: dict[bytes, list[tuple[int, Call, int, bytes]]] = {}
        head: BlockStamp = await self._node.stamp("latest")
        async for log in self._node.logs(self.address, topics, self._since, head.height):
            target, value, data, predecessor, _ = abi_decode(
                ("address", "uint256", "bytes", "bytes32", "uint256"), bytes(log["data"])
            )
            place = int.from_bytes(log["topics"][2])
            call = Call(target=to_checksum_address(target), data=data)
            found.setdefault(bytes(log["topics"][1]), []).append((place, call, value, predecessor))
        return found

    async def _complete(
        self, operation_id: bytes, scheduled: list[tuple[int, Call, int, bytes]], ready: int
    ) -> Operation:
        """Put an operation together from its events, and make sure that it is the one of this id.

        One that was cancelled and scheduled again has its events twice: each place once, they are equal.
        """
        proposer = to_checksum_address(await self._node.call(self._functions.schedulerOf(operation_id)))
        is_person = await self._node.call(self._functions.hasRole(ROLES[Role.PROPOSER], proposer))
        ordered = [item for _, item in sorted({item[0]: item for item in scheduled}.items())]
        operation = Operation(
            id=operation_id,
            calls=tuple(item[1] for item in ordered),
            values=tuple(item[2] for item in ordered),
            predecessor=ordered[0][3],
            salt=await self._salt(operation_id),
            is_batch=True,
            proposer=proposer,
            ready=ready,
            lapsed=proposer != NOBODY and not is_person,
        )
        for candidate in (operation, _alone(operation)):
            name, *arguments = _execution(candidate)
            hasher = "hashOperationBatch" if name == "executeBatch" else "hashOperation"
            if bytes(await self._node.call(self._functions[hasher](*arguments))) == operation_id:
                return candidate
        raise RefusedError(f"the events of operation 0x{operation_id.hex()} don't give its id: ask another node")

    async def _salt(self, operation_id: bytes) -> bytes:
        head = await self._node.stamp("latest")
        async for log in self._node.logs(self.address, [_SALT, hex_word(operation_id)], self._since, head.height):
            return bytes(log["data"])
        return bytes(SALT_LEN)


def _alone(operation: Operation) -> Operation:
    """Read the same events as a single call's, which has another id."""
    return replace(operation, calls=operation.calls[:1], values=operation.values[:1], is_batch=False)


def _execution(operation: Operation) -> tuple[Any, ...]:
    """Give the timelock's function that carries *operation* out, and its arguments."""
    targets = [to_checksum_address(call.target) for call in operation.calls]
    payloads, values = [call.data for call in operation.calls], list(operation.values)
    if operation.is_batch:
        return ("executeBatch", targets, values, payloads, operation.predecessor, operation.salt)
    return ("execute", targets[0], values[0], payloads[0], operation.predecessor, operation.salt)
