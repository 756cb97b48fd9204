"""The gateway's two events that a reader speaks from (R-05, R-26): decoded, or told to be none."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from web3.types import LogReceipt

from bridge.adapters.evm.contracts import topic
from bridge.core.caip import WORD_LEN
from bridge.core.reasons import Reason
from bridge.core.records import Decision, Outcome
from bridge.core.transfer import TRANSFER_WORDS, LaneId, Transfer, TransferId, decode
from bridge.errors import InvalidInputError, UnavailableError
from bridge.ports.facts import PREFIX_LEN

_TERMS: Final = "(bytes32,bytes32,uint64,bytes32,bytes32,bytes32,uint256,uint64,bytes32,bytes32)"
LOCKED: Final = topic(f"Locked(bytes32,bytes32,{_TERMS})")
DECIDED: Final = topic("Decided(bytes32,bytes32,uint64,uint8,uint8)")
HEIGHT_LEN: Final = 6
"""Bytes of the block number in a lock word, whose last 24 are the TransferId's first (R-08)."""
_LOCKED_TOPICS: Final = ("event", "transferId", "lane")
_DECIDED_TOPICS: Final = ("event", "transferId", "lane", "sequence")

Place = tuple[LaneId, int]
M = TypeVar("M", bound=IntEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A Decided event."""

    place: Place
    transfer_id: TransferId
    outcome: Outcome
    reason: Reason


def decided(log: LogReceipt) -> Decided | None:
    """Decode a Decided event; None if it is not one."""
    data, topics = bytes(log["data"]), log["topics"]
    if len(data) != 2 * WORD_LEN or len(topics) != len(_DECIDED_TOPICS):
        return None
    return Decided(
        place=(LaneId(bytes(topics[2])), int.from_bytes(topics[3])),
        transfer_id=TransferId(bytes(topics[1])),
        outcome=member(Outcome, int.from_bytes(data[:WORD_LEN])),
        reason=member(Reason, int.from_bytes(data[WORD_LEN:])),
    )


def locked_terms(log: LogReceipt) -> Transfer | None:
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


def wrote(log: LogReceipt, transfer: Transfer, word: bytes) -> bool:
    """Tell whether a Locked event of *transfer* is the one that wrote this lock word: its block and id stand in it."""
    if not any(word):
        return True
    return int.from_bytes(word[:HEIGHT_LEN]) == log["blockNumber"] and word[-PREFIX_LEN:] == transfer.id[:PREFIX_LEN]


def speaks_for(transfer: Transfer, decider: TransferId, decision: Decision) -> Decision:
    """Give the decision as it is for *transfer*; one for another id at its place supersedes it (R-26)."""
    if decider == transfer.id:
        return decision
    return Decision(outcome=Outcome.REJECTED, reason=Reason.SUPERSEDED, stamp=decision.stamp)


def member(kind: type[M], number: int) -> M:
    """Read an enumeration's number; nonsense of a node must not pass for a mistake of ours (R-53)."""
    try:
        return kind(number)
    except ValueError:
        raise UnavailableError(f"a node answers {number} where a {kind.__name__} must stand") from None
