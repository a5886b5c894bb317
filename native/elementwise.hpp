// What happens to each number of a block of rows on its own, and to each row on its own.
//
// A block is `rows` rows of `width` columns, each operand with its own distance between rows (0:
// one row for all, such as a bias). Whole registers first, then the ragged end of the row with
// zeros kept in the padding; where rows follow each other without a gap the block is one long row.
// Of a single unit, the numbers of many rows are put side by side first.
//
// Why it is fast: each number is read once and written once, a register at a time and without a
// branch; a function whose slope is as dear as itself leaves that slope in the same pass; Philox's
// chain of products takes eight counters side by side.
//
// Why the bits agree: every lane computes the same whatever its place, so they depend on neither
// rows nor registers.
#pragma once

#include "generated/functions.hpp"
#include "philox.hpp"
#include "program.hpp"

namespace clearprop::CP_ISA {

template <class T>
struct Operand {
    T* at;
    long row;
};

template <class T>
struct Block {
    long rows;
    int width;
    Operand<T> out, a, b, c;  // an operand that is not used repeats `a`
    bool accumulate;
};

// One number of each of `count` rows, side by side, and zeros to whole registers behind them
template <class From, class T>
CP_APART void side_by_side(Operand<From> unit, long first, long count, T* row) {
    for (long r = 0; r < count; ++r) row[r] = unit.at[(first + r) * unit.row];
    for (long r = count; r % Vector<T>::lanes; ++r) row[r] = 0;
}
inline constexpr long rows_at_once = 128;  // of a single unit

// A block of one unit as rows of many numbers: a register would else hold one of them. Any other
// block is taken as it is. Not inlined: the loop that calls it is compiled for each function.
template <class T>
struct OneUnit {
    alignas(64) T out[rows_at_once], a[rows_at_once], b[rows_at_once], c[rows_at_once];
    static bool applies(const Block<T>& block) { return block.width == 1 && block.rows > 1; }

