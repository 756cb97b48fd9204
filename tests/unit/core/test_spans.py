"""Spans cover what is wanted, and little else."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.spans import GAP_MAX, LEN_MAX, Span, spans

SEQUENCES = st.lists(st.integers(1, 5000), max_size=200)


@given(SEQUENCES)
def test_every_sequence_is_in_exactly_one_span(sequences: list[int]) -> None:
    covered = [s for span in spans(sequences) for s in range(span.first, span.first + span.count)]

    assert len(covered) == len(set(covered))
    assert set(sequences) <= set(covered)


@given(SEQUENCES)
def test_spans_are_bounded_start_and_end_with_a_wanted_sequence_and_hold_no_long_gap(sequences: list[int]) -> None:
    for span in spans(sequences):
        inside = sorted(s for s in set(sequences) if span.first <= s < span.first + span.count)

        assert 0 < span.count <= LEN_MAX
        assert (inside[0], inside[-1]) == (span.first, span.first + span.count - 1)
        assert all(b - a <= GAP_MAX + 1 for a, b in pairwise(inside))


def test_neighbours_share_a_read_and_strangers_do_not() -> None:
    assert spans([7, 5, 6, 6]) == [Span(5, 3)]
    assert spans([1, 2 + GAP_MAX]) == [Span(1, 2 + GAP_MAX)]
    assert spans([1, 3 + GAP_MAX]) == [Span(1, 1), Span(3 + GAP_MAX, 1)]
    assert spans([]) == []


def test_a_long_run_is_cut_where_one_read_ends() -> None:
    assert spans(range(1, 2 * LEN_MAX + 2)) == [Span(1, LEN_MAX), Span(LEN_MAX + 1, LEN_MAX), Span(2 * LEN_MAX + 1, 1)]
