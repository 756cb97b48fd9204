"""Writes statements.json: ids and digests that pytest and forge both check. Run as a module to write it anew."""

import json
import random
from pathlib import Path

from bridge.core.caip import Account, AssetId, Endpoint, EndpointId, asset_id, ledger_id
from bridge.core.statements import Epoch, Item, Kind, Statement
from bridge.core.transfer import AMOUNT_MAX, U64_MAX, Lane, Transfer

PATH = Path(__file__).with_name("statements.json")
SEED = 20261122


def build() -> dict[str, object]:
    """Make all vectors from one seed, extremes first."""
    rng = random.Random(SEED)
    endpoints = [_endpoint(rng, n) for n in (1, 1337, 8217, 2**63)]
    assets = ["isin:KR7005930003", "isin:KR7000660001", "isin:US0378331005"]
    transfers = [_extreme(endpoints, asset_id(assets[0])), *(_random(rng, endpoints, assets) for _ in range(20))]
    return {
        "source": "naru protocol.md, sections 1 and 3",
        "assets": [{"text": text, "id": _hex(asset_id(text))} for text in assets],
        "endpoints": [_endpoint_row(e) for e in endpoints],
        "lanes": [_lane_row(t.lane) for t in transfers[:5]],
        "transfers": [{"terms": _terms(t), "id": _hex(t.id)} for t in transfers],
        "statements": [_statement_row(_statement(rng, kind, transfers)) for kind in Kind for _ in range(5)],
    }


def text() -> str:
    """Lay the file out."""
    return json.dumps(build(), indent=1) + "\n"


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _endpoint(rng: random.Random, chain_id: int) -> Endpoint:
    return Endpoint(
        ledger=ledger_id(f"eip155:{chain_id}"),
        fingerprint=rng.randbytes(32),
        gateway=Account(bytes(12) + rng.randbytes(20)),
    )


def _extreme(endpoints: list[Endpoint], asset: AssetId) -> Transfer:
    account = Account(bytes(12) + b"\xff" * 20)
    return Transfer(
        source=endpoints[0].id,
        destination=endpoints[1].id,
        sequence=U64_MAX,
        asset=asset,
        sender=account,
        recipient=account,
        amount=AMOUNT_MAX,
        deadline=U64_MAX,
        client_reference=b"\xff" * 32,
        payload_hash=b"\xff" * 32,
    )


def _random(rng: random.Random, endpoints: list[Endpoint], assets: list[str]) -> Transfer:
    source, destination = rng.sample(endpoints, 2)
    return Transfer(
        source=source.id,
        destination=destination.id,
        sequence=rng.randint(1, 10_000),
        asset=asset_id(rng.choice(assets)),
        sender=Account(bytes(12) + rng.randbytes(20)),
        recipient=Account(bytes(12) + rng.randbytes(20)),
        amount=rng.randint(1, 10**24),
        deadline=rng.randint(1_700_000_000, 2_000_000_000),
        client_reference=rng.choice((bytes(32), rng.randbytes(32))),
        payload_hash=rng.choice((bytes(32), rng.randbytes(32))),
    )


def _statement(rng: random.Random, kind: Kind, transfers: list[Transfer]) -> Statement:
    codes = {Kind.LOCKED: [0], Kind.REFUSED: [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14], Kind.OUTCOME: [1, 2, 3]}[kind]
    chosen = rng.sample(transfers, rng.randint(1, 10))
    items = tuple(Item(transfer_id=t.id, code=rng.choice(codes)) for t in chosen)
    return Statement(kind=kind, verifier=EndpointId(rng.randbytes(32)), epoch=Epoch(rng.randint(1, 9)), items=items)


def _endpoint_row(endpoint: Endpoint) -> dict[str, str]:
    return {
        "caip2": endpoint.ledger,
        "fingerprint": _hex(endpoint.fingerprint),
        "account": _hex(endpoint.gateway),
        "id": _hex(endpoint.id),
    }


def _lane_row(lane: Lane) -> dict[str, str]:
    return {
        "source": _hex(lane.source),
        "destination": _hex(lane.destination),
        "asset": _hex(lane.asset),
        "id": _hex(lane.id),
    }


def _terms(transfer: Transfer) -> dict[str, str]:
    return {
        "source": _hex(transfer.source),
        "destination": _hex(transfer.destination),
        "sequence": str(transfer.sequence),
        "asset": _hex(transfer.asset),
        "sender": _hex(transfer.sender),
        "recipient": _hex(transfer.recipient),
        "amount": str(transfer.amount),
        "deadline": str(transfer.deadline),
        "clientReference": _hex(transfer.client_reference),
        "payloadHash": _hex(transfer.payload_hash),
    }


def _statement_row(statement: Statement) -> dict[str, object]:
    return {
        "kind": statement.kind.value,
        "salt": _hex(statement.verifier),
        "epoch": str(statement.epoch),
        "transfers": [_hex(item.transfer_id) for item in statement.items],
        "codes": _hex(statement.codes),
        "digest": _hex(statement.digest),
    }


if __name__ == "__main__":
    PATH.write_text(text())