    // The part that begins with row `first`: how many rows it takes, as what block
    CP_APART long take(const Block<T>& block, long first, Block<T>& part) {
        part = block;
        if (!applies(block)) return block.rows;
        const long left = block.rows - first, count = left < rows_at_once ? left : rows_at_once;
        if (block.accumulate) side_by_side(block.out, first, count, out);
        side_by_side(block.a, first, count, a);
        side_by_side(block.b, first, count, b);
        side_by_side(block.c, first, count, c);
        part = {1, static_cast<int>(count), {out, 0}, {a, 0}, {b, 0}, {c, 0}, block.accumulate};
        return count;
    }
    CP_APART void put(const Block<T>& block, long first, long count) const {
        if (!applies(block)) return;
        for (long r = 0; r < count; ++r) block.out.at[(first + r) * block.out.row] = out[r];
    }
};

// out = f(a, b, c), or out += f(a, b, c), row after row
template <class T, class F>
CP_INLINE void each_row(Block<T> block, F f) {
    using V = Vector<T>;
    const long w = block.width;
    if (w % V::lanes == 0 && block.out.row == w && block.a.row == w && block.b.row == w &&
        block.c.row == w) {
        block.width *= static_cast<int>(block.rows);
        block.rows = 1;
    }
    const int left = block.width % V::lanes, whole = block.width - left;
    for (long r = 0; r < block.rows; ++r) {
        T* out = block.out.at + r * block.out.row;
        const T* a = block.a.at + r * block.a.row;
        const T* b = block.b.at + r * block.b.row;
        const T* c = block.c.at + r * block.c.row;
        for (int j = 0; j < whole; j += V::lanes) {
            V y = f(V::load(a + j), V::load(b + j), V::load(c + j));
            if (block.accumulate) y = V::load(out + j) + y;
            y.store(out + j);
        }
        if (left) {
            V y = f(V::load(a + whole), V::load(b + whole), V::load(c + whole));
            if (block.accumulate) y = V::load(out + whole) + y;
            y.keep(left).store(out + whole);
        }
    }
}

// The same for any block
template <class T, class F>
CP_INLINE void each(const Block<T>& block, F f) {
    OneUnit<T> unit;
    Block<T> part;
    for (long r = 0; r < block.rows;) {
        const long count = unit.take(block, r, part);
        each_row(part, f);
        unit.put(block, r, count);
        r += count;
    }
}

template <class T>
void map(int function, const double* setting, const Block<T>& block) {
    using V = Vector<T>;
    generated::with_function(function, [&](auto f) {
        each(block, [setting](V x, V, V) { return decltype(f)::value(x, setting); });
    });
}

// out = f(a) and b = f′(a), which may take the place of a: what a function and its slope share,
// such as an exponential, is computed once.
template <class T>
void map_and_slope(int function, const double* setting, const Block<T>& block) {
    using V = Vector<T>;
    generated::with_function(function, [&](auto f) {
        for (long r = 0; r < block.rows; ++r) {
            T* y_r = block.out.at + r * block.out.row;
            const T* x_r = block.a.at + r * block.a.row;
            T* slope_r = block.b.at + r * block.b.row;
            for (int j = 0; j < block.width; j += V::lanes) {
                const V x = V::load(x_r + j), y = decltype(f)::value(x, setting);
                const V slope = decltype(f)::vjp(x, y, V(T(1)), setting);
                const int left = block.width - j;
                (left < V::lanes ? y.keep(left) : y).store(y_r + j);
                (left < V::lanes ? slope.keep(left) : slope).store(slope_r + j);
            }
        }
    });
}

// dy ⊙ f′(x); f′(x) itself where no dy is given
template <class T>
void map_vjp(int function, const double* setting, const Block<T>& block, bool slope) {
    using V = Vector<T>;
    generated::with_function(function, [&](auto f) {
        if (slope)
            each(block,
                 [setting](V x, V y, V) { return decltype(f)::vjp(x, y, V(T(1)), setting); });
        else
            each(block, [setting](V x, V y, V dy) { return decltype(f)::vjp(x, y, dy, setting); });
    });
}

template <class T>
void arithmetic(Op op, const Block<T>& block) {
    using V = Vector<T>;
    switch (op) {
        case Op::add:
            return each(block, [](V a, V b, V) { return a + b; });
        case Op::subtract:
            return each(block, [](V a, V b, V) { return a - b; });
        case Op::multiply:
            return each(block, [](V a, V b, V) { return a * b; });
        case Op::divide:
            return each(block, [](V a, V b, V) { return a / b; });
        default:
            return each(block, [](V a, V, V) { return a; });
    }
}

// Σ_j f(j) over the columns of one row, f giving a register from column j on with zeros behind the
// end: column j is added to virtual lane j mod 16, the lanes as a tree.
template <class T, class F>
CP_INLINE T sum_of_row(int width, F f) {
    using V = Vector<T>;
    constexpr int parts = virtual_lanes * static_cast<int>(sizeof(T)) / CP_BYTES;
    constexpr int registers = parts > 0 ? parts : 1;
    alignas(64) T lane[virtual_lanes] = {};
    for (int part = 0; part < registers; ++part) {
        V sum = V::zero();
        for (int j = part * V::lanes; j < width; j += virtual_lanes) sum = sum + f(j);
        sum.store(lane + part * V::lanes);
    }
    return sum_of_lanes(lane);
}

// A register of a row from column j on, zero behind its end.
template <class T>
CP_INLINE Vector<T> columns(const T* row, int j, int width) {
    const Vector<T> v = Vector<T>::load(row + j);
    return width - j < Vector<T>::lanes ? v.keep(width - j) : v;
}

// Σ of a register's numbers in double, in the order of the columns
template <class T>
CP_INLINE double add_columns(double total, Vector<T> v, int count) {
    T lane[Vector<T>::lanes];
    v.store(lane);
    for (int i = 0; i < count && i < Vector<T>::lanes; ++i) total += static_cast<double>(lane[i]);
    return total;
}

// C of one row: Σ over the units of the row's kernel
template <class T, class F>
CP_INLINE double row_cost(F, const T* x, const T* y, const T* t, int width, const double* setting) {
    using V = Vector<T>;
    double total = 0;
    for (int j = 0; j < width; j += V::lanes)
        total = add_columns(
            total, F::value(V::load(x + j), V::load(y + j), V::load(t + j), setting), width - j);
    return total;
}

// Philox's words of eight counters whose first words are `first` and the seven after it: one chain
// of ten rounds for all. A word is the lower half of a lane of 64 bits, so that a product keeps
// both its halves; what stands in an upper half is never read.
typedef std::uint64_t Words __attribute__((vector_size(64)));
inline constexpr int counters_at_once = 8, words_at_once = 4 * counters_at_once;

// The lower halves times a factor of 32 bits, in all 64: one instruction, where a whole product of
// 64 bits takes three.
CP_INLINE Words times_word(Words x, std::uint32_t factor) {
#if CP_BYTES == 64
    return (Words)_mm512_mul_epu32((__m512i)x, _mm512_set1_epi64(factor));
#else
    return (x & 0xFFFFFFFFu) * std::uint64_t{factor};
#endif
}

CP_INLINE void philox_words(std::uint64_t seed, std::uint64_t first, Counter fixed,
                            std::uint32_t* word) {
    Words c0 = first + Words{0, 1, 2, 3, 4, 5, 6, 7}, c1 = Words{} + fixed.word[1],
          c2 = Words{} + fixed.word[2], c3 = Words{} + fixed.word[3];
    std::uint32_t k0 = static_cast<std::uint32_t>(seed),
                  k1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const Words p0 = times_word(c0, 0xD2511F53u), p1 = times_word(c2, 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c1 = p1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    // The four words of a counter side by side
    const auto pairs = [](Words low, Words high) { return (low & 0xFFFFFFFFu) | high << 32; };
    const Words front = pairs(c0, c1), back = pairs(c2, c3);
#if defined(__clang__) || __GNUC__ >= 12
    const Words ordered[2] = {__builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11),
                              __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15)};
#else
    const Words ordered[2] = {__builtin_shuffle(front, back, Words{0, 8, 1, 9, 2, 10, 3, 11}),
                              __builtin_shuffle(front, back, Words{4, 12, 5, 13, 6, 14, 7, 15})};
#endif
    __builtin_memcpy(word, ordered, sizeof ordered);
}

