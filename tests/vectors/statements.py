"""Writes statements.json: type hashes, ids and digests that pytest and forge both check. `make vectors`.

What the bridge signs is made by bridge/core; the committee's other statements and the register's, by eth_account.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from bridge.core.caip import Account, AssetId, Endpoint, EndpointId, asset_id, ledger_id
from bridge.core.statements import DOMAIN_TYPE, TYPES, Epoch, Item, Kind, Statement
from bridge.core.transfer import AMOUNT_MAX, TRANSFER_TYPE, U64_MAX, Lane, Transfer

PATH = Path(__file__).with_name("statements.json")
SEED = 20261122
FURTHER_TYPES = (
    "Handover(uint64 epoch,uint256 px,uint256 py)",
    "Closed(uint64 epoch,bytes32 endpoint)",
    "Issue(bytes32 endpoint,bytes32 asset,uint64 number,uint256 issued)",
    "Closing(bytes32 asset,bytes32 endpoint)",
    "Ended(bytes32 asset,bytes32[] transfers,bytes outcomes)",
)
ALL_TYPES = (DOMAIN_TYPE, TRANSFER_TYPE, *TYPES.values(), *FURTHER_TYPES)
Value = int | bytes | Sequence[bytes]


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
        "types": {_name(text): _type_row(text) for text in ALL_TYPES},
        "further": [_further_row(rng, text, most=number == 0) for text in FURTHER_TYPES for number in range(5)],
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


def _name(text: str) -> str:
    return text.partition("(")[0]


def _type_row(text: str) -> dict[str, str]:
    return {"type": text, "hash": _hex(keccak(text.encode()))}


def _further_row(rng: random.Random, text: str, *, most: bool) -> dict[str, object]:
    """Fill a statement's fields by lot, or with the most that they hold."""
    salt = rng.randbytes(32)
    fields, count = _fields(text), 12 if most else rng.randint(1, 5)
    values = (_most(rng, f["type"], count) if most else _by_lot(rng, f["type"], count) for f in fields)
    message = dict(zip((f["name"] for f in fields), values, strict=True))
    signable = encode_typed_data(
        full_message={
            "types": {"EIP712Domain": _fields(DOMAIN_TYPE), _name(text): fields},
            "primaryType": _name(text),
            "domain": {"name": "Naru", "version": "1", "salt": salt},
            "message": message,
        }
    )
    return {
        "kind": _name(text),
        "salt": _hex(salt),
        "message": {name: _json(value) for name, value in message.items()},
        "structHash": _hex(signable.body),
        "digest": _hex(keccak(b"\x19" + signable.version + signable.header + signable.body)),
    }


def _fields(text: str) -> list[dict[str, str]]:
    pairs = [part.split(" ") for part in text.partition("(")[2].removesuffix(")").split(",")]
    return [{"name": name, "type": kind} for kind, name in pairs]


def _most(rng: random.Random, kind: str, count: int) -> Value:
    match kind:
        case "uint64":
            return U64_MAX
        case "uint256":
            return 2**256 - 1
        case "bytes32":
            return b"\xff" * 32
        case _:
            return _by_lot(rng, kind, count)


def _by_lot(rng: random.Random, kind: str, count: int) -> Value:
    match kind:
        case "uint64" | "uint256":
            return rng.getrandbits(rng.choice((8, 32, int(kind.removeprefix("uint")))))
        case "bytes32":
            return rng.randbytes(32)
        case "bytes32[]":
            return [rng.randbytes(32) for _ in range(count)]
        case _:  # bytes: outcomes
            return bytes(rng.randint(1, 3) for _ in range(count))


def _json(value: Value) -> str | list[str]:
    if isinstance(value, int):
        return str(value)
    return _hex(value) if isinstance(value, bytes) else [_hex(item) for item in value]


if __name__ == "__main__":
    PATH.write_text(text())
