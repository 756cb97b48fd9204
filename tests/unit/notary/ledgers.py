"""Two ledgers in memory with a lane between them, and nodes that look at them: what a notary's eyes are tried on."""

from collections.abc import Sequence

from bridge.adapters.memory.gateway import Limits, LockTerms
from bridge.adapters.memory.ledger import START_S, MemoryLedger
from bridge.adapters.memory.runtime import ManualClock
from bridge.core.caip import Account, LedgerId, asset_id
from bridge.core.keccak import keccak
from bridge.core.transfer import Lane, Transfer
from bridge.ports.ledger import Payout, Submission
from tests.committee import EPOCH, dealing
from tests.scenarios.faults import FalseNode

ASSET = asset_id("isin:KR7900010013")


def account(name: str) -> Account:
    return Account(bytes(12) + keccak(name.encode())[:20])


ALICE, BOB, RELAYER = account("alice"), account("bob"), account("relayer")


class Pair:
    """alpha and beta, and one lane from alpha to beta; alice holds units on alpha, bob may receive on beta."""

    def __init__(self, *, finality_depth: int = 0, start: int = START_S) -> None:
        self.clock = ManualClock(float(start))
        self.alpha = MemoryLedger(LedgerId("book:alpha"), finality_depth=finality_depth, start=start)
        self.beta = MemoryLedger(LedgerId("book:beta"), finality_depth=finality_depth, start=start)
        self.lane = Lane(source=self.alpha.endpoint.id, destination=self.beta.endpoint.id, asset=ASSET)
        for ledger in (self.alpha, self.beta):
            ledger.register_key(EPOCH, dealing().public_key_package.group_public_key)
            ledger.add_asset(ASSET, ALICE, BOB)
            ledger.open_lane(self.lane, Limits())
        self.alpha.issue(ASSET, ALICE, 1_000_000)

    def lock(self, amount: int) -> Transfer:
        deadline = int(self.clock.now()) + 10_000
        terms = LockTerms(lane=self.lane, sender=ALICE, recipient=BOB, amount=amount, deadline=deadline)
        return self.alpha.lock(terms)

    def send(self, ledger: MemoryLedger, call: Submission | Payout) -> None:
        ledger.submit(ledger.prepare(RELAYER, call))
        ledger.mine()


def nodes_of(ledger: MemoryLedger, count: int = 3) -> list[FalseNode]:
    return [FalseNode(ledger, f"node {number}") for number in range(1, count + 1)]


def asked(nodes: Sequence[FalseNode]) -> list[str]:
    """Tell what was asked of all nodes since the last time."""
    told = [question for node in nodes for question in node.asked]
    for node in nodes:
        node.asked.clear()
    return told
