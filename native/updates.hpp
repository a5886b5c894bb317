// The update of the parameters, their transposed copies, and the flat vector they come from.
//
// W, its gradient and the optimizer's slots share one layout, so an update is one pass over memory,
// element by element; zeros in the padding stay zeros. The transposed copy, which the forward
// product reads, is refreshed right behind it, while the rows are in the nearest cache.
#pragma once

#include <utility>

#include "elementwise.hpp"
#include "product.hpp"

namespace clearprop::CP_ISA {

// Calls visit(start, length) for the stretches of memory that rows first … last − 1 are.
template <class T, class Visit>
CP_INLINE void stretches(const Parameter& p, const Weights<T>& w, long first, long last,
                         Visit visit) {
    for (int k = 0; k < p.members; ++k) {
        if (p.layout == Layout::panels)
            for (long q = 0; q < panels_of<T>(p.columns); ++q)
                visit(k * w.member + q * w.panel + first * w.row, (last - first) * w.row);
        else
            visit(k * w.member + first * w.row, (last - first) * w.row);
    }
}

// One stage of a transposition in registers: rows r and r + d exchange the columns that differ in
// d.
template <class T, int d, int... column>
CP_INLINE void exchange(Vector<T>* row, std::integer_sequence<int, column...>) {
    constexpr int lanes = Vector<T>::lanes;
    for (int r = 0; r < lanes; ++r) {
        if (r & d) continue;
        const auto a = row[r].v, b = row[r + d].v;
#if defined(__clang__) || __GNUC__ >= 12
        row[r].v = __builtin_shufflevector(a, b, (column & d ? lanes + column - d : column)...);
        row[r + d].v = __builtin_shufflevector(a, b, (column & d ? lanes + column : column + d)...);
#else
        using Bits = typename Vector<T>::Bits;
        row[r].v = __builtin_shuffle(a, b, Bits{(column & d ? lanes + column - d : column)...});
        row[r + d].v = __builtin_shuffle(a, b, Bits{(column & d ? lanes + column : column + d)...});
#endif
    }
}

template <class T, int d = 1>
CP_INLINE void transpose_in_registers(Vector<T>* row) {
    if constexpr (d < Vector<T>::lanes) {
        exchange<T, d>(row, std::make_integer_sequence<int, Vector<T>::lanes>());
        transpose_in_registers<T, 2 * d>(row);
    }
}

// Wᵀ(j, i) = W(i, j), a square of registers at a time. `first` is a multiple of the panel's width,
// and so is `last` unless it is the last row of all: nobody else writes the same registers.
template <class T>
void transpose(const Job<T>& job, long parameter, long first, long last) {
    using V = Vector<T>;
    const Parameter& p = job.program->parameters[parameter];
    const Weights<T>& w = job.weights[parameter];
    constexpr long width = panel_width<T>;
    if (!p.transposed) return;
    for (int k = 0; k < p.members; ++k)
        for (long i = first; i < last; i += V::lanes)
            for (long j = 0; j < p.columns; j += V::lanes) {
                const T* from = w.w + k * w.member + j / width * w.panel + i * width + j % width;
                T* to = w.transposed + k * w.transposed_member + i / width * w.transposed_panel +
                        j * width + i % width;
                V row[V::lanes];
                for (int r = 0; r < V::lanes; ++r)
                    row[r] = i + r < last ? V::load(from + r * width) : V::zero();
                transpose_in_registers<T>(row);
                for (int r = 0; r < V::lanes && j + r < p.columns; ++r)
                    row[r].store(to + r * width);
            }
}

// g = ∂J/∂w + λ w;  g scaled where the norm is clipped;  the optimizer's step
template <class T>
void update(const Job<T>& job, long parameter, long first, long last, const UpdateScalars& given) {
    using V = Vector<T>;
    const Parameter& p = job.program->parameters[parameter];
    const Weights<T>& weights = job.weights[parameter];
    const double rate = given.learning_rate * p.lr_factor;
    const double decay = given.weight_decay * p.decay_factor;
    generated::with_optimizer(job.program->optimizer, [&](auto row) {
        using Row = decltype(row);
        stretches(p, weights, first, last, [&](long start, long length) {
            T* w_at = weights.w + start;
            const T* g_at = weights.gradient + start;
            const V lambda(static_cast<T>(p.penalty * given.penalty_scale)),
                scale(static_cast<T>(given.gradient_scale));
            T* slots[Row::slots + 1];
            for (int s = 0; s < Row::slots; ++s) slots[s] = weights.slot[s] + start;
            for (long i = 0; i < length; i += V::lanes) {
                V w = V::load(w_at + i), slot[Row::slots + 1];
                for (int s = 0; s < Row::slots; ++s) slot[s] = V::load(slots[s] + i);
                const V g = fma(lambda, w, V::load(g_at + i)) * scale;
                Row::step(w, g, slot, rate, decay, given.settings);
                w.store(w_at + i);
                for (int s = 0; s < Row::slots; ++s) slot[s].store(slots[s] + i);
            }
        });
    });
    transpose(job, parameter, first, last);
}

// Σ (g + λ w)² of each row, or Σ w²: column j in virtual lane j mod 16 of double, the lanes as a
// tree
template <class T>
void squares(const Job<T>& job, long parameter, long first, long last, bool of_weights,
             double penalty_scale, double* out) {
    const Parameter& p = job.program->parameters[parameter];
    const Weights<T>& weights = job.weights[parameter];
    constexpr long width = panel_width<T>;
    const double lambda = of_weights ? 1 : p.penalty * penalty_scale;
    for (int k = 0; k < p.members; ++k)
        for (long i = first; i < last; ++i) {
            double lane[virtual_lanes] = {};
            for (long j = 0; j < p.columns; ++j) {
                const long at =
                    k * weights.member + i * weights.row +
                    (p.layout == Layout::panels ? j / width * weights.panel + j % width : j);
                const double g = of_weights ? 0 : static_cast<double>(weights.gradient[at]);
                const double v = g + lambda * static_cast<double>(weights.w[at]);
                lane[j % virtual_lanes] += v * v;
            }
            out[k * p.rows + i] = sum_of_lanes(lane);
        }
}

// Calls visit(flat, at, length) for the stretches that stand together both in the flat vector and
// in w, the gradient and the slots.
template <class T, class Visit>
CP_INLINE void common_stretches(const Job<T>& job, long parameter, Visit visit) {
    const Parameter& p = job.program->parameters[parameter];
    const Weights<T>& w = job.weights[parameter];
    const long width = p.layout == Layout::panels ? panel_width<T> : p.columns;
    long flat = p.flat;
    for (int k = 0; k < p.members; ++k)
        for (long i = 0; i < p.rows; ++i)
            for (long j = 0; j < p.columns; j += width) {
                const long length = p.columns - j < width ? p.columns - j : width;
                visit(flat, k * w.member + i * w.row + j / width * w.panel, length);
                flat += length;
            }
}

template <class T>
void pack(const Job<T>& job, long parameter, const T* flat, T* array) {
    const Parameter& p = job.program->parameters[parameter];
    common_stretches(job, parameter, [=](long from, long to, long length) {
        for (long j = 0; j < length; ++j) array[to + j] = flat[from + j];
    });
    if (p.layout == Layout::spread)  // one number, said once for each unit
        for (int k = 0; k < p.members; ++k) {
            T* row = array + k * job.weights[parameter].member;
            for (int j = 1; j < p.width; ++j) row[j] = row[0];
        }
}

template <class T>
void unpack(const Job<T>& job, long parameter, const T* array, T* flat) {
    common_stretches(job, parameter, [=](long to, long from, long length) {
        for (long j = 0; j < length; ++j) flat[to + j] = array[from + j];
    });
}

}  // namespace clearprop::CP_ISA
