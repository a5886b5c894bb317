// Many places of an epoch's order at once: what `Order` gives for each of them.
//
// Why it is fast: one place is a chain of sixteen dependent products, but places do not depend on
// each other, so a register takes eight through the chain side by side. Those that fall outside n
// walk on together with one another, packed, so that no lane waits for a neighbour.
#pragma once

#include "philox.hpp"
#include "vector.hpp"

namespace clearprop::CP_ISA {

typedef std::uint64_t Places __attribute__((vector_size(64)));
inline constexpr long places_lanes = 8, places_block = 512;

CP_INLINE Places mixed(Places x, std::uint64_t key) {
    x = (x ^ key) * Order::first;
    x ^= x >> 32;
    return (x * Order::second) >> 32;
}

// Rows of places start … start + count − 1
inline void places_of(const Order& order, std::uint64_t start, long count, std::int64_t* rows) {
    alignas(64) std::uint64_t place[places_block];
    std::int32_t where[places_block];
    for (; count > 0; start += places_block, rows += places_block, count -= places_block) {
        long pending = count < places_block ? count : places_block;
        for (long i = 0; i < places_block; ++i) {
            place[i] = start + static_cast<std::uint64_t>(i);
            where[i] = static_cast<std::int32_t>(i);
        }
        while (pending > 0) {
            for (long i = 0; i < pending; i += places_lanes) {
                Places all;
                __builtin_memcpy(&all, place + i, sizeof all);
                Places low = all & order.low_mask, high = all >> order.low_bits;
                for (int r = 0; r < Order::rounds; r += 2) {
                    high ^= mixed(low, order.key[r]) & order.high_mask;
                    low ^= mixed(high, order.key[r + 1]) & order.low_mask;
                }
                all = high << order.low_bits | low;
                __builtin_memcpy(place + i, &all, sizeof all);
            }
            long left = 0;
            for (long i = 0; i < pending; ++i) {
                const std::uint64_t found = place[i];
                const std::int32_t to = where[i];
                rows[to] = static_cast<std::int64_t>(found);
                place[left] = found;
                where[left] = to;
                left += found >= order.n;
            }
            pending = left;
        }
    }
}

}  // namespace clearprop::CP_ISA
