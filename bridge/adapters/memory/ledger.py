"""A ledger with one gateway in memory: all that ports.ledger reads and writes, held to the real adapters' suite.

Blocks come only by `mine` and by what holders and governance do, each of which seals a block of its own. What is below
the finality depth never changes; above it, `reorg` takes blocks back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.adapters.memory.gateway import (
    AUDIT_PAUSE_S,
    AssetState,
    Failures,
    Gateway,
    LaneState,
    Limits,
    LockTerms,
    State,
    attempt,
)
from bridge.adapters.memory.handover import Epochs
from bridge.adapters.memory.views import NO_BUCKET, NONE, asset_view, lane_view, supply_view
from bridge.core.caip import Account, AssetId, Endpoint, LedgerId
from bridge.core.keccak import keccak
from bridge.core.reasons import Reason
from bridge.core.records import BlockStamp, Decision, Ending, Outcome
from bridge.core.statements import Epoch
from bridge.core.transfer import Lane, Transfer
from bridge.errors import InvalidInputError, LedgerRefusedError, UnavailableError
from bridge.frost import Element
from bridge.ports.ledger import (
    AssetView,
    GatewayView,
    LaneView,
    Lock,
    Payout,
    PreparedTransaction,
    Receipt,
    Submission,
    SupplyView,
)

START_S: Final = 1_800_000_000
Call = Submission | Payout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    stamp: BlockStamp
    state: State
    receipts: dict[bytes, Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """What a PreparedTransaction's `raw` stands for."""

    transaction: PreparedTransaction
    call: Call


