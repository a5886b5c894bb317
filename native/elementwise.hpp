// What happens to each number of a block of rows on its own, and to each row on its own.
//
// A block is `rows` rows of `width` columns, each operand with its own distance between rows (0:
// one row for all, such as a bias). Whole registers first, then the ragged end of the row with
// zeros kept in the padding; where rows follow each other without a gap the block is one long row.
// Every lane computes the same whatever its place, so bits depend on neither rows nor registers.
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

// out = f(a, b, c), or out += f(a, b, c)
template <class T, class F>
CP_INLINE void each(Block<T> block, F f) {
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

template <class T>
void map(int function, const double* setting, const Block<T>& block) {
    using V = Vector<T>;
    generated::with_function(function, [&](auto f) {
        each(block, [setting](V x, V, V) { return decltype(f)::value(x, setting); });
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

// The column of the largest number, the first of equals
template <class T>
CP_INLINE int largest(const T* x, int width) {
    int top = 0;
    for (int j = 1; j < width; ++j) top = x[j] > x[top] ? j : top;
    return top;
}

// A register of a row from column j on, zero behind its end.
template <class T>
CP_INLINE Vector<T> columns(const T* row, int j, int width) {
    const Vector<T> v = Vector<T>::load(row + j);
    return width - j < Vector<T>::lanes ? v.keep(width - j) : v;
}

// a_i = e^(z_i − top) / Σ_k e^(z_k − top)
template <class T>
void softmax(const Block<T>& block) {
    using V = Vector<T>;
    for (long r = 0; r < block.rows; ++r) {
        const T* z = block.a.at + r * block.a.row;
        T* a = block.out.at + r * block.out.row;
        const T top = z[largest(z, block.width)];
        for (int j = 0; j < block.width; j += V::lanes) {
            const V e = exp(V::load(z + j) - V(top));
            (block.width - j < V::lanes ? e.keep(block.width - j) : e).store(a + j);
        }
        const T sum = sum_of_row<T>(block.width, [=](int j) { return V::load(a + j); });
        for (int j = 0; j < block.width; j += V::lanes) (V::load(a + j) / V(sum)).store(a + j);
    }
}

// δ = a ⊙ (Δ − aᵀ Δ)
template <class T>
void softmax_vjp(const Block<T>& block) {
    using V = Vector<T>;
    for (long r = 0; r < block.rows; ++r) {
        const T* a = block.a.at + r * block.a.row;
        const T* Delta = block.b.at + r * block.b.row;
        T* delta = block.out.at + r * block.out.row;
        const T dot = sum_of_row<T>(block.width, [=, width = block.width](int j) {
            return columns(a, j, width) * columns(Delta, j, width);
        });
        for (int j = 0; j < block.width; j += V::lanes) {
            V y = columns(a, j, block.width) * (V::load(Delta + j) - V(dot));
            if (block.accumulate) y = V::load(delta + j) + y;
            (block.width - j < V::lanes ? y.keep(block.width - j) : y).store(delta + j);
        }
    }
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

// Label smoothing t ← (1 − ε) t + ε / K, of one class against the others and of shares.
template <class T>
struct Smoothing {
    T factor, rest;
    CP_INLINE Smoothing(double epsilon, int classes)
        : factor(static_cast<T>(1 - epsilon)), rest(static_cast<T>(epsilon / classes)) {}
};

// Σ_(i ≠ top) e^(z_i − z_top)
template <class T>
CP_INLINE T others(const T* z, int top, int width) {
    using V = Vector<T>;
    return sum_of_row<T>(width, [=](int j) {
        const V e = exp(V::load(z + j) - V(z[top])).without(top - j);
        return width - j < V::lanes ? e.keep(width - j) : e;
    });
}

// C = −Σ_k t_k log a_k, where −log a_k = (z_top − z_k) + log1p(Σ_(i ≠ top) e^(z_i − z_top)): sums
// of terms ≥ 0, so that a cost near 0 keeps its digits; `rest` is the logarithm. The target is a
// row of shares, or one class.
template <class T>
CP_INLINE double cross_entropy(const T* z, int top, T rest, const T* t, std::int32_t hot, int width,
                               Smoothing<T> smooth) {
    const auto surprise = [&](int k) { return static_cast<double>((z[top] - z[k]) + rest); };
    if (!t && smooth.rest == 0) return surprise(hot);
    double total = 0;
    for (int k = 0; k < width; ++k) {
        const T share = smooth.factor * (t ? t[k] : T(k == hot)) + smooth.rest;
        if (share != 0) total += static_cast<double>(share) * surprise(k);
    }
    return total;
}

// δ = (wᵢ / Σ w) (a − t)
template <class T>
CP_INLINE void cross_entropy_vjp(const T* a, const T* t, std::int32_t hot, T* delta, int width,
                                 T share, Smoothing<T> smooth, bool accumulate) {
    using V = Vector<T>;
    const T before = accumulate && !t ? delta[hot] : T(0);
    for (int j = 0; j < width; j += V::lanes) {
        const V target = t ? V(smooth.factor) * V::load(t + j) + V(smooth.rest) : V(smooth.rest);
        V y = V(share) * (V::load(a + j) - target);
        if (accumulate) y = V::load(delta + j) + y;
        (width - j < V::lanes ? y.keep(width - j) : y).store(delta + j);
    }
    if (!t) {
        const T y = share * (a[hot] - (smooth.factor + smooth.rest));
        delta[hot] = accumulate ? before + y : y;
    }
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
    for (long r = first; r < last; ++r) {
        T* row = out.base + r * out.row;
        for (int member = 0, place = 0; member < members; ++member) {
            T* r_j = row + member * out.member;
            Counter words{};
            for (int j = 0; j < width; ++j, ++place) {
                if (job.training && (place % 4 == 0 || j == 0))
                    words = philox(job.seed,
                                   {{static_cast<std::uint32_t>(place / 4),
                                     static_cast<std::uint32_t>(job.first_place + r), job.step,
                                     stream_dropout << 16 | static_cast<std::uint32_t>(node)}});
                r_j[j] = !job.training ? T(1) : words.word[place % 4] < threshold ? T(0) : kept;
            }
        }
    }
}

}  // namespace clearprop::CP_ISA
