"""R-25, R-11: when a lane's locks are let out; and that no history has to be read further back than it matters."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.bucket import Bucket
from bridge.core.rate import Pace, Sent, Tally, Window, before, let_out, pass_on
from bridge.errors import InvalidInputError

NOW = 1_800_000_000
DAY_S = 86_400
PACE = Pace(capacity=100, refill_s=100, horizon_s=1000)

paces = st.builds(
    Pace,
    capacity=st.integers(0, 300),
    refill_s=st.integers(1, 60),
    horizon_s=st.integers(0, 120),
    windows=st.lists(st.builds(Window, amount_max=st.integers(1, 300), seconds=st.integers(1, 50)), max_size=2).map(
        tuple
    ),
)


def sent_after(steps: Sequence[tuple[int, int]]) -> list[Sent]:
    """Locks from sequence 1 on, each so many seconds after the last one, with its amount."""
    time, locks = NOW, []
    for sequence, (pause, amount) in enumerate(steps, 1):
        time += pause
        locks.append(Sent(sequence=sequence, time=time, amount=amount))
    return locks


histories = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 150)), min_size=1, max_size=60).map(sent_after)


def replayed(pace: Pace, locks: Sequence[Sent]) -> list[int | None]:
    """All times, from what stands in *locks* only."""
    bounds, times = before(pace, locks[0]), list[int | None]()
    for sent in locks:
        bounds, time = let_out(pace, bounds, sent)
        times.append(time)
    return times


def test_a_full_bucket_lets_its_capacity_out_at_once_and_the_rest_as_it_fills() -> None:
    locks = sent_after([(0, 60), (0, 40), (0, 10), (5, 20)])

    assert replayed(PACE, locks) == [NOW, NOW, NOW + 10, NOW + 30]


def test_after_a_refill_without_locks_the_bucket_is_full_again() -> None:
    locks = sent_after([(0, 100), (100, 100), (99, 100)])

    assert replayed(PACE, locks) == [NOW, NOW + 100, NOW + 200]


def test_a_window_lets_no_more_out_than_its_sum_and_begins_anew() -> None:
    pace = replace(PACE, capacity=10**6, windows=(Window(amount_max=50, seconds=60),))
    start = NOW - NOW % 60
    locks = [Sent(sequence=n, time=start + 10, amount=a) for n, a in enumerate((30, 20, 30, 21, 1), 1)]

    assert replayed(pace, locks) == [start + 10, start + 10, start + 60, start + 120, start + 120]


def test_a_lane_without_a_bucket_lets_nothing_out_before_any_deadline() -> None:
    locks = sent_after([(0, 1), (7, 1)])

    assert replayed(replace(PACE, capacity=0), locks) == [lock.time + PACE.horizon_s for lock in locks]


@pytest.mark.parametrize("pace", [PACE, replace(PACE, windows=(Window(amount_max=100, seconds=10),))])
def test_what_no_limit_ever_lets_out_takes_nothing_from_the_others(pace: Pace) -> None:
    locks = sent_after([(0, 101), (0, 100)])

    assert replayed(pace, locks) == [NOW + PACE.horizon_s, NOW]


def test_what_is_too_far_behind_is_out_of_time_and_keeps_the_limit_full_no_longer_than_the_horizon() -> None:
    pace = replace(PACE, horizon_s=10, windows=(Window(amount_max=100, seconds=5),))
    crowd = [(0, 50)] * 20
    times = replayed(pace, sent_after([*crowd, (500, 50)]))

    assert set(times[2:20]) <= {NOW + 5, NOW + 10}
    assert times[-1] == NOW + 500


@pytest.mark.parametrize(("amount_max", "seconds"), [(0, 1), (1, 0), (1, 2**32)])
def test_a_window_that_lets_nothing_out_is_refused(amount_max: int, seconds: int) -> None:
    with pytest.raises(InvalidInputError, match="lets nothing out"):
        Window(amount_max=amount_max, seconds=seconds)


@given(paces, histories)
def test_what_is_let_out_always_fits_the_bucket_of_the_destination(pace: Pace, locks: list[Sent]) -> None:
    """R-25: never faster than the inbound bucket, if each is minted as soon as it is approved."""
    bucket = Bucket(capacity=pace.capacity, refill_s=pace.refill_s)
    for sent, time in zip(locks, replayed(pace, locks), strict=True):
        assert time is not None
        assert sent.time <= time <= sent.time + pace.horizon_s
        if time < sent.time + pace.horizon_s:
            after = bucket.take(sent.amount, time)
            assert after is not None
            bucket = after


@given(paces, histories)
def test_no_window_lets_out_more_than_its_sum(pace: Pace, locks: list[Sent]) -> None:
    for window in pace.windows:
        alone = replace(pace, capacity=10**9, windows=(window,))
        sums: dict[int, int] = {}
        for sent, time in zip(locks, replayed(alone, locks), strict=True):
            assert time is not None
            if time < sent.time + pace.horizon_s:
                sums[time // window.seconds] = sums.get(time // window.seconds, 0) + sent.amount
        assert max(sums.values(), default=0) <= window.amount_max


@given(paces, histories)
def test_locks_come_out_in_their_order(pace: Pace, locks: list[Sent]) -> None:
    out = [t for sent, t in zip(locks, replayed(pace, locks), strict=True) if t and t < sent.time + pace.horizon_s]

    assert out == sorted(out)


@given(paces, histories, st.integers(0, 59))
def test_a_look_back_says_what_the_whole_history_says_or_that_it_does_not_know(
    pace: Pace, locks: list[Sent], skipped: int
) -> None:
    """The bound on the look-back is sound: from whichever lock on one reads, no time that it gives is another one."""
    tail = locks[min(skipped, len(locks) - 1) :]
    whole = replayed(pace, locks)[-len(tail) :]

    assert all(time in (None, exact) for time, exact in zip(replayed(pace, tail), whole, strict=True))


@given(paces, histories)
def test_after_a_quiet_horizon_and_refill_the_past_does_not_matter(pace: Pace, locks: list[Sent]) -> None:
    """The look-back ends: at the latest there, the whole history's times are known without it."""
    quiet = pace.horizon_s + pace.refill_s + max((w.seconds for w in pace.windows), default=0)
    first = Sent(sequence=1000, time=locks[0].time - quiet, amount=1)
    later = [replace(lock, sequence=lock.sequence + 1000) for lock in locks]

    assert None not in replayed(pace, [first, *later])[1:]


