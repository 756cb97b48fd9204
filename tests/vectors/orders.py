"""Writes orders.json: Orders, their struct hashes and digests, that pytest and forge both check. `make vectors`."""

import json
import random
from pathlib import Path

from bridge.core.caip import Account, AssetId, Endpoint, EndpointId, ledger_id
from bridge.core.orders import ANYBODY, U32_MAX, U256_MAX, Order, order_domain_separator
from bridge.core.transfer import AMOUNT_MAX, U64_MAX

PATH = Path(__file__).with_name("orders.json")
SEED = 20261123


def build() -> dict[str, object]:
    """Make all vectors from one seed, extremes first."""
    rng = random.Random(SEED)
    gateways = [_endpoint(rng, chain_id) for chain_id in (1, 1337, 2**53 - 1)]
    orders = [(gateways[2], _extreme(gateways[2])), *(_drawn_by_lot(rng, gateways) for _ in range(15))]
    return {
        "source": "naru protocol.md, R-02",
        "gateways": [_gateway_row(gateway) for gateway in gateways],
        "orders": [_row(gateways.index(gateway), gateway, order) for gateway, order in orders],
    }


def text() -> str:
    """Lay the file out."""
    return json.dumps(build(), indent=1) + "\n"


def _endpoint(rng: random.Random, chain_id: int) -> Endpoint:
    return Endpoint(ledger=ledger_id(f"eip155:{chain_id}"), fingerprint=rng.randbytes(32), gateway=_account(rng))


def _account(rng: random.Random) -> Account:
    return Account(bytes(12) + rng.randbytes(20))


def _extreme(gateway: Endpoint) -> Order:
    account = Account(bytes(12) + b"\xff" * 20)
    return Order(
        source=gateway.id,
        destination=EndpointId(b"\xff" * 32),
        asset=AssetId(b"\xff" * 32),
        holder=account,
        recipient=Account(b"\xff" * 32),
        amount=AMOUNT_MAX,
        divisible=True,
        life=U32_MAX,
        client_reference=b"\xff" * 32,
        payload_hash=b"\xff" * 32,
        nonce=U256_MAX,
        expiry=U64_MAX,
        submitter=account,
    )


def _drawn_by_lot(rng: random.Random, gateways: list[Endpoint]) -> tuple[Endpoint, Order]:
    gateway, named = rng.choice(gateways), rng.random() < 2 / 3
    life = rng.choice((0, rng.randint(1, 86_400))) if named else 0
    order = Order(
        source=gateway.id,
        destination=EndpointId(rng.randbytes(32)),
        asset=AssetId(rng.randbytes(32)),
        holder=_account(rng),
        recipient=_account(rng),
        amount=rng.randint(1, 10**24),
        divisible=named and rng.random() < 1 / 2,
        deadline=0 if life else rng.randint(1_700_000_000, 2_000_000_000),
        life=life,
        client_reference=rng.choice((bytes(32), rng.randbytes(32))),
        payload_hash=rng.choice((bytes(32), rng.randbytes(32))),
        nonce=rng.getrandbits(rng.choice((8, 64, 256))) + 1,
        expiry=rng.randint(1_700_000_000, 2_000_000_000),
        submitter=_account(rng) if named else ANYBODY,
    )
    return gateway, order


def _gateway_row(gateway: Endpoint) -> dict[str, object]:
    return {
        "caip2": gateway.ledger,
        "fingerprint": _hex(gateway.fingerprint),
        "account": _hex(gateway.gateway),
        "id": _hex(gateway.id),
        "domainSeparator": _hex(order_domain_separator(gateway)),
    }


def _row(number: int, gateway: Endpoint, order: Order) -> dict[str, object]:
    return {
        "gateway": number,
        "typedData": order.typed_data(gateway),
        "structHash": _hex(order.struct_hash),
        "digest": _hex(order.digest(gateway)),
    }


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


if __name__ == "__main__":
    PATH.write_text(text())
