"""The totals of every asset on every ledger of a network, each at that ledger's own finalised head (INV-4, INV-9)."""

from dataclasses import dataclass

from bridge.adapters.evm.node import Node
from bridge.adapters.evm.reader import EvmReader
from bridge.config import AssetConfig, ClientConfig, LedgerConfig
from bridge.core.conservation import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One asset on one ledger."""

    ledger: str
    asset: str
    decimals: int
    height: int
    totals: Totals


async def audit(config: ClientConfig) -> list[AuditLine]:
    """Read all totals, ledger by ledger.

    Raises:
        UnavailableError: a node does not answer.
    """
    lines = []
    for ledger in config.ledgers:
        node = Node(ledger.nodes[0], finality=ledger.finality)
        try:
            lines += [await _line(node, ledger, asset) for asset in config.assets]
        finally:
            await node.close()
    return lines


async def _line(node: Node, ledger: LedgerConfig, asset: AssetConfig) -> AuditLine:
    reader = EvmReader(node, ledger.endpoint)
    head = await reader.head()
    view = await reader.supply(asset.id, head)
    issued = next((token.issued for token in asset.tokens if token.ledger == ledger.name), 0)
    totals = Totals(
        issued=issued,
        supply=view.supply,
        minted=view.minted,
        burned=view.burned,
        reminted=view.reminted,
        held=view.held,
        balance=view.balance,
    )
    return AuditLine(ledger=ledger.name, asset=asset.name, decimals=asset.decimals, height=head.height, totals=totals)