class MemoryLedger:
    """One ledger, its gateway, and its one node, which is asked."""

    def __init__(self, ledger: LedgerId, *, finality_depth: int = 0, start: int = START_S) -> None:
        """Begin with an empty block at *start* (unix seconds); *finality_depth* blocks below the newest are final."""
        gateway = Account(bytes(12) + keccak(f"gateway of {ledger}".encode())[:20])
        self._endpoint = Endpoint(ledger=ledger, fingerprint=keccak(ledger.encode()), gateway=gateway)
        self._depth = finality_depth
        genesis = BlockStamp(height=0, hash=self._endpoint.fingerprint, time=start)
        self._blocks = [_Block(stamp=genesis, state=State(), receipts={})]
        self._forks = 0
        self._signed: dict[bytes, _Signed] = {}
        self._waiting: dict[tuple[Account, int], bytes] = {}
        self._mined_at: dict[bytes, int] = {}

    # --- time

    def mine(self, seconds: int = 1) -> BlockStamp:
        """Seal a block *seconds* after the last one, with the transactions that wait; give its stamp."""
        stamp = self._next_stamp(seconds)
        state, receipts = self._blocks[-1].state, dict[bytes, Receipt]()
        while ready := self._ready(state):
            for key, reference in ready:
                del self._waiting[key]
                state, receipts[reference] = self._execute(state, self._signed[reference], stamp)
                self._mined_at[reference] = stamp.height
        self._blocks.append(_Block(stamp=stamp, state=state, receipts=receipts))
        return stamp

    def reorg(self, depth: int) -> None:
        """Take the newest *depth* blocks back, with all that stands in them; their transactions are forgotten.

        Raises:
            InvalidInputError: they reach below finality.
        """
        if depth > min(self._depth, len(self._blocks) - 1):
            msg = f"{depth} blocks can't be taken back: {self._depth} are not final"
            raise InvalidInputError(msg)
        del self._blocks[len(self._blocks) - depth :]
        self._forks += 1

    # --- holders and governance; each call is a block of its own, at the last one's time

    def lock(self, terms: LockTerms) -> Transfer:
        """Lock as the holder that *terms* name as sender.

        Raises:
            LedgerRefusedError: the gateway or the token refuses; nothing is locked.
        """
        stamp, state = self._next_stamp(0), self._blocks[-1].state.copy()
        transfer = Gateway(self.endpoint.id, self.endpoint.gateway, state, stamp).lock(terms)
        self._blocks.append(_Block(stamp=stamp, state=state, receipts={}))
        return transfer

    def register_key(self, epoch: Epoch, key: Element) -> None:
        """Put the committee's *key* in force as governance; the epoch before stays accepted (R-40).

        Raises:
            LedgerRefusedError: *epoch* is not above the highest, or the key can't be used.
        """
        self.change_epochs(lambda epochs, _now: epochs.registered(epoch, key))

    def change_epochs(self, change: Callable[[Epochs, int], Epochs]) -> None:
        """Have *change* give the committee's epochs anew, in a block whose time, unix seconds, it is told (R-40).

        Raises:
            LedgerRefusedError: as the entry points of Epochs.
        """
        now = self._blocks[-1].stamp.time
        self._govern(lambda state: setattr(state, "epochs", change(state.epochs, now)))

    def add_asset(self, asset: AssetId, *holders: Account) -> None:
        """Register a token for *asset*; *holders* and the gateway may receive it."""
        state = AssetState(holders=frozenset({*holders, self.endpoint.gateway}))
        self._govern(lambda s: s.assets.update({asset: state}))

    def issue(self, asset: AssetId, holder: Account, amount: int) -> None:
        """Issue units to a holder."""

        def change(state: State) -> None:
            token = state.assets[asset]
            state.assets[asset] = replace(token, supply=token.supply + amount)
            state.balances[asset, holder] = state.balances.get((asset, holder), 0) + amount

        self._govern(change)

    def post_issue(self, asset: AssetId, number: int, issued: int) -> None:
        """Post the register's next entry of what is issued here (R-11); it moves no units.

        Raises:
            LedgerRefusedError: *number* is not the next one.
        """

        def change(state: State) -> None:
            token = state.assets[asset]
            if number != token.issue_number + 1:
                raise LedgerRefusedError("IssueOutOfOrder", f"{number}, {token.issue_number + 1}")
            state.assets[asset] = replace(token, issue_number=number, issued=issued)

        self._govern(change)

    def set_holder(self, asset: AssetId, holder: Account, *, registered: bool) -> None:
        """Put a holder on the token's register, or strike it off: it can't receive then, not even its units back."""

        def change(state: State) -> None:
            token = state.assets[asset]
            holders = token.holders | {holder} if registered else token.holders - {holder}
            state.assets[asset] = replace(token, holders=holders)

        self._govern(change)

    def set_token_paused(self, asset: AssetId, *, paused: bool) -> None:
        """Stop every movement of the token, or let it move again."""
        self._govern(lambda s: s.assets.update({asset: replace(s.assets[asset], paused=paused)}))

    def set_token_refusal(self, asset: AssetId, reason: Reason) -> None:
        """Have the token refuse every mint for *reason*; NONE: no more."""
        self._govern(lambda s: s.assets.update({asset: replace(s.assets[asset], refusal=reason)}))

    def open_lane(self, lane: Lane, limits: Limits) -> None:
        """Create a lane, enabled, or change its limits; each end uses its own half of them."""
        now, fresh = self._blocks[-1].stamp.time, LaneState(lane=lane, limits=NONE, bucket=NO_BUCKET)
        self._govern(lambda s: s.lanes.update({lane.id: s.lanes.get(lane.id, fresh).limited(limits, now)}))

    def audit_pause_lane(self, lane: Lane) -> None:
        """Pause a lane as the auditor, whose pause lapses by itself (R-61)."""
        until = self._blocks[-1].stamp.time + AUDIT_PAUSE_S
        self._govern(lambda s: s.lanes.update({lane.id: replace(s.lanes[lane.id], audit_paused_until=until)}))

    def unpause_lane(self, lane: Lane) -> None:
        """End every pause of a lane."""
        self._govern(lambda s: s.lanes.update({lane.id: replace(s.lanes[lane.id], paused=False, audit_paused_until=0)}))

    def set_lane_enabled(self, lane: Lane, *, enabled: bool) -> None:
        """Enable a lane, or disable it (R-07)."""
        self._govern(lambda s: s.lanes.update({lane.id: replace(s.lanes[lane.id], enabled=enabled)}))

    def set_paused(self, *, paused: bool) -> None:
        """Pause the gateway, or let it go on (R-32)."""
        self._govern(lambda state: setattr(state, "paused", paused))

    @property
    def newest(self) -> State:
        """What the newest block left behind, final or not; only to be looked at."""
        return self._blocks[-1].state

    def balance(self, asset: AssetId, holder: Account) -> int:
        """Tell a holder's balance at the newest block, in smallest units."""
        return self.newest.balances.get((asset, holder), 0)

    # --- LedgerReader, SupplyReader and AssetReader

    @property
    def endpoint(self) -> Endpoint:
        """Which gateway on which ledger this is."""
        return self._endpoint

    async def head(self, *, height_max: int | None = None) -> BlockStamp:
        """Give the newest block that is final, not above *height_max*."""
        final = max(0, len(self._blocks) - 1 - self._depth)
        return self._blocks[final if height_max is None else min(final, height_max)].stamp

    async def gateway(self, at: BlockStamp) -> GatewayView:
        """Read the gateway's own state."""
        state = self._state(at)
        return GatewayView(
            epoch=state.epochs.current,
            paused=state.paused,
            lanes=tuple(stored.lane for stored in state.lanes.values()),
        )

    async def lane(self, lane: Lane, at: BlockStamp) -> LaneView:
        """Read a lane; one that the gateway doesn't know is disabled, with zeros."""
        return lane_view(self._state(at), lane, self.endpoint.id, at.time)

    async def locks(self, lane: Lane, first: int, count: int, at: BlockStamp, *, open_only: bool = False) -> list[Lock]:
        """Read the source records of sequences [first, first + count) that exist at *at*, in order."""
        state, locks = self._state(at), []
        last = state.lanes[lane.id].last_sequence if lane.id in state.lanes else 0
        for place in ((lane.id, sequence) for sequence in range(first, min(first + count, last + 1))):
            transfer, stamp = state.locks[place]
            ending = state.endings.get(place, Ending.OPEN)
            pending = transfer.id in state.pending
            if not open_only or ending is Ending.OPEN:
                locks.append(Lock(transfer=transfer, ending=ending, pending=pending, stamp=stamp))
        return locks

    async def decisions(self, transfers: Sequence[Transfer], at: BlockStamp) -> list[Decision | None]:
        """Read the destination records; a place that another transfer took is SUPERSEDED (R-26)."""
        state = self._state(at)
        return [_decision(state, transfer) for transfer in transfers]

    async def eligibility(self, transfer: Transfer, at: BlockStamp) -> Reason:
        """Ask the gateway why it would not mint now; NONE if it would."""
        return Gateway(self.endpoint.id, self.endpoint.gateway, self._state(at), at).eligibility(transfer)

    async def supply(self, asset: AssetId, at: BlockStamp) -> SupplyView:
        """Read the five totals and the gateway's own balance."""
        state = self._state(at)
        if asset not in state.assets:
            msg = f"the gateway on {self.endpoint.ledger} does not know asset 0x{asset.hex()}: register it first"
            raise InvalidInputError(msg)
        return supply_view(state, asset, self.endpoint.gateway)

    async def asset(self, asset: AssetId, at: BlockStamp) -> AssetView:
        """Read an asset; one that the gateway doesn't know is disabled, with zeros."""
        return asset_view(self._state(at), asset)

    # --- LedgerWriter, for every account

    def prepare(self, account: Account, call: Call) -> PreparedTransaction:
        """Sign *call* as *account*, with its next free nonce; the call is tried at the newest block first."""
        head = self._blocks[-1]
        attempt(head.state, lambda state: self._gateway(state, head.stamp).call(call))
        nonce = head.state.nonces.get(account, 0)
        while (account, nonce) in self._waiting:
            nonce += 1
        reference = keccak(account + nonce.to_bytes(8) + _identity(call))
        transaction = PreparedTransaction(account=account, nonce=nonce, reference=reference, raw=reference)
        self._signed[reference] = _Signed(transaction=transaction, call=call)
        return transaction

    def submit(self, transaction: PreparedTransaction) -> None:
        """Let a transaction wait for the next block; one that is there already does no harm."""
        reference, key = transaction.reference, (transaction.account, transaction.nonce)
        if self._waiting.get(key) == reference or self.receipt(reference) is not None:
            return
        if transaction.nonce < self._blocks[-1].state.nonces.get(transaction.account, 0):
            raise LedgerRefusedError("NonceTooLow", str(transaction.nonce))
        if key in self._waiting:
            raise LedgerRefusedError("Underpriced", "another transaction waits with the same nonce")
        self._waiting[key] = reference

    def receipt(self, reference: bytes) -> Receipt | None:
        """Look whether a transaction is in a block."""
        height = self._mined_at.get(reference, len(self._blocks))
        return self._blocks[height].receipts.get(reference) if height < len(self._blocks) else None

    def drop_waiting(self) -> None:
        """Forget what waits for a block, as a node may at any moment, silently."""
        self._waiting.clear()

    # --- blocks

    def _next_stamp(self, seconds: int) -> BlockStamp:
        last = self._blocks[-1].stamp
        height, time = last.height + 1, last.time + seconds
        seed = last.hash + height.to_bytes(8) + time.to_bytes(8) + self._forks.to_bytes(8)
        return BlockStamp(height=height, hash=keccak(seed), time=time)

    def _ready(self, state: State) -> list[tuple[tuple[Account, int], bytes]]:
        """List what waits with its account's next nonce."""
        return [(key, ref) for key, ref in self._waiting.items() if key[1] == state.nonces.get(key[0], 0)]

    def _execute(self, state: State, signed: _Signed, stamp: BlockStamp) -> tuple[State, Receipt]:
        failures: Failures = ()
        succeeded = True
        try:
            state, failures = attempt(state, lambda copy: self._gateway(copy, stamp).call(signed.call))
        except LedgerRefusedError:
            state, succeeded = state.copy(), False
        state.nonces[signed.transaction.account] = signed.transaction.nonce + 1
        return state, Receipt(
            stamp=stamp,
            succeeded=succeeded,
            failures=tuple((failure.transfer_id, failure.reason) for failure in failures),
            releases=tuple((failure.transfer_id, failure.release) for failure in failures if failure.release),
        )

    def _govern(self, change: Callable[[State], object]) -> None:
        stamp, state = self._next_stamp(0), self._blocks[-1].state.copy()
        change(state)
        self._blocks.append(_Block(stamp=stamp, state=state, receipts={}))

    def _gateway(self, state: State, stamp: BlockStamp) -> Gateway:
        return Gateway(self.endpoint.id, self.endpoint.gateway, state, stamp)

    def _state(self, at: BlockStamp) -> State:
        if at.height >= len(self._blocks) or self._blocks[at.height].stamp != at:
            msg = f"the node of {self.endpoint.ledger} has no such block at height {at.height}"
            raise UnavailableError(msg)
        return self._blocks[at.height].state


