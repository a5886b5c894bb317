// Softmax, and softmax with cross-entropy in one pass: a, the cost and δ from z, each e^z once.
//
//   a_i = e^(z_i − z_top) / (1 + rest),  rest = Σ_(i ≠ top) e^(z_i − z_top)
//   C = −Σ_k t_k log a_k,  −log a_k = (z_top − z_k) + log1p(rest)
//   δ = (wᵢ / Σ w) (a − t)
//
// The cost is a sum of terms ≥ 0, so that one near 0 keeps its digits.
//
// Why it is fast: rows of up to 16 units, where a register would be mostly padding and every sum
// would run across its lanes, are transposed, so that a lane is a row: one exponential, division
// and logarithm then serves as many rows as there are lanes. Wider rows go one by one.
//
// Why the bits agree: `rest` of a narrow row is one chain over its units, of a wide one the sum
// over virtual lanes; the width alone says which.
#pragma once

#include "elementwise.hpp"
#include "transposing.hpp"

namespace clearprop::CP_ISA {

inline constexpr int narrow = 16;  // units of the widest row that is transposed

// Label smoothing t ← (1 − ε) t + ε / K, of one class against the others and of shares.
template <class T>
struct Smoothing {
    T factor = 1, rest = 0;
    CP_INLINE Smoothing() {}
    CP_INLINE Smoothing(double epsilon, int classes)
        : factor(static_cast<T>(1 - epsilon)), rest(static_cast<T>(epsilon / classes)) {}
};

// What becomes of rows of z. Null: not wanted.
template <class T>
struct SoftmaxRows {
    long rows;
    int width;
    Operand<T> z, a, delta;
    const std::int32_t* classes;  // of each row, or
    Operand<const T> shares;      // a row of shares
    const double* weights;        // wᵢ / Σ w, over the members
    int members;
    Smoothing<T> smooth;
    bool accumulate;  // to δ
};

// C of one row; its target is a row of shares or, without one, the unit `hot`.
template <class T>
CP_INLINE double cross_entropy(const T* z, T top, T log_sum, const T* t, std::int32_t hot,
                               int width, Smoothing<T> smooth) {
    const auto surprise = [&](int k) { return static_cast<double>((top - z[k]) + log_sum); };
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

// As many rows as a register has lanes, lane by lane. `cost(r, C)` is told each row's cost.
template <class T, class Cost>
CP_INLINE void narrow_rows(const SoftmaxRows<T>& s, long first, int count, Cost cost) {
    using V = Vector<T>;
    using Bits = typename V::Bits;
    using Integer = typename V::Integer;
    alignas(64) T z[narrow][V::lanes], e[narrow][V::lanes];
    const auto square = [&](T(*to)[V::lanes], const auto& from, int j) {
        V row[V::lanes];
        for (int r = 0; r < V::lanes; ++r)
            row[r] = V::load(from.at + (first + (r < count ? r : count - 1)) * from.row + j);
        transpose_in_registers<T>(row);
        for (int r = 0; r < V::lanes; ++r) row[r].store(to[j + r]);
    };
    int units = 0;
    do square(z, s.z, units);
    while ((units += V::lanes) < s.width);

    V top = V::load(z[0]);
    Bits at = V::broadcast_bits(0);
    for (int k = 1; k < s.width; ++k) {
        const V z_k = V::load(z[k]);
        const Bits larger = z_k > top;
        top = select(larger, z_k, top);
        at = (larger & V::broadcast_bits(k)) | (~larger & at);
    }
    V rest = V::zero();
    for (int k = 0; k < s.width; ++k) {
        const V e_k = exp(V::load(z[k]) - top);
        e_k.store(e[k]);
        rest = rest + select(at == V::broadcast_bits(k), V::zero(), e_k);
    }
    const V sum = V(T(1)) + rest;
    if (s.a.at || s.delta.at)
        for (int k = 0; k < s.width; ++k) (V::load(e[k]) / sum).store(e[k]);
    const auto store = [&](Operand<T> to, bool accumulate) {
        for (int j = 0; j < s.width; j += V::lanes) {
            V row[V::lanes];
            for (int r = 0; r < V::lanes; ++r)
                row[r] = j + r < s.width ? V::load(e[j + r]) : V::zero();
            transpose_in_registers<T>(row);
            for (int r = 0; r < count; ++r) {
                T* out = to.at + (first + r) * to.row + j;
                (accumulate ? V::load(out) + row[r] : row[r]).store(out);
            }
        }
    };
    if (s.a.at) store(s.a, false);
    if (!s.weights) return;

    alignas(64) T own[V::lanes] = {}, weight[V::lanes] = {};
    alignas(64) Integer hot[V::lanes] = {};
    for (int r = 0; r < count && s.classes; ++r) hot[r] = s.classes[first + r];
    Bits hots;
    __builtin_memcpy(&hots, hot, sizeof hots);
    const V log_sum = log1p(rest);
    if (s.classes && s.smooth.rest == 0) {
        V z_hot = V::load(z[0]);
        for (int k = 1; k < s.width; ++k)
            z_hot = select(hots == V::broadcast_bits(k), V::load(z[k]), z_hot);
        ((top - z_hot) + log_sum).store(own);
        for (int r = 0; r < count; ++r) cost(first + r, static_cast<double>(own[r]));
    } else {
        alignas(64) T tops[V::lanes];
        top.store(tops);
        log_sum.store(own);
        for (int r = 0; r < count; ++r)
            cost(first + r,
                 cross_entropy(s.z.at + (first + r) * s.z.row, tops[r], own[r],
                               s.classes ? nullptr : s.shares.at + (first + r) * s.shares.row,
                               static_cast<std::int32_t>(hot[r]), s.width, s.smooth));
    }
    if (!s.delta.at) return;
    for (int r = 0; r < count; ++r) weight[r] = static_cast<T>(s.weights[first + r] / s.members);
    const V w = V::load(weight), is_hot(s.smooth.factor + s.smooth.rest), is_not(s.smooth.rest);
    if (!s.classes)
        for (int j = 0; j < s.width; j += V::lanes) square(z, s.shares, j);
    for (int k = 0; k < s.width; ++k) {
        const V t = s.classes ? select(hots == V::broadcast_bits(k), is_hot, is_not)
                              : V(s.smooth.factor) * V::load(z[k]) + is_not;
        (w * (V::load(e[k]) - t)).store(e[k]);
    }
    store(s.delta, s.accumulate);
}

// One row; a is needed on the way to δ, which may stand in its place.
template <class T, class Cost>
CP_INLINE void wide_row(const SoftmaxRows<T>& s, long r, Cost cost) {
    using V = Vector<T>;
    const T* z = s.z.at + r * s.z.row;
    const int width = s.width;
    T top = z[0];
    {  // the largest of each lane, then of all
        V most(top);
        const int whole = width / V::lanes * V::lanes;
        for (int j = 0; j < whole; j += V::lanes)
            most = select(V::load(z + j) > most, V::load(z + j), most);
        T lane[V::lanes];
        most.store(lane);
        for (int i = 0; i < V::lanes; ++i) top = lane[i] > top ? lane[i] : top;
        for (int j = whole; j < width; ++j) top = z[j] > top ? z[j] : top;
    }
    int at = 0;
    while (at < width - 1 && z[at] != top) ++at;
    const auto e = [=](int j) {
        const V found = exp(V::load(z + j) - V(top));
        return width - j < V::lanes ? found.keep(width - j) : found;
    };
    T* a = s.a.at ? s.a.at + r * s.a.row : nullptr;
    if (a)
        for (int j = 0; j < width; j += V::lanes) e(j).store(a + j);
    const T rest =
        sum_of_row<T>(width, [=](int j) { return (a ? V::load(a + j) : e(j)).without(at - j); });
    const V sum(T(1) + rest);
    if (a)
        for (int j = 0; j < width; j += V::lanes) (V::load(a + j) / sum).store(a + j);
    if (!s.weights) return;
    T log_sum[V::lanes];
    log1p(V(rest)).store(log_sum);
    const T* t = s.classes ? nullptr : s.shares.at + r * s.shares.row;
    const std::int32_t hot = s.classes ? s.classes[r] : 0;
    cost(r, cross_entropy(z, top, log_sum[0], t, hot, width, s.smooth));
    if (s.delta.at)
        cross_entropy_vjp(a, t, hot, s.delta.at + r * s.delta.row, width,
                          static_cast<T>(s.weights[r] / s.members), s.smooth, s.accumulate);
}

template <class T, class Cost>
void softmax_rows(const SoftmaxRows<T>& s, Cost cost) {
    constexpr int lanes = Vector<T>::lanes;
    if (s.width <= narrow)
        for (long r = 0; r < s.rows; r += lanes)
            narrow_rows(s, r, static_cast<int>(s.rows - r < lanes ? s.rows - r : lanes), cost);
    else
        for (long r = 0; r < s.rows; ++r) wide_row(s, r, cost);
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

}  // namespace clearprop::CP_ISA
