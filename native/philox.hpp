// Random numbers that are a function of their place: Philox4x32-10 (Salmon, Moraes, Dror and Shaw
// 2011, "Parallel random numbers: as easy as 1, 2, 3"), and the keyed order of an epoch.
//
// Nothing here has a state that advances, so any row, step or thread can be asked first, and a run
// cut in slices, resumed or spread over machines draws what it would have drawn in one piece.
// src/clearprop/philox.py is the same in NumPy, to the bit, and says what each stream is for.
//
// Why it is fast: a draw, or a row's place, is a chain of some products that reads no table, and
// none waits for another: elementwise.hpp and order.hpp take eight side by side.
#pragma once

#include <cstdint>

namespace clearprop {

struct Counter {
    std::uint32_t word[4];
};

// Streams keep the uses of one seed apart (the top 16 bits of the last word of the counter).
inline constexpr std::uint32_t stream_order = 2, stream_dropout = 3;

// Ten rounds: two 32 × 32 → 64 products, the halves crossed and mixed with the key, which walks
// along the Weyl sequences of the golden ratio and of √3 − 1.
inline Counter philox(std::uint64_t seed, Counter c) {
    std::uint32_t k0 = static_cast<std::uint32_t>(seed),
                  k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c.word[0];
        const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c.word[2];
        c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
              static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1,
              static_cast<std::uint32_t>(p0)}};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// A bijection of 0 … n−1 that a seed and an epoch choose: a Feistel network of eight rounds on the
// fewest bits that hold n, walked on from a place outside n until it falls inside (at most half of
// the places lie outside, so two rounds of it on average at most). The keys of the rounds are
// Philox's; the mixing inside a round is two 64-bit products, which is what makes it cost less than
// the step that uses the row. order.hpp walks it.
struct Order {
    static constexpr int rounds = 8;
    // 2⁶⁴ / golden ratio, odd; a multiplier of Steele and Vigna 2021
    static constexpr std::uint64_t first = 0x9E3779B97F4A7C15u, second = 0xD1342543DE82EF95u;

    std::uint64_t n, low_mask, high_mask;
    int low_bits;
    std::uint64_t key[rounds];

    Order(std::uint64_t seed, std::uint64_t epoch, std::uint64_t count) : n(count) {
        int bits = 2;
        while (bits < 64 && (std::uint64_t{1} << bits) < n) ++bits;
        low_bits = bits / 2;
        low_mask = (std::uint64_t{1} << low_bits) - 1;
        high_mask = (std::uint64_t{1} << (bits - low_bits)) - 1;
        for (std::uint32_t i = 0; i < rounds / 2; ++i) {
            const Counter c =
                philox(seed, {{i, static_cast<std::uint32_t>(epoch),
                               static_cast<std::uint32_t>(epoch >> 32), stream_order << 16}});
            key[2 * i] = c.word[0] | std::uint64_t{c.word[1]} << 32;
            key[2 * i + 1] = c.word[2] | std::uint64_t{c.word[3]} << 32;
        }
    }
};

}  // namespace clearprop
