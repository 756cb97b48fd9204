"""One gateway on one EVM ledger, read through one node (ports.ledger.LedgerReader, SupplyReader)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from web3.types import LogReceipt

from bridge.adapters.evm.contracts import GATEWAY, SAMPLE_TOKEN, topic
from bridge.adapters.evm.node import Node, hex_word
from bridge.core.caip import WORD_LEN, AssetId, Endpoint, EndpointId, evm_address
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.statements import Epoch
from bridge.core.transfer import TRANSFER_WORDS, Lane, LaneId, Transfer, TransferId, decode
from bridge.errors import InvalidInputError, UnavailableError
from bridge.ports.ledger import GatewayView, LaneView, Lock, SupplyView

WORDS_MAX: Final = 256
"""Lock words per view call."""
PER_WORD: Final = 128
"""Outcomes to a word, two bits each (R-08)."""
PREFIX_LEN: Final = 24
"""Bytes of the TransferId in a lock word."""
_TERMS = "(bytes32,bytes32,uint64,bytes32,bytes32,bytes32,uint256,uint64,bytes32,bytes32)"
LOCKED: Final = topic(f"Locked(bytes32,bytes32,{_TERMS})")
DECIDED: Final = topic("Decided(bytes32,bytes32,uint64,uint8,uint8)")

ASSET_PROFILE: Final = 1
PROFILE_TOKEN: Final = 1
PROFILE_GAS: Final = 6
"""Places in the structs AssetState and Profile."""

Terms = tuple[bytes, bytes, int, bytes, bytes, bytes, int, int, bytes, bytes]
Place = tuple[LaneId, int]
M = TypeVar("M", bound=IntEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A Decided event."""

    place: Place
    transfer_id: TransferId
    outcome: Outcome
    reason: Reason


