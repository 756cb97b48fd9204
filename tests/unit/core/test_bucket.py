"""R-25: what a lane's bucket lets through."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.bucket import UNIT, Bucket

NOW = 1_800_000_000
DAY_S = 86_400
buckets = st.builds(
    Bucket,
    capacity=st.integers(1, 2**127 - 1),
    refill_s=st.integers(1, 2**32 - 1),
    full_at=st.integers(0, (NOW + 2**32) << UNIT),
)


def taken(bucket: Bucket, amount: int, now: int) -> Bucket:
    left = bucket.take(amount, now)
    assert left is not None
    return left


def test_a_new_bucket_is_full_and_lets_no_more_through_than_its_capacity() -> None:
    bucket = Bucket(capacity=100, refill_s=DAY_S)
    assert bucket.headroom(NOW) == 100
    assert bucket.take(101, NOW) is None
    empty = taken(bucket, 100, NOW)
    assert empty.headroom(NOW) == 0
    assert empty.take(1, NOW) is None


def test_it_fills_with_time_and_never_above_its_capacity() -> None:
    empty = taken(Bucket(capacity=100, refill_s=DAY_S), 100, NOW)
    assert [empty.headroom(NOW + DAY_S * part // 4) for part in range(6)] == [0, 25, 50, 75, 100, 100]
    assert empty.take(26, NOW + DAY_S // 4) is None
    assert taken(empty, 25, NOW + DAY_S // 4).headroom(NOW + DAY_S // 4) == 0


def test_a_lane_without_a_bucket_lets_nothing_through() -> None:
    none = Bucket(capacity=0, refill_s=0)
    assert (none.headroom(NOW), none.take(1, NOW)) == (0, None)


def test_a_changed_bucket_is_as_many_seconds_from_full_as_it_was_but_no_further_than_empty() -> None:
    half = taken(Bucket(capacity=100, refill_s=100), 50, NOW)
    assert half.resized(capacity=200, refill_s=100, now=NOW).headroom(NOW) == 100
    assert half.resized(capacity=100, refill_s=200, now=NOW).headroom(NOW) == 75
    short = half.resized(capacity=100, refill_s=10, now=NOW)
    assert [short.headroom(NOW + seconds) for seconds in (0, 5, 10)] == [0, 50, 100]


@given(buckets)
def test_what_it_holds_can_be_taken_and_one_unit_more_can_not(bucket: Bucket) -> None:
    amount = bucket.headroom(NOW)
    assert amount == 0 or bucket.take(amount, NOW) is not None
    assert bucket.take(amount + 1, NOW) is None


@given(buckets, st.lists(st.integers(0, 2**120), min_size=1, max_size=20))
def test_many_small_amounts_never_take_less_than_one_large(bucket: Bucket, amounts: list[int]) -> None:
    small: Bucket | None = bucket
    for amount in amounts:
        small = small and small.take(amount, NOW)
    if small is not None:
        assert small.full_at >= taken(bucket, sum(amounts), NOW).full_at