// r = 0 or 1 / (1 − p), from (seed, step, place in the whole batch, member, unit, node)
template <class T>
void dropout_mask(const Job<T>& job, Rows<T> out, long first, long last, int width, int members,
                  double rate, int node) {
    const double scaled = rate * 4294967296.0;
    const std::uint32_t threshold = scaled >= 4294967295.0
                                        ? 4294967295u
                                        : static_cast<std::uint32_t>(__builtin_nearbyint(scaled));
    const T kept = static_cast<T>(1 / (1 - rate));
    for (long r = first; r < last; ++r)
        for (int member = 0; member < members; ++member) {
            T* r_j = out.base + r * out.row + member * out.member;
            if (!job.training) {
                for (int j = 0; j < width; ++j) r_j[j] = T(1);
                continue;
            }
            // Unit j of member k is number k · width + j of the row's sequence
            const int start = member * width;
            for (int j = -(start % 4); j < width; j += words_at_once) {
                std::uint32_t word[words_at_once];
                philox_words(job.seed, static_cast<std::uint64_t>((start + j) / 4),
                             {{0, static_cast<std::uint32_t>(job.first_place + r), job.step,
                               stream_dropout << 16 | static_cast<std::uint32_t>(node)}},
                             word);
                T drawn[words_at_once];
                for (int i = 0; i < words_at_once; ++i)
                    drawn[i] = word[i] < threshold ? T(0) : kept;
                const int i0 = j < 0 ? -j : 0;
                const int i1 = width - j < words_at_once ? width - j : words_at_once;
                for (int i = i0; i < i1; ++i) r_j[j + i] = drawn[i];
            }
        }
}

}  // namespace clearprop::CP_ISA