@given(paces, histories, st.integers(0, 10**6), st.integers(0, 300))
def test_from_a_fuller_state_comes_a_fuller_state_and_a_later_time(
    pace: Pace, locks: list[Sent], seconds: int, used: int
) -> None:
    """What the look-back rests on: every step is monotone, and the fullest state bounds every other."""
    bounds = before(pace, replace(locks[0], sequence=2))
    for sent in locks:
        between = _between(bounds.low, bounds.high, seconds, used)
        after, time = pass_on(pace, between, sent)
        (low, earliest), (high, latest) = pass_on(pace, bounds.low, sent), pass_on(pace, bounds.high, sent)
        assert _ordered(low, after)
        assert _ordered(after, high)
        assert earliest <= time <= latest
        bounds, _ = let_out(pace, bounds, sent)


def _between(low: Tally, high: Tally, seconds: int, used: int) -> Tally:
    windows = tuple(min(h, max(lo, (lo[0] + seconds, used))) for lo, h in zip(low.windows, high.windows, strict=True))
    return Tally(windows=windows, full_at=min(high.full_at, low.full_at + (seconds << 16)))


def _ordered(less: Tally, more: Tally) -> bool:
    windows = all(a <= b for a, b in zip(less.windows, more.windows, strict=True))
    return windows and less.full_at <= more.full_at
