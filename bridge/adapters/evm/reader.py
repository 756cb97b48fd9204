"""One gateway on one EVM ledger, read through one node (ports.facts.LedgerNode, ports.ledger.SupplyReader)."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from web3.types import LogReceipt

from bridge.adapters.evm.assets import read_asset, read_gas_allowance, read_supply
from bridge.adapters.evm.contracts import GATEWAY
from bridge.adapters.evm.events import (
    DECIDED,
    HEIGHT_LEN,
    LOCKED,
    Decided,
    Place,
    decided,
    locked_terms,
    member,
    speaks_for,
    wrote,
)
from bridge.adapters.evm.node import Node, hex_word
from bridge.core.caip import AssetId, Endpoint, EndpointId, evm_address, evm_chain_id
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.spans import spans
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane, LaneId, Transfer, TransferId
from bridge.errors import UnavailableError
from bridge.ports.facts import PREFIX_LEN, Header, LockState
from bridge.ports.ledger import AssetView, GatewayView, LaneView, Lock, SupplyView

WORDS_MAX: Final = 256
"""Lock words per view call."""
PER_WORD: Final = 128
"""Outcomes to a word, two bits each (R-08)."""
REMEMBERED_MAX: Final = 16_384
"""Locks, and decisions, that a reader keeps in memory."""

Terms = tuple[bytes, bytes, int, bytes, bytes, bytes, int, int, bytes, bytes]
K = TypeVar("K")
V = TypeVar("V")


class EvmReader:
    """Reads of one gateway through one node. Locks and decisions found at finality are remembered."""

    def __init__(self, node: Node, endpoint: Endpoint) -> None:
        """Read *endpoint*'s gateway through *node*."""
        self._node = node
        self._endpoint = endpoint
        self._address = evm_address(endpoint.gateway)
        self._contract = node.contract(GATEWAY, self._address)
        self._gateway = self._contract.functions
        self._deployed_at: int | None = None
        self._locks: OrderedDict[Place, tuple[Transfer, BlockStamp]] = OrderedDict()
        self._decided: OrderedDict[Place, tuple[TransferId, Decision]] = OrderedDict()
        self._lanes: dict[LaneId, Lane] = {}

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._endpoint

    @property
    def name(self) -> str:
        """The node's address, without secrets."""
        return self._node.name

    async def identify(self) -> None:
        """Ask anew whether the node is on the endpoint's own chain: chain id and fingerprint (protocol.md, section 1).

        Raises:
            UnavailableError: it is not, or does not answer.
        """
        chain_id, found = evm_chain_id(self._endpoint.ledger), await self._node.live_chain_id()
        if found != chain_id:
            raise UnavailableError(f"node {self.name} is on chain {found}, not {chain_id}")
        before = max(0, int(await self._node.call(self._gateway.deployedAt())) - 1)
        found_hash = (await self._node.header(before)).stamp.hash
        if found_hash != self._endpoint.fingerprint:
            msg = (
                f"node {self.name} is on another ledger of chain {chain_id}: its block {before}, before the gateway, "
                f"is 0x{found_hash.hex()}, and the endpoint's fingerprint is 0x{self._endpoint.fingerprint.hex()}"
            )
            raise UnavailableError(msg)

    async def header(self, height: int) -> Header:
        """Read a block anew."""
        return await self._node.header(height)

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the newest block that is final by the node's finality policy, not above *height_max*."""
        known = None if height_max is None else self._node.known(height_max)
        if known is not None:
            return known
        head = await self._node.head()
        return head if height_max is None or head.height <= height_max else await self._node.final(height_max)

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        epoch, paused, ids = await asyncio.gather(
            self._node.call(self._gateway.currentEpoch(), at),
            self._node.call(self._gateway.paused(), at),
            self._node.call(self._gateway.lanes(), at),
        )
        return GatewayView(
            epoch=Epoch(epoch), paused=paused, lanes=tuple([await self._lane_of(LaneId(i), at) for i in ids])
        )

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane; one that the gateway doesn't know is disabled, with zeros."""
        state, headroom = await asyncio.gather(
            self._node.call(self._gateway.lane(lane.id), at), self._headroom(lane, at)
        )
        outbound, enabled, paused, audit_paused_until, next_sequence, limits, bucket = state[3:10]
        locked, committed, released, minted = state[10:]
        capacity, large_amount, refill_s, large_delay_s = bucket
        return LaneView(
            enabled=enabled,
            paused=paused or audit_paused_until > at.time,
            next_sequence=next_sequence if outbound else 1,
            amount_min=limits[0],
            amount_max=limits[1],
            deadline_min_s=limits[2],
            deadline_max_s=limits[3],
            locked=locked,
            committed=committed,
            released=released,
            capacity=capacity,
            refill_s=refill_s,
            large_amount=large_amount,
            large_delay_s=large_delay_s,
            headroom=headroom,
            minted=minted,
        )

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count) that exist at *at*, in order."""
        found: list[Lock] = []
        for start in range(first, first + count, WORDS_MAX):
            page = min(WORDS_MAX, first + count - start)
            found += await self._locks_page(lane, start, page, at, open_only=open_only)
        return found

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records, one answer per transfer, None where undecided (R-26 gives SUPERSEDED)."""
        outcomes = await self._outcomes(transfers, at)
        deciding = {
            (transfer.lane.id, transfer.sequence): outcome
            for transfer, outcome in zip(transfers, outcomes, strict=True)
            if outcome
        }
        found = await self._decisions(deciding, at)
        return [
            speaks_for(transfer, *found[transfer.lane.id, transfer.sequence]) if outcome else None
            for transfer, outcome in zip(transfers, outcomes, strict=True)
        ]

    async def lock_states(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[LockState]:
        """Read the present state of locks whose terms are known; no event is looked for."""
        states: dict[Place, LockState] = {}
        for lane in dict.fromkeys(transfer.lane for transfer in transfers):
            for span in spans(t.sequence for t in transfers if t.lane == lane):
                words, endings = await self._state_words(lane, span.first, span.count, at)
                for i, (word, ending) in enumerate(zip(words, endings, strict=True)):
                    prefix = word[-PREFIX_LEN:] if any(word) else b""
                    states[lane.id, span.first + i] = LockState(prefix=prefix, ending=ending, pending=False)
        return [await self._with_pending(t, states[t.lane.id, t.sequence], at) for t in transfers]

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now; NONE if it would."""
        return member(Reason, await self._node.call(self._gateway.eligibility(terms(transfer)), at))

    async def supply(self, asset: AssetId, at: BlockStamp) -> SupplyView:
        """Read the five totals and the gateway's own balance.

        Raises:
            InvalidInputError: the gateway does not know the asset.
        """
        return await read_supply(self._node, self._contract, asset, at)

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset; one that the gateway doesn't know is disabled, with zeros."""
        return await read_asset(self._node, self._contract, asset, at)

    async def gas_allowance(self, asset: AssetId) -> int:
        """Tell how much gas an item's calls are given: of the asset's token, and as much of its handler (R-21)."""
        return await read_gas_allowance(self._node, self._contract, asset)

    async def _headroom(self, lane: Lane, at: BlockStamp) -> int:
        if lane.destination != self._endpoint.id:
            return 0
        return int(await self._node.call(self._gateway.headroom(lane.id), at))

    async def _lane_of(self, lane_id: LaneId, at: BlockStamp) -> Lane:
        if lane_id not in self._lanes:
            source, destination, asset = (await self._node.call(self._gateway.lane(lane_id), at))[:3]
            lane = Lane(source=EndpointId(source), destination=EndpointId(destination), asset=AssetId(asset))
            self._lanes[lane_id] = lane
        return self._lanes[lane_id]

    async def _locks_page(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool) -> list[Lock]:
        words, endings = await self._state_words(lane, first, count, at)
        present = {
            first + i: (word, ending)
            for i, (word, ending) in enumerate(zip(words, endings, strict=True))
            if any(word) or (ending is not Ending.OPEN and not open_only)
        }
        known = {s: self._locks[lane.id, s] for s in present if (lane.id, s) in self._locks}
        found = known | await self._find_locks(lane, {s: w for s, (w, _) in present.items() if s not in known}, at)
        locks = []
        for sequence, (word, ending) in present.items():
            transfer, stamp = found[sequence]
            if any(word) and word[-PREFIX_LEN:] != transfer.id[:PREFIX_LEN]:
                self._locks.pop((lane.id, sequence), None)
                msg = (
                    f"node {self.name}, lane 0x{lane.id.hex()}, sequence {sequence}: "
                    "the lock word names another transfer than its event"
                )
                raise UnavailableError(msg)
            pending = ending is not Ending.OPEN and await self._pending(transfer.id, at)
            locks.append(Lock(transfer=transfer, ending=ending, pending=pending, stamp=stamp))
        return locks

    async def _state_words(
        self, lane: Lane, first: int, count: int, at: BlockStamp
    ) -> tuple[Sequence[bytes], list[Ending]]:
        words, bits = await asyncio.gather(
            self._node.call(self._gateway.lockWords(lane.id, first, count), at),
            self._bits(lane.id, first, count, at),
        )
        return self._whole(words, count), [member(Ending, each) for each in bits]

    async def _with_pending(self, transfer: Transfer, state: LockState, at: BlockStamp) -> LockState:
        if state.ending is Ending.OPEN:
            return state
        return replace(state, pending=await self._pending(transfer.id, at))

    async def _pending(self, transfer_id: TransferId, at: BlockStamp) -> bool:
        ending, _ = await self._node.call(self._gateway.pending(transfer_id), at)
        return member(Ending, ending) is not Ending.OPEN

    async def _find_locks(
        self, lane: Lane, words: Mapping[int, bytes], at: BlockStamp
    ) -> dict[int, tuple[Transfer, BlockStamp]]:
        """Find the events of locks by their words; the word of one that has ended tells no block any more."""
        if not words:
            return {}
        blocks = [int.from_bytes(word[:HEIGHT_LEN]) for word in words.values()]
        start, end = (min(blocks), max(blocks)) if all(blocks) else (await self._deployment(), at.height)
        found: dict[int, tuple[Transfer, BlockStamp]] = {}
        async for log in self._node.logs(self._address, [LOCKED, None, hex_word(lane.id)], start, min(end, at.height)):
            transfer = locked_terms(log)
            if transfer is None or transfer.sequence not in words or transfer.sequence in found:
                continue
            if not wrote(log, transfer, words[transfer.sequence]):
                continue
            found[transfer.sequence] = (transfer, await self._block_of(log))
            _remember(self._locks, (lane.id, transfer.sequence), found[transfer.sequence])
            if len(found) == len(words):
                return found
        told = sorted(set(words) - set(found))
        raise UnavailableError(f"node {self.name} has no Locked event for sequences {told} of lane 0x{lane.id.hex()}")

    async def _block_of(self, log: LogReceipt) -> BlockStamp:
        """Give the final block that an event is in.

        Raises:
            UnavailableError: the event claims another block at that height than the node's own.
        """
        stamp = await self._node.final(log["blockNumber"])
        if stamp.hash != bytes(log["blockHash"]):
            raise UnavailableError(f"node {self.name} gives an event of a block {stamp.height} that it does not have")
        return stamp

    async def _outcomes(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Outcome]:
        """Read the words that hold the transfers' outcomes, each once."""
        words: dict[tuple[LaneId, int], int] = {}
        for place in dict.fromkeys((t.lane.id, t.sequence // PER_WORD) for t in transfers):
            words[place] = self._whole(await self._node.call(self._gateway.outcomeWords(*place, 1), at), 1)[0]
        return [member(Outcome, _two_bits(words[t.lane.id, t.sequence // PER_WORD], t.sequence)) for t in transfers]

    async def _bits(self, lane_id: LaneId, first: int, count: int, at: BlockStamp) -> list[int]:
        start, last = first // PER_WORD, (first + count - 1) // PER_WORD
        words = self._whole(
            await self._node.call(self._gateway.outcomeWords(lane_id, start, last - start + 1), at), last - start + 1
        )
        return [_two_bits(words[s // PER_WORD - start], s) for s in range(first, first + count)]

    def _whole(self, words: Sequence[V], count: int) -> Sequence[V]:
        if len(words) != count:
            raise UnavailableError(f"node {self.name} gives {len(words)} words where {count} must stand")
        return words

    async def _decisions(
        self, deciding: Mapping[Place, Outcome], at: BlockStamp
    ) -> dict[Place, tuple[TransferId, Decision]]:
        """Give what decided each place; one remembered must say what the bits say."""
        known = {
            place: self._decided[place]
            for place, outcome in deciding.items()
            if place in self._decided and self._decided[place][1].outcome is outcome
        }
        unknown = {place: outcome for place, outcome in deciding.items() if place not in known}
        return known | await self._find_decisions(unknown, at)

    async def _find_decisions(
        self, unknown: Mapping[Place, Outcome], at: BlockStamp
    ) -> dict[Place, tuple[TransferId, Decision]]:
        """Find the events that wrote these bits. Silence is no answer: a node may lag, or lack its logs (R-26)."""
        found: dict[Place, tuple[TransferId, Decision]] = {}
        if not unknown:
            return found
        lanes = sorted({lane_id for lane_id, _ in unknown})
        sequences = sorted({sequence for _, sequence in unknown})
        topics = [DECIDED, None, [hex_word(i) for i in lanes], [hex_word(s.to_bytes(32)) for s in sequences]]
        async for log in self._node.logs(self._address, topics, await self._deployment(), at.height):
            event = decided(log)
            if event is None or event.place in found or unknown.get(event.place) is not event.outcome:
                continue
            found[event.place] = (event.transfer_id, await self._decision_of(event, log))
            _remember(self._decided, event.place, found[event.place])
            if len(found) == len(unknown):
                return found
        told = sorted(sequence for _, sequence in set(unknown) - set(found))
        raise UnavailableError(f"node {self.name} has no Decided event for sequences {told}, whose bits are set")

    async def _decision_of(self, event: Decided, log: LogReceipt) -> Decision:
        return Decision(outcome=event.outcome, reason=event.reason, stamp=await self._block_of(log))

    async def _deployment(self) -> int:
        if self._deployed_at is None:
            self._deployed_at = int(await self._node.call(self._gateway.deployedAt()))
        return self._deployed_at


def terms(transfer: Transfer) -> Terms:
    """Lay a transfer out as the gateway's ABI takes it."""
    return (
        transfer.source,
        transfer.destination,
        transfer.sequence,
        transfer.asset,
        transfer.sender,
        transfer.recipient,
        transfer.amount,
        transfer.deadline,
        transfer.client_reference,
        transfer.payload_hash,
    )


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    while len(memory) > REMEMBERED_MAX:
        memory.popitem(last=False)


def _two_bits(word: int, sequence: int) -> int:
    return word >> 2 * (sequence % PER_WORD) & 3
