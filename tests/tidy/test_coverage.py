"""`make coverage` counts what forge reached of the contracts' own sources, and names the rest."""

from tests.tidy import coverage

LCOV = """TN:
SF:src/Gateway.sol
DA:7,3
DA:8,0
BRDA:7,0,0,3
BRDA:7,0,1,-
end_of_record
SF:src/samples/PlainToken.sol
DA:1,0
end_of_record
SF:test/Base.sol
DA:1,0
end_of_record
"""


def test_only_the_contracts_own_sources_count() -> None:
    assert list(coverage.parse(LCOV)) == ["Gateway.sol"]


def test_a_branch_that_was_never_come_to_is_not_reached() -> None:
    reached = coverage.parse(LCOV)["Gateway.sol"]
    assert reached.lines == {7: 3, 8: 0}
    assert list(reached.branches.values()) == [3, 0]


def test_what_is_not_reached_is_named_by_file_and_line() -> None:
    files = coverage.parse(LCOV)
    assert list(coverage.unreached(files)) == ["Gateway.sol:7", "Gateway.sol:8"]
    assert coverage.percent(coverage.totals(files)["lines"]) == 50


def test_a_file_with_two_records_counts_once() -> None:
    twice = coverage.parse(LCOV + "SF:src/Gateway.sol\nDA:8,1\nend_of_record\n")
    assert twice["Gateway.sol"].lines == {7: 3, 8: 1}
