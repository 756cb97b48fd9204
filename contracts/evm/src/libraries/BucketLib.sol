// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A token bucket in one number (R-25): the time at which it will be full.
/// @dev `fullAt` is in 1/65536 s since the epoch; a bucket of `capacity` fills in `refill` seconds. An amount takes the time
/// in which it flows in, rounded up, so that many small amounts never take less than one large. Unchecked: amounts are below
/// 2^127, refill below 2^32, times below 2^40, so nothing here reaches 2^256.
library BucketLib {
    uint256 private constant UNIT = 16;

    /// @return after_ The new `fullAt`.
    /// @return fits Whether the bucket held the amount.
    function take(uint256 fullAt, uint256 refill, uint256 capacity, uint256 amount)
        internal
        view
        returns (uint256 after_, bool fits)
    {
        unchecked {
            uint256 now_ = block.timestamp << UNIT;
            after_ = (fullAt < now_ ? now_ : fullAt) + (amount * (refill << UNIT) + capacity - 1) / capacity;
            fits = after_ <= now_ + (refill << UNIT);
        }
    }

    /// What the bucket holds now, in units of `capacity`.
    function headroom(uint256 fullAt, uint256 refill, uint256 capacity) internal view returns (uint256) {
        uint256 latest = (block.timestamp + refill) << UNIT;
        uint256 from = _from(fullAt);
        return from >= latest || refill == 0 ? 0 : (latest - from) * capacity / (refill << UNIT);
    }

    /// When the bucket will hold `amount`, in unix seconds, if nothing else takes from it; 0 if never.
    function refillTime(uint256 fullAt, uint256 refill, uint256 capacity, uint256 amount)
        internal
        view
        returns (uint64)
    {
        if (amount > capacity || refill == 0) return 0;
        uint256 seconds_ = (_from(fullAt) + _cost(refill, capacity, amount) + (1 << UNIT) - 1) >> UNIT;
        return uint64(seconds_ <= block.timestamp + refill ? block.timestamp : seconds_ - refill);
    }

    function _from(uint256 fullAt) private view returns (uint256) {
        uint256 now_ = block.timestamp << UNIT;
        return fullAt < now_ ? now_ : fullAt;
    }

    function _cost(uint256 refill, uint256 capacity, uint256 amount) private pure returns (uint256) {
        return (amount * (refill << UNIT) + capacity - 1) / capacity;
    }
}