class EvmReader:
    """Reads of one gateway through one node. Locks and decisions found at finality are remembered."""

    def __init__(self, node: Node, endpoint: Endpoint) -> None:
        """Read *endpoint*'s gateway through *node*."""
        self._node = node
        self._endpoint = endpoint
        self._address = evm_address(endpoint.gateway)
        self._gateway = node.contract(GATEWAY, self._address).functions
        self._deployed_at: int | None = None
        self._locks: dict[tuple[LaneId, int], tuple[Transfer, BlockStamp]] = {}
        self._decided: dict[Place, tuple[TransferId, Decision]] = {}
        self._lanes: dict[LaneId, Lane] = {}

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._endpoint

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
        unknown = {
            (transfer.lane.id, transfer.sequence): outcome
            for transfer, outcome in zip(transfers, outcomes, strict=True)
            if outcome and (transfer.lane.id, transfer.sequence) not in self._decided
        }
        await self._find_decisions(unknown, at)
        return [
            self._decision(transfer) if outcome else None for transfer, outcome in zip(transfers, outcomes, strict=True)
        ]

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now; NONE if it would."""
        return _member(Reason, await self._node.call(self._gateway.eligibility(terms(transfer)), at))

    async def supply(self, asset: AssetId, at: BlockStamp) -> SupplyView:
        """Read the five totals and the gateway's own balance.

        Raises:
            InvalidInputError: the gateway does not know the asset.
        """
        profile = (await self._node.call(self._gateway.asset(asset), at))[ASSET_PROFILE]
        if not profile:
            msg = f"gateway {self._address} does not know asset 0x{asset.hex()}: register it first"
            raise InvalidInputError(msg)
        token_address = (await self._node.call(self._gateway.profile(profile), at))[PROFILE_TOKEN]
        token = self._node.contract(SAMPLE_TOKEN, token_address).functions
        minted, burned, reminted, held = await self._node.call(self._gateway.totals(asset), at)
        return SupplyView(
            supply=await self._node.call(token.totalSupply(), at),
            minted=minted,
            burned=burned,
            reminted=reminted,
            held=held,
            balance=await self._node.call(token.balanceOf(self._address), at),
        )

    async def gas_allowance(self, asset: AssetId) -> int:
        """Tell how much gas the asset's token is given per call (R-21)."""
        profile = (await self._node.call(self._gateway.asset(asset)))[ASSET_PROFILE]
        return int((await self._node.call(self._gateway.profile(profile)))[PROFILE_GAS])

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
        words, bits = await asyncio.gather(
            self._node.call(self._gateway.lockWords(lane.id, first, count), at),
            self._bits(lane.id, first, count, at),
        )
        endings = [_member(Ending, e) for e in bits]
        present = [
            first + i
            for i, (word, ending) in enumerate(zip(words, endings, strict=True))
            if any(word) or (ending is not Ending.OPEN and not open_only)
        ]
        await self._find_locks(lane, [s for s in present if (lane.id, s) not in self._locks], words, first, at)
        locks = []
        for sequence in present:
            transfer, stamp = self._locks[lane.id, sequence]
            word = words[sequence - first]
            if any(word) and word[-PREFIX_LEN:] != transfer.id[:PREFIX_LEN]:
                del self._locks[lane.id, sequence]
                msg = f"lane 0x{lane.id.hex()} sequence {sequence}: the lock word names another transfer than its event"
                raise UnavailableError(msg)
            ending = endings[sequence - first]
            pending = ending is not Ending.OPEN and await self._pending(transfer.id, at)
            locks.append(Lock(transfer=transfer, ending=ending, pending=pending, stamp=stamp))
        return locks

    async def _pending(self, transfer_id: TransferId, at: BlockStamp) -> bool:
        ending, _ = await self._node.call(self._gateway.pending(transfer_id), at)
        return _member(Ending, ending) is not Ending.OPEN

    async def _find_locks(
        self, lane: Lane, sequences: list[int], words: list[bytes], first: int, at: BlockStamp
    ) -> None:
        if not sequences:
            return
        blocks = [int.from_bytes(words[s - first][:6]) for s in sequences]
        start, end = (min(blocks), max(blocks)) if all(blocks) else (await self._deployment(), at.height)
        missing = set(sequences)
        async for log in self._node.logs(self._address, [LOCKED, None, hex_word(lane.id)], start, end):
            transfer = _locked_terms(log)
            if transfer is not None and transfer.lane == lane and transfer.sequence in missing:
                self._locks[lane.id, transfer.sequence] = (transfer, await self._node.final(int(log["blockNumber"])))
                missing.discard(transfer.sequence)
            if not missing:
                return
        msg = f"node {self._node.address} has no Locked event for sequences {sorted(missing)} of lane 0x{lane.id.hex()}"
        raise UnavailableError(msg)

    async def _outcomes(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Outcome]:
        """Read the words that hold the transfers' outcomes, each once."""
        words: dict[tuple[LaneId, int], int] = {}
        for place in dict.fromkeys((t.lane.id, t.sequence // PER_WORD) for t in transfers):
            words[place] = (await self._node.call(self._gateway.outcomeWords(*place, 1), at))[0]
        return [_member(Outcome, _two_bits(words[t.lane.id, t.sequence // PER_WORD], t.sequence)) for t in transfers]

    async def _bits(self, lane_id: LaneId, first: int, count: int, at: BlockStamp) -> list[int]:
        start, last = first // PER_WORD, (first + count - 1) // PER_WORD
        words = await self._node.call(self._gateway.outcomeWords(lane_id, start, last - start + 1), at)
        return [_two_bits(words[s // PER_WORD - start], s) for s in range(first, first + count)]

    async def _find_decisions(self, unknown: Mapping[Place, Outcome], at: BlockStamp) -> None:
        """Find the events that wrote these bits. Silence is no answer: a node may lag, or lack its logs (R-26)."""
        if not unknown:
            return
        missing = dict(unknown)
        lanes = sorted({lane_id for lane_id, _ in unknown})
        sequences = sorted({sequence for _, sequence in unknown})
        topics = [DECIDED, None, [hex_word(i) for i in lanes], [hex_word(s.to_bytes(32)) for s in sequences]]
        async for log in self._node.logs(self._address, topics, await self._deployment(), at.height):
            decided = _decided(log)
            if decided is not None and missing.get(decided.place) is decided.outcome:
                self._decided[decided.place] = (decided.transfer_id, await self._decision_of(decided, log))
                del missing[decided.place]
            if not missing:
                return
        told = sorted(sequence for _, sequence in missing)
        msg = f"node {self._node.address} has no Decided event for sequences {told}, whose bits are set"
        raise UnavailableError(msg)

    async def _decision_of(self, decided: _Decided, log: LogReceipt) -> Decision:
        stamp = await self._node.final(int(log["blockNumber"]))
        return Decision(outcome=decided.outcome, reason=decided.reason, stamp=stamp)

    def _decision(self, transfer: Transfer) -> Decision:
        decider, decision = self._decided[transfer.lane.id, transfer.sequence]
        if decider == transfer.id:
            return decision
        return Decision(outcome=Outcome.REJECTED, reason=Reason.SUPERSEDED, stamp=decision.stamp)

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


def _two_bits(word: int, sequence: int) -> int:
    return word >> 2 * (sequence % PER_WORD) & 3


def _member(kind: type[M], number: int) -> M:
    """Read an enumeration's number; nonsense of a node must not pass for a mistake of ours (R-53)."""
    try:
        return kind(number)
    except ValueError:
        raise UnavailableError(f"a node answers {number} where a {kind.__name__} must stand") from None


def _decided(log: LogReceipt) -> _Decided | None:
    """Decode a Decided event; None if it is not one."""
    data, topics = bytes(log["data"]), log["topics"]
    if len(data) != 2 * WORD_LEN or len(topics) != len(_DECIDED_TOPICS):
        return None
    return _Decided(
        place=(LaneId(bytes(topics[2])), int.from_bytes(topics[3])),
        transfer_id=TransferId(bytes(topics[1])),
        outcome=_member(Outcome, int.from_bytes(data[:WORD_LEN])),
        reason=_member(Reason, int.from_bytes(data[WORD_LEN:])),
    )


def _locked_terms(log: LogReceipt) -> Transfer | None:
    """Decode a Locked event; None if it is not one whose id is the hash of its terms."""
    data = bytes(log["data"])
    if len(data) != TRANSFER_WORDS * 32 or len(log["topics"]) != len(_LOCKED_TOPICS):
        return None
    try:
        transfer = decode(data)
        matches = bytes(log["topics"][1]) == transfer.id and bytes(log["topics"][2]) == transfer.lane.id
    except InvalidInputError:
        return None
    return transfer if matches else None


_LOCKED_TOPICS: Final = ("event", "transferId", "lane")
_DECIDED_TOPICS: Final = ("event", "transferId", "lane", "sequence")
