from dataclasses import replace
from random import Random

import pytest
from eth_typing import Address, Hash32

from bridge.devnet.ledger.errors import HistoryPrunedError, InvalidParamsError, TooManyResultsError
from bridge.devnet.ledger.logs import LogFilter, LogIndex
from bridge.devnet.ledger.records import LogEntry

A, B, C = (Address(bytes((number,)) * 20) for number in (1, 2, 3))
X, Y, Z = (bytes((number,)) * 32 for number in (7, 8, 9))


def entry(block: int, index: int, address: Address, *topics: bytes) -> LogEntry:
    return LogEntry(
        address=address,
        topics=topics,
        data=b"",
        block_number=block,
        block_hash=Hash32(block.to_bytes(32, "big")),
        transaction_hash=Hash32(bytes(32)),
        transaction_index=0,
        log_index=index,
    )


def index_of(*entries: LogEntry, results_max: int = 100) -> LogIndex:
    index = LogIndex(results_max)
    index.append(entries)
    return index


def wanted(*topics: frozenset[bytes]) -> LogFilter:
    return LogFilter(topics=topics)


ANY = frozenset[bytes]()
FIRST, SECOND, THIRD = entry(1, 0, A, X, Y), entry(1, 1, B, X), entry(3, 0, A, Z, Y)
INDEX = index_of(FIRST, SECOND, THIRD)


def test_without_conditions_everything_in_the_range_matches() -> None:
    assert INDEX.find(LogFilter(), 0, 9) == [FIRST, SECOND, THIRD]


def test_both_ends_of_the_range_are_included() -> None:
    assert INDEX.find(LogFilter(), 1, 1) == [FIRST, SECOND]
    assert INDEX.find(LogFilter(), 2, 3) == [THIRD]
    assert INDEX.find(LogFilter(), 2, 2) == []


def test_one_address_of_several_is_enough() -> None:
    assert INDEX.find(LogFilter(addresses=frozenset((B, C))), 0, 9) == [SECOND]
    assert INDEX.find(LogFilter(addresses=frozenset((A, B))), 0, 9) == [FIRST, SECOND, THIRD]


def test_topics_match_by_position() -> None:
    assert INDEX.find(wanted(frozenset((X,))), 0, 9) == [FIRST, SECOND]
    assert INDEX.find(wanted(frozenset((Y,))), 0, 9) == []
    assert INDEX.find(wanted(frozenset((X, Z))), 0, 9) == [FIRST, SECOND, THIRD]


def test_an_open_position_matches_any_topic_but_it_must_be_there() -> None:
    assert INDEX.find(wanted(ANY, frozenset((Y,))), 0, 9) == [FIRST, THIRD]
    assert INDEX.find(wanted(ANY, ANY), 0, 9) == [FIRST, THIRD]
    assert INDEX.find(wanted(ANY, ANY, ANY), 0, 9) == []


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidParamsError, match="invalid block range"):
        INDEX.find(LogFilter(), 2, 1)


def test_more_results_than_allowed_are_refused_not_cut() -> None:
    index = index_of(FIRST, SECOND, THIRD, results_max=2)
    assert len(index.find(LogFilter(), 1, 2)) == 2
    with pytest.raises(TooManyResultsError, match="query returned more than 2 results"):
        index.find(LogFilter(), 0, 9)


def test_pruned_blocks_are_refused_and_the_rest_stays() -> None:
    index = index_of(FIRST, SECOND, THIRD)
    index.prune(2)
    assert index.find(LogFilter(addresses=frozenset((A, B))), 2, 9) == [THIRD]
    assert len(index) == 1
    with pytest.raises(HistoryPrunedError, match="pruned history unavailable"):
        index.find(LogFilter(), 1, 9)


def test_the_index_answers_as_a_scan_does() -> None:
    random = Random(4)
    index, scan, number = LogIndex(10_000), list[LogEntry](), 0
    for number in range(200):
        made = [
            entry(number, place, random.choice((A, B, C)), *random.choices((X, Y, Z), k=random.randrange(4)))
            for place in range(random.randrange(4))
        ]
        index.append(made)
        scan += made
    for _ in range(300):
        first = random.randrange(200)
        last = random.randrange(first, 210)
        condition = LogFilter(
            addresses=frozenset(random.sample((A, B, C), random.randrange(3))),
            topics=tuple(frozenset(random.sample((X, Y, Z), random.randrange(3))) for _ in range(random.randrange(3))),
        )
        expected = [item for item in scan if first <= item.block_number <= last and condition.matches(item)]
        assert index.find(condition, first, last) == expected


def test_a_filter_is_a_value() -> None:
    assert replace(LogFilter(), addresses=frozenset((A,))) == LogFilter(addresses=frozenset((A,)))