class MemoryWriter:
    """LedgerWriter: one account on a MemoryLedger."""

    def __init__(self, ledger: MemoryLedger, account: Account) -> None:
        """Send to the gateway of *ledger* from *account*."""
        self._ledger = ledger
        self._account = account

    async def prepare(self, call: Call) -> PreparedTransaction:
        """Sign a transaction with the ledger's next free nonce; sends nothing."""
        return self._ledger.prepare(self._account, call)

    async def submit(self, transaction: PreparedTransaction) -> None:
        """Hand the transaction to the ledger."""
        self._ledger.submit(transaction)

    async def receipt(self, reference: bytes) -> Receipt | None:
        """Look whether the transaction is in a block; None while it isn't."""
        return self._ledger.receipt(reference)


def _identity(call: Call) -> bytes:
    if isinstance(call, Payout):
        return call.transfer.id
    attestation = call.attestation
    tried = b"".join(transfer.id for transfer in call.tried)
    return attestation.statement.digest + attestation.signature.to_bytes() + tried


def _decision(state: State, transfer: Transfer) -> Decision | None:
    decider = state.deciders.get((transfer.lane.id, transfer.sequence))
    if decider is None:
        return None
    decision = state.decided[decider]
    if decider == transfer.id:
        return decision
    return Decision(outcome=Outcome.REJECTED, reason=Reason.SUPERSEDED, stamp=decision.stamp)
