"""What relayer and notary need of a ledger. Every read is at a block that the caller names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bridge.core.caip import Account, AssetId, Endpoint
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending
from bridge.core.statements import Epoch, Statement
from bridge.core.transfer import Lane, Transfer, TransferId

if (
    TYPE_CHECKING
):  # `naru transfer list` needs these ports and no signatures; the library behind them takes time to load
    from bridge.frost import Element, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """A gateway at one block."""

    epoch: Epoch
    """The current committee epoch; 0 before the first key."""
    paused: bool
    lanes: tuple[Lane, ...]
    """Every lane that this gateway is an end of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneView:
    """A lane at one block of one of its ends. Amounts in smallest units, spans in seconds.

    Each end knows its own half only, the other is zeros (`next_sequence`: 1).
    """

    enabled: bool
    paused: bool
    """By the guardian, or by the auditor's pause that has not lapsed at the block's time (R-61)."""
    next_sequence: int
    amount_min: int
    amount_max: int
    deadline_min_s: int
    deadline_max_s: int
    locked: int
    committed: int
    released: int
    capacity: int
    """Of the destination's bucket (R-25), which fills in `refill_s`."""
    refill_s: int
    large_amount: int
    """From here on an amount waits `large_delay_s` from its first showing to the destination (R-25)."""
    large_delay_s: int
    headroom: int
    """What the bucket holds at this block."""
    minted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A source record: the terms, what became of them, and the block of the lock."""

    transfer: Transfer
    ending: Ending
    pending: bool
    """The record is sealed, but the token refused the burn or payment: it waits for a payout (R-31)."""
    stamp: BlockStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyView:
    """INV-4's and INV-9's figures of one asset on one gateway's ledger at one block, in smallest units."""

    supply: int
    minted: int
    burned: int
    reminted: int
    held: int
    balance: int
    """What the gateway's own account holds; never below `held`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetView:
    """An asset on one gateway at one block: R-11's account, in smallest units over all lanes, and R-31's code."""

    enabled: bool
    issue_number: int
    """Of the register's last entry; 0 if it has posted none."""
    issued: int
    """What that entry says is issued on this ledger."""
    sent: int
    """Locked less released."""
    received: int
    """Minted."""
    code_changed: bool = False
    """Its token's or its handler's code is another than what was registered."""
    implementation: bytes = b""
    """Keccak-256 of the code behind the token where that is a proxy, else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A statement with the committee's signature over the statement's digest, and the key that it is of."""

    statement: Statement
    group_key: "Element"
    signature: "Signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A call of a gateway: the attested statement, and the terms of the items to be tried.

    Items of the statement that are not in `tried` go as bare ids (R-20).
    """

    attestation: Attestation
    tried: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A call that tries again what the token refused at finish (R-31)."""

    transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTransaction:
    """A signed transaction that is not sent yet; `reference` is the ledger's name for it."""

    account: Account
    nonce: int
    reference: bytes
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a transaction; `failures` are the items that settle left at NONE, each with its reason."""

    stamp: BlockStamp
    succeeded: bool
    failures: tuple[tuple[TransferId, Reason], ...]
    releases: tuple[tuple[TransferId, int], ...] = ()
    """Failures whose amount is large: from when on each may be minted, in unix seconds of the ledger (R-25)."""
    errors: tuple[tuple[TransferId, bytes], ...] = ()
    """What failures reverted with, raw; bridge/core/refusals.py reads it."""


class MintErrors(Protocol):
    """Tells what stands behind a reason code: for people to read, never to decide by."""

    async def mint_error(self, transfer: Transfer) -> bytes:
        """Give the error with which the destination would not mint now, raw; empty if there is none.

        Raises:
            UnavailableError: no node answers.
        """
        ...


class LedgerReader(Protocol):
    """One gateway, read through one node.

    Raises everywhere:
        UnavailableError: the node does not answer, or lacks the block.
    """

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        ...

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the newest block that is final by this ledger's finality policy, not above *height_max*."""
        ...

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        ...

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane; one that the gateway doesn't know is disabled, with zeros."""
        ...

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count) that exist at *at*, in order.

        With *open_only* those that have ended are left out, which costs far less where most have.
        """
        ...

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records, one answer per transfer, None where undecided (R-26 gives SUPERSEDED)."""
        ...

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the destination gateway why it would not mint now; NONE if it would."""
        ...


class SupplyReader(Protocol):
    """The totals that the supply audit needs."""

    async def supply(self, asset: AssetId, at: BlockStamp) -> SupplyView:
        """Read the five totals and the gateway's own balance.

        Raises:
            UnavailableError: the node does not answer, or lacks the block.
            InvalidInputError: the gateway does not know the asset.
        """
        ...


class AssetReader(Protocol):
    """What R-11's account and R-31's look at the code need."""

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset; one that the gateway doesn't know is disabled, with zeros.

        Raises:
            UnavailableError: the node does not answer, or lacks the block.
        """
        ...


class LedgerWriter(Protocol):
    """One account that sends transactions to one gateway."""

    async def prepare(self, call: Submission | Payout) -> PreparedTransaction:
        """Sign a transaction with the ledger's next free nonce; sends nothing.

        Raises:
            LedgerRefusedError: the gateway would revert it.
            UnavailableError: the node does not answer.
        """
        ...

    async def submit(self, transaction: PreparedTransaction) -> None:
        """Hand the transaction to the node; sending the same one again does no harm.

        Raises:
            LedgerRefusedError: the node refuses it for good (its nonce was used by another).
            UnavailableError: the node does not answer.
        """
        ...

    async def receipt(self, reference: bytes) -> Receipt | None:
        """Look whether the transaction is in a block; None while it isn't."""
        ...
