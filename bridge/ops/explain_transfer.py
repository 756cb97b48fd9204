"""Why a transfer waits or was refused, in the tokens' own words: by both gateways' nodes, not by a relayer's view."""

from dataclasses import dataclass
from typing import Final

from bridge.adapters.evm.asking import last_failure, mint_error, payout_error
from bridge.adapters.evm.node import Node
from bridge.config import LedgerConfig
from bridge.core.reasons import EXPLANATIONS, Reason
from bridge.core.records import Destination, Source
from bridge.core.refusals import Reading, Refusals, selector
from bridge.errors import UnavailableError
from bridge.ops.client import Names
from bridge.ops.nodes import node_of
from bridge.ports.store import TransferRecord

NOTHING_PENDING: Final = "0x" + selector("NothingPending(bytes32)").hex()
DECIDED_OTHERWISE: Final = frozenset({Destination.REJECTED, Destination.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was asked, what came of it, and the error behind it, if there is one."""

    about: str
    answer: str
    reading: Reading | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Write it for a person."""
        more = self.reading.lines if self.reading else ()
        return (f"{self.about}: {self.answer}", *(f"  {line}" for line in more))

    @property
    def as_json(self) -> dict[str, object]:
        """Write it for a machine."""
        row: dict[str, object] = {"about": self.about, "answer": self.answer}
        if self.reading is None:
            return row
        meaning = self.reading.meaning
        told = {"en": meaning.english, "ko": meaning.korean, "who": meaning.who} if meaning else None
        return row | {"error": self.reading.said, "selector": self.reading.selector, "meaning": told}


async def explain(record: TransferRecord, names: Names, refusals: Refusals) -> list[Said]:
    """Ask both gateways of a transfer; one that doesn't answer is said not to.

    Raises:
        ConfigError: a node is of another chain.
    """
    found = [_recorded(record)]
    source, destination = (names.ledger_of(end) for end in (record.transfer.source, record.transfer.destination))
    for about, ledger, ask in (("destination", destination, _at_destination), ("source", source, _at_source)):
        if ledger is None:
            found.append(Said(about=about, answer="no ledger of this configuration"))
            continue
        try:
            async with node_of(ledger) as node:
                found += await ask(node, ledger, record, refusals)
        except UnavailableError as error:
            found.append(Said(about=ledger.name, answer=f"can't be asked: {error}"))
    return found


def _recorded(record: TransferRecord) -> Said:
    explanation = EXPLANATIONS[record.reason]
    answer = f"{record.reason.name}: {explanation.english} {explanation.korean} {explanation.action}"
    return Said(about="recorded", answer=answer)


async def _at_destination(node: Node, ledger: LedgerConfig, record: TransferRecord, refusals: Refusals) -> list[Said]:
    found = []
    failure = await last_failure(node, ledger.endpoint, record.id)
    if failure is not None:
        height, reason, error = failure
        about = f"{ledger.name}, last try to mint, at height {height}"
        found.append(Said(about=about, answer=_named(reason), reading=refusals.read(error)))
    if record.destination is Destination.MINTED:
        return found
    error = await mint_error(node, ledger.endpoint, record.transfer)
    answer = "it would not be minted" if error else "nothing stands against the mint at its token"
    if record.destination in DECIDED_OTHERWISE:
        answer += f"; it is decided, as {record.destination}, for ever"
    about = f"{ledger.name}, asked now"
    return [*found, Said(about=about, answer=answer, reading=refusals.read(error) if error else None)]


async def _at_source(node: Node, ledger: LedgerConfig, record: TransferRecord, refusals: Refusals) -> list[Said]:
    """Tell why a payout waits (R-31); the gateway answers NothingPending where none does."""
    if record.source not in {Source.COMMITTED, Source.RELEASED}:
        return []
    error = await payout_error(node, ledger.endpoint, record.transfer)
    about = f"{ledger.name}, its payout asked now"
    if not error:
        return [Said(about=about, answer="it would pass")]
    reading = refusals.read(error)
    if reading.selector == NOTHING_PENDING:
        return []
    return [Said(about=about, answer="the token refuses it", reading=reading)]


def _named(reason: Reason) -> str:
    return f"{reason.name}: {EXPLANATIONS[reason].english}"
