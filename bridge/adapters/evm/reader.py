"""One gateway on one EVM ledger, read through one node (ports.ledger.LedgerReader, SupplyReader)."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from web3.types import LogReceipt

from bridge.adapters.evm.contracts import GATEWAY, SAMPLE_TOKEN, topic
from bridge.adapters.evm.node import Node, hex_word
from bridge.core.caip import AssetId, Endpoint, EndpointId, evm_address
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

Terms = tuple[bytes, bytes, int, bytes, bytes, bytes, int, int, bytes, bytes]


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
        self._decisions: dict[TransferId, Decision] = {}
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
        state = await self._node.call(self._gateway.lane(lane.id), at)
        enabled, paused, next_sequence, limits, locked, committed, released, minted = state[3:]
        return LaneView(
            enabled=enabled,
            paused=paused,
            next_sequence=next_sequence,
            amount_min=limits[0],
            amount_max=limits[1],
            deadline_min_s=limits[2],
            deadline_max_s=limits[3],
            locked=locked,
            committed=committed,
            released=released,
            minted=minted,
        )

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp) -> list[Lock]:
        """Read the source records of sequences [first, first + count) that exist at *at*, in order."""
        found: list[Lock] = []
        for start in range(first, first + count, WORDS_MAX):
            found += await self._locks_page(lane, start, min(WORDS_MAX, first + count - start), at)
        return found

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records, one answer per transfer, None where undecided (R-26 gives SUPERSEDED)."""
        outcomes = await self._outcomes(transfers, at)
        decided = [t.id for t, o in zip(transfers, outcomes, strict=True) if o and t.id not in self._decisions]
        await self._find_decisions(decided, at)
        return [
            self._decision(transfer.id, at) if outcome else None
            for transfer, outcome in zip(transfers, outcomes, strict=True)
        ]

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now; NONE if it would."""
        return Reason(await self._node.call(self._gateway.eligibility(terms(transfer)), at))

    async def supply(self, asset: AssetId, at: BlockStamp) -> SupplyView:
        """Read the five totals and the gateway's own balance.

        Raises:
            InvalidInputError: the gateway does not know the asset.
        """
        _, profile, _, _ = await self._node.call(self._gateway.asset(asset), at)
        if not profile:
            msg = f"gateway {self._address} does not know asset 0x{asset.hex()}: register it first"
            raise InvalidInputError(msg)
        token_address = (await self._node.call(self._gateway.profile(profile), at))[1]
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
        _, profile, _, _ = await self._node.call(self._gateway.asset(asset))
        return int((await self._node.call(self._gateway.profile(profile)))[5])

    async def _lane_of(self, lane_id: LaneId, at: BlockStamp) -> Lane:
        if lane_id not in self._lanes:
            source, destination, asset = (await self._node.call(self._gateway.lane(lane_id), at))[:3]
            lane = Lane(source=EndpointId(source), destination=EndpointId(destination), asset=AssetId(asset))
            self._lanes[lane_id] = lane
        return self._lanes[lane_id]

    async def _locks_page(self, lane: Lane, first: int, count: int, at: BlockStamp) -> list[Lock]:
        words, bits = await asyncio.gather(
            self._node.call(self._gateway.lockWords(lane.id, first, count), at),
            self._bits(lane.id, first, count, at),
        )
        endings = [Ending(e) for e in bits]
        present = [first + i for i, (w, e) in enumerate(zip(words, endings, strict=True)) if any(w) or e]
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
        return Ending(ending) is not Ending.OPEN

    async def _find_locks(
        self, lane: Lane, sequences: list[int], words: list[bytes], first: int, at: BlockStamp
    ) -> None:
        if not sequences:
            return
        blocks = [int.from_bytes(words[s - first][:6]) for s in sequences]
        start, end = (min(blocks), max(blocks)) if all(blocks) else (await self._deployment(), at.height)
        logs = await self._node.logs(self._address, [LOCKED, None, hex_word(lane.id)], start, end)
        wanted = set(sequences)
        for log in logs:
            transfer = _locked_terms(log)
            if transfer is not None and transfer.lane == lane and transfer.sequence in wanted:
                stamp = await self._node.final(int(log["blockNumber"]))
                self._locks[lane.id, transfer.sequence] = (transfer, stamp)
        missing = [s for s in sequences if (lane.id, s) not in self._locks]
        if missing:
            msg = f"node {self._node.address} has no Locked event for sequences {missing} of lane 0x{lane.id.hex()}"
            raise UnavailableError(msg)

    async def _outcomes(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Outcome]:
        """Read the words that hold the transfers' outcomes, each once."""
        words: dict[tuple[LaneId, int], int] = {}
        for place in dict.fromkeys((t.lane.id, t.sequence // PER_WORD) for t in transfers):
            words[place] = (await self._node.call(self._gateway.outcomeWords(*place, 1), at))[0]
        return [Outcome(_two_bits(words[t.lane.id, t.sequence // PER_WORD], t.sequence)) for t in transfers]

    async def _bits(self, lane_id: LaneId, first: int, count: int, at: BlockStamp) -> list[int]:
        start, last = first // PER_WORD, (first + count - 1) // PER_WORD
        words = await self._node.call(self._gateway.outcomeWords(lane_id, start, last - start + 1), at)
        return [_two_bits(words[s // PER_WORD - start], s) for s in range(first, first + count)]

    async def _find_decisions(self, ids: Iterable[TransferId], at: BlockStamp) -> None:
        wanted = set(ids)
        if not wanted:
            return
        topics = [DECIDED, [hex_word(i) for i in sorted(wanted)]]
        for log in await self._node.logs(self._address, topics, await self._deployment(), at.height):
            transfer_id, data = TransferId(bytes(log["topics"][1])), bytes(log["data"])
            if transfer_id in wanted:
                self._decisions[transfer_id] = Decision(
                    outcome=Outcome(int.from_bytes(data[32:64])),
                    reason=Reason(int.from_bytes(data[64:96])),
                    stamp=await self._node.final(int(log["blockNumber"])),
                )

    def _decision(self, transfer_id: TransferId, at: BlockStamp) -> Decision:
        superseded = Decision(outcome=Outcome.REJECTED, reason=Reason.SUPERSEDED, stamp=at)
        return self._decisions.get(transfer_id, superseded)

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


def bare(transfer_id: TransferId) -> Terms:
    """Lay a transfer out that only counts for the digest: its id in the sender's place, sequence 0 (R-20)."""
    zero = bytes(32)
    return (zero, zero, 0, zero, transfer_id, zero, 0, 0, zero, zero)


def _two_bits(word: int, sequence: int) -> int:
    return word >> 2 * (sequence % PER_WORD) & 3


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
