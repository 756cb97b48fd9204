"""What a gateway in memory tells of lanes and assets, from the state of one block."""

from typing import Final

from bridge.adapters.memory.gateway import LaneState, Limits, State
from bridge.core.bucket import Bucket
from bridge.core.caip import Account, AssetId, EndpointId
from bridge.core.transfer import Lane
from bridge.ports.ledger import AssetView, LaneView, SupplyView

NONE: Final = Limits(
    amount_min=0,
    amount_max=0,
    deadline_min_s=0,
    deadline_max_s=0,
    capacity=0,
    refill_s=0,
    large_amount=0,
    large_delay_s=0,
)
NO_BUCKET: Final = Bucket(capacity=0, refill_s=0)


def lane_view(state: State, lane: Lane, here: EndpointId, now: int) -> LaneView:
    """Show *lane* as the gateway *here* knows it at *now* (unix seconds): its own half only."""
    stored = state.lanes.get(lane.id, LaneState(lane=lane, limits=NONE, bucket=NO_BUCKET, enabled=False))
    outbound = stored.limits if lane.source == here else NONE
    inbound = stored.limits if lane.destination == here else NONE
    return LaneView(
        enabled=stored.enabled,
        paused=stored.is_paused(now),
        next_sequence=stored.last_sequence + 1,
        amount_min=outbound.amount_min,
        amount_max=outbound.amount_max,
        deadline_min_s=outbound.deadline_min_s,
        deadline_max_s=outbound.deadline_max_s,
        locked=stored.locked,
        committed=stored.committed,
        released=stored.released,
        capacity=inbound.capacity,
        refill_s=inbound.refill_s,
        large_amount=inbound.large_amount,
        large_delay_s=inbound.large_delay_s,
        headroom=stored.bucket.headroom(now) if inbound is not NONE else 0,
        minted=stored.minted,
    )


def supply_view(state: State, asset: AssetId, gateway: Account) -> SupplyView:
    """Show the totals of *asset*, which the gateway knows, and what *gateway* holds."""
    token, lanes = state.assets[asset], _lanes(state, asset)
    still_open = sum(stored.locked - stored.committed - stored.released for stored in lanes)
    return SupplyView(
        supply=token.supply,
        minted=sum(stored.minted for stored in lanes),
        burned=sum(stored.committed for stored in lanes) - token.pending_burn,
        reminted=0,  # ESCROW pays back what it held
        held=still_open + token.pending_burn + token.pending_pay,
        balance=state.balances.get((asset, gateway), 0),
    )


def asset_view(state: State, asset: AssetId) -> AssetView:
    """Show *asset* for R-11's account; one that the gateway doesn't know is disabled, with zeros."""
    token = state.assets.get(asset)
    if token is None:
        return AssetView(enabled=False, issue_number=0, issued=0, sent=0, received=0)
    lanes = _lanes(state, asset)
    return AssetView(
        enabled=True,
        issue_number=token.issue_number,
        issued=token.issued,
        sent=sum(stored.locked - stored.released for stored in lanes),
        received=sum(stored.minted for stored in lanes),
    )


def _lanes(state: State, asset: AssetId) -> list[LaneState]:
    return [stored for stored in state.lanes.values() if stored.lane.asset == asset]
