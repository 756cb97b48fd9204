"""Transcripts are read as they were written, and a changed or missing one is noticed (threshold.md, pitfall 8)."""

import asyncio
import json

import pytest

from bridge.adapters.memory.lines import MemoryLineLog
from bridge.committee.transcript import Transcript, TranscriptLog, culprits, read
from bridge.core.statements import Closed, Epoch, Handover, Kind, Signable, Trial
from bridge.errors import InvalidInputError
from tests.committee import statement
from tests.conformance.samples import transfer
from tests.unit.committee.members import EPOCH, Cheating, Table, cards, dealing
from tests.unit.committee.test_session import ALL, VERIFIER, sign

SIGNABLES: list[Signable] = [
    statement(Kind.LOCKED, VERIFIER, {transfer(1).id: 0, transfer(2).id: 0}),
    statement(Kind.REFUSED, VERIFIER, {transfer(1).id: 10}),
    Handover(verifier=VERIFIER, epoch=Epoch(2), px=5, py=7),
    Closed(verifier=VERIFIER, epoch=EPOCH, endpoint=VERIFIER),
    Trial(epoch=EPOCH, session=bytes(range(32)), subset=7),
]


def lines_of(*numbers: int) -> list[str]:
    """Have lists signed at a table with a cheat, and give what was kept."""
    table = Table({2: Cheating})

    async def scenario() -> None:
        for number in numbers:
            await sign(table, number)

    asyncio.run(scenario())
    return table.lines.kept


@pytest.mark.parametrize("signable", SIGNABLES, ids=lambda s: type(s).__name__)
def test_what_is_read_is_what_was_kept(signable: Signable) -> None:
    log = MemoryLineLog()
    kept = Transcript(
        at=1.5, signable=signable, sessions=(), failures={ALL[0]: "SILENT: 응답 없음"}, signature=None, signers=()
    )
    TranscriptLog(log).keep(kept)

    assert read(log.kept) == [kept]


def test_sessions_are_read_as_they_were_kept() -> None:
    lines = lines_of(1, 2)
    again = MemoryLineLog()
    for told in read(lines):
        TranscriptLog(again).keep(told)

    assert again.kept == lines


def test_the_oldest_may_be_gone_and_no_other() -> None:
    lines = lines_of(1, 2, 3)

    assert len(read(lines[1:])) == 2
    with pytest.raises(InvalidInputError, match="line 2 does not follow"):
        read([lines[0], lines[2]])


def test_a_changed_line_is_noticed() -> None:
    lines = lines_of(1, 2)
    changed = lines[0].replace("BAD_SHARE", "SILENT")

    assert changed != lines[0]
    with pytest.raises(InvalidInputError, match="line 2 does not follow"):
        read([changed, lines[1]])


def test_another_list_under_the_digest_is_noticed() -> None:
    """Nobody can be shown to have signed wrongly for what they never saw."""
    fields = json.loads(lines_of(1)[0])
    fields["signed"]["items"][0][0] = transfer(2).id.hex()

    with pytest.raises(InvalidInputError, match="its digest is not the statement's"):
        read([json.dumps(fields)])


@pytest.mark.parametrize("line", ["", "{}", "[]", "1", '{"previous": 1}', "no JSON"])
def test_what_is_no_transcript_is_refused(line: str) -> None:
    with pytest.raises(InvalidInputError, match="line 1 is no transcript"):
        read([line])


def test_a_share_is_nobody_s_fault_without_its_maker_s_signature() -> None:
    (told,) = read(lines_of(1))
    keys = dealing().public_key_package

    assert culprits(told, keys, cards(4)) == {2}
    others = {ALL[1]: cards(4)[ALL[0]], **{member: cards(4)[member] for member in ALL if member != ALL[1]}}
    assert culprits(told, keys, others) == frozenset()
    assert culprits(told, keys, {}) == frozenset()
