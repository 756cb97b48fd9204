"""A gateway's committee epochs: what stands, a handover announced by anybody, its activation by anybody (R-40)."""

from dataclasses import dataclass

from web3.contract import AsyncContract

from bridge.adapters.evm.account import EvmAccount
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.node import Node
from bridge.core.caip import Account, evm_address
from bridge.core.statements import Epoch, Handover
from bridge.frost import Element, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochView:
    """A gateway's committee at its newest block. Epochs are 0, keys and times empty, where there is none."""

    current: Epoch
    current_key: Account
    previous: Epoch
    pending: Epoch
    """Announced, and not in force yet."""
    pending_key: Account
    ready: int
    """When the pending one may be activated, in unix seconds of the ledger."""
    time: int
    """Of the block that was looked at."""


class EvmHandover:
    """Handovers at one gateway."""

    def __init__(self, node: Node, gateway: str) -> None:
        """Speak to the gateway at the address *gateway*."""
        self._node = node
        self._contract: AsyncContract = node.contract(GATEWAY, gateway)
        self._functions = self._contract.functions

    async def view(self) -> EpochView:
        """Read which epochs the gateway has.

        Raises:
            UnavailableError: the node does not answer.
        """
        at = await self._node.stamp("latest")
        current = int(await self._node.call(self._functions.currentEpoch(), at))
        pending, key, ready = await self._node.call(self._functions.pendingHandover(), at)
        return EpochView(
            current=Epoch(current),
            current_key=await self.key(Epoch(current)),
            previous=Epoch(int(await self._node.call(self._functions.previousEpoch(), at))),
            pending=Epoch(int(pending)),
            pending_key=_key_account(key),
            ready=int(ready),
            time=at.time,
        )

    async def key(self, epoch: Epoch) -> Account:
        """Tell an epoch's key by its address; zero if it never had one."""
        return _key_account((await self._node.call(self._functions.epoch(epoch)))[0])

    async def is_struck(self, epoch: Epoch, key: Account) -> bool:
        """Tell whether the guardian vetoed this key under this number: it can never come here."""
        return bool(await self._node.call(self._functions.isStruck(epoch, evm_address(key))))

    async def announce(self, account: EvmAccount, handover: Handover, signer: Element, signature: Signature) -> None:
        """Submit a handover that the current epoch, whose key is *signer*, has signed.

        Raises:
            LedgerRefusedError: the gateway does not take it; its name says why.
            UnavailableError: the node does not answer, or the transaction is in no block after a minute.
        """
        px, py = signer.coordinates()
        rx, ry = signature.group_commitment.coordinates()
        attestation = (handover.signer_epoch, px, py, rx, ry, signature.z)
        arguments = (handover.epoch, handover.px, handover.py, attestation)
        await account.transact(self._contract, "handover", *arguments)

    async def activate(self, account: EvmAccount) -> None:
        """Put the announced epoch in force, once its delay is over.

        Raises:
            LedgerRefusedError: nothing is announced, or the delay is not over.
            UnavailableError: as for `announce`.
        """
        await account.transact(self._contract, "activateEpoch")


def _key_account(address: str) -> Account:
    """Read a key's address; unlike a holder's account, it is zero where there is none."""
    return Account(bytes(12) + bytes.fromhex(address[2:]))
