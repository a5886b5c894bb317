// The update of the parameters, their transposed copies, and the flat vector they come from.
//
// W, its gradient and the optimizer's slots share one layout, so an update is one pass over memory,
// element by element; zeros in the padding stay zeros.
//
// Why it is fast: the pass follows the sum of each stretch of a gradient, which is then in the
// nearest cache and goes no further, and its weights and slots were fetched while that was summed.
// The transposed copy, which the forward product reads, is refreshed right behind it. Settings are
// copied where no store can change them, so that they stay in registers.
#pragma once

#include <type_traits>

#include "elementwise.hpp"
#include "product.hpp"
#include "transposing.hpp"

namespace clearprop::CP_ISA {

// Wᵀ(j, i) = W(i, j) of member k's panel q, a square of registers at a time. `first` is a multiple
// of the panel's width, and so is `last` unless it is the last row of all: nobody else writes the
// same registers.
template <class T>
void transpose_panel(const Parameter& p, const Weights<T>& w, int k, long q, long first,
                     long last) {
    using V = Vector<T>;
    constexpr long width = panel_width<T>;
    const long end = (q + 1) * width < p.columns ? (q + 1) * width : p.columns;
    for (long i = first; i < last; i += V::lanes)
        for (long j = q * width; j < end; j += V::lanes) {
            const T* from = w.w + k * w.member + q * w.panel + i * width + j % width;
            T* to = w.transposed + k * w.transposed_member + i / width * w.transposed_panel +
                    j * width + i % width;
            V row[V::lanes];
            for (int r = 0; r < V::lanes; ++r)
                row[r] = i + r < last ? V::load(from + r * width) : V::zero();
            transpose_in_registers<T>(row);
            for (int r = 0; r < V::lanes && j + r < end; ++r) row[r].store(to + r * width);
        }
}

// W and Wᵀ in pairs of bfloat16 along the axis that a product sums over, of the same part. A pair
// of Wᵀ stands side by side in W: what is transposed are pairs, half as many as numbers.
inline void pair_panel(const Parameter& p, const Weights<float>& w, int k, long q, long first,
                       long last) {
    using V = VectorF;
    constexpr long width = panel_width<float>;
    const float* const from = w.w + k * w.member + q * w.panel;
    for (long i = first; i < last; i += 2)
        for (long j = 0; j < width; j += V::lanes) {
            const float* const at = from + i * width + j;
            store_pairs(V::load(at), i + 1 < last ? V::load(at + width) : V::zero(),
                        w.low + k * w.low_member + q * w.low_panel + i / 2 * width + j);
        }
    if (!p.transposed) return;
    const long pairs = (p.columns - q * width + 1) / 2;  // from this panel's first to the last
    for (long i = first; i < last; i += V::lanes) {
        V square[V::lanes];
        for (int r = 0; r < V::lanes; ++r)
            square[r] = i + r < last ? neighbours(V::load(from + (i + r) * width),
                                                  V::load(from + (i + r) * width + V::lanes))
                                     : V::zero();
        transpose_in_registers<float>(square);
        Pair* const to = w.low_transposed + k * w.low_transposed_member +
                         i / width * w.low_transposed_panel + q * width / 2 * width + i % width;
        for (int r = 0; r < V::lanes && r < pairs; ++r)
            __builtin_memcpy(to + r * width, &square[r], sizeof square[r]);
    }
}

// What follows a change of W in member k's panel q, rows first … last − 1: the copies of them
template <class T, class E>
CP_INLINE void copy_panel(const Parameter& p, const Weights<T>& w, int k, long q, long first,
                          long last) {
    if constexpr (!std::is_same_v<T, E>)
        pair_panel(p, w, k, q, first, last);
    else if (p.transposed)
        transpose_panel(p, w, k, q, first, last);
}

template <class T, class E>
void transpose(const Job<T>& job, long parameter, long first, long last) {
    const Parameter& p = job.program->parameters[parameter];
    if (p.layout != Layout::panels) return;
    for (int k = 0; k < p.members; ++k)
        for (long q = 0; q < panels_of<T>(p.columns); ++q)
            copy_panel<T, E>(p, job.weights[parameter], k, q, first, last);
}

// Arrays that are fetched into the second cache one after the other, with each step of a tile's sum
// a part of a line or, of short sums, several lines (see NextPanel).
class TileLines {
  public:
    template <class T>
    CP_INLINE void add(const T* array) {
        at_[arrays_++] = reinterpret_cast<const char*>(array);
    }
    // So many bytes of each array, in so many steps
    CP_INLINE void spread(long bytes, long steps) {
        bytes_ = bytes;
        at_[arrays_] = at_[0];  // what is fetched by steps that are left over
        const long turns = steps / arrays_;
        each_ = turns * pad_bytes > bytes ? (bytes + turns - 1) / turns : pad_bytes;
        at_once_ = (arrays_ * bytes + steps * each_ - 1) / (steps * each_);
    }
    CP_INLINE void step() {
        for (long n = 0; n < at_once_; ++n) {
            __builtin_prefetch(at_[array_] + done_, 1, 2);
            done_ += each_;
            if (done_ >= bytes_) done_ = 0, array_ += array_ < arrays_;
        }
    }

  private:
    const char* at_[6];
    long bytes_, each_, at_once_, done_ = 0;
    int arrays_ = 0, array_ = 0;
};

// The update of one parameter, stretch by stretch of its memory.
template <class T, class E = T>
class Update {
    using V = Vector<T>;

  public:
    CP_INLINE Update(const Job<T>& job, long parameter, const UpdateScalars& given)
        : parameter_(job.program->parameters[parameter]),
          weights_(job.weights[parameter]),
          optimizer_(job.program->optimizer),
          slots_(job.program->optimizer_slots),
          far_(static_cast<double>(parameter_.rows) * parameter_.columns * sizeof(T) > 5e5),
          given_(given) {}

    // A patch, of all members
    void rows(const Patch& patch) const {
        const long first = patch.first, last = patch.last;
        for (int k = 0; k < parameter_.members; ++k)
            if (parameter_.layout == Layout::panels)
                for (long q = patch.first_panel; q < patch.last_panel; ++q)
                    panel(k, q, first, last, weights_.gradient + panel_start(k, q, first));
            else
                stretch(k * weights_.member + first * weights_.row, (last - first) * weights_.row,
                        weights_.gradient + k * weights_.member + first * weights_.row);
    }
    // Rows first … last − 1 of one panel, and what stands in the transposed copy of them
    void panel(int k, long q, long first, long last, const T* gradient) const {
        stretch(panel_start(k, q, first), (last - first) * weights_.row, gradient);
        copy_panel<T, E>(parameter_, weights_, k, q, first, last);
    }

    // As what follows the sums of a panel (RowSum::run): they go no further than the scratch.
    struct Behind {
        const Update& update;
        T* scratch;
        std::uint64_t* ticks;
        T* place(int, long, long) const { return scratch; }
        using Fetch = TileLines;
        bool fetches() const { return update.far_; }
        // The weights and slots of a tile, while it is summed in so many steps
        CP_INLINE Fetch fetch(int k, long q, long i, int rows, long steps) const {
            const long start = update.panel_start(k, q, i);
            Fetch lines;
            lines.add(update.weights_.w + start);
            for (int s = 0; s < update.slots_; ++s) lines.add(update.weights_.slot[s] + start);
            lines.spread(rows * panel_width<T> * static_cast<long>(sizeof(T)), steps);
            return lines;
        }
        void done(int k, long q, long first, long last, T* sums) const {
            const Timed timed(ticks, phase_update);
            update.panel(k, q, first, last, sums);
        }
    };

  private:
    CP_INLINE long panel_start(int k, long q, long row) const {
        return k * weights_.member + q * weights_.panel + row * weights_.row;
    }

    // g = ∂J/∂w + λ w;  g scaled where the norm is clipped;  the optimizer's step
    void stretch(long start, long length, const T* g_at) const {
        const double rate = given_.learning_rate * parameter_.lr_factor;
        const double decay = given_.weight_decay * parameter_.decay_factor;
        generated::with_optimizer(optimizer_, [&](auto row) {
            using Row = decltype(row);
            T* w_at = weights_.w + start;
            const V lambda(static_cast<T>(parameter_.penalty * given_.penalty_scale));
            const V scale(static_cast<T>(given_.gradient_scale));
            // A copy that no store can change: what a step reads of it stays in registers.
            double settings[most_settings];
            for (int s = 0; s < most_settings; ++s)
                settings[s] = s < given_.count ? given_.settings[s] : 0;
            T* slots[Row::slots + 1];
            for (int s = 0; s < Row::slots; ++s) slots[s] = weights_.slot[s] + start;
            for (long i = 0; i < length; i += V::lanes) {
                V w = V::load(w_at + i), slot[Row::slots + 1];
                for (int s = 0; s < Row::slots; ++s) slot[s] = V::load(slots[s] + i);
                const V g = fma(lambda, w, V::load(g_at + i)) * scale;
                Row::step(w, g, slot, rate, decay, settings);
                w.store(w_at + i);
                for (int s = 0; s < Row::slots; ++s) slot[s].store(slots[s] + i);
            }
        });
    }

    const Parameter& parameter_;
    const Weights<T>& weights_;
    const int optimizer_, slots_;
    const bool far_;  // larger than the second cache leaves room for
    const UpdateScalars& given_;
};

template <class T, class E>
void update(const Job<T>& job, long parameter, long first, long last, const UpdateScalars& given) {
    const long panels = panels_of<T>(job.program->parameters[parameter].columns);
    Update<T, E>(job, parameter, given).rows({parameter, first, last, 0, panels});
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
            const auto place = [&](long j) {
                return k * weights.member + i * weights.row +
                       (p.layout == Layout::panels ? j / width * weights.panel + j % width : j);
            };
            long j = 0;
            // Of weights, sixteen columns at a time where they stand together: lanes in registers
            if constexpr (width % virtual_lanes == 0)
                for (; of_weights && j + virtual_lanes <= p.columns; j += virtual_lanes) {
                    const T* w = weights.w + place(j);
                    for (int l = 0; l < virtual_lanes; ++l)
                        lane[l] += static_cast<double>(w[l]) * static_cast<double>(w[l]);
                }
            for (; j < p.columns; ++j) {
                const long at = place(j);
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
CP_INLINE void copy_stretch(const T* from, T* to, long length) {
    using V = Vector<T>;
    long j = 0;
    for (; j + V::lanes <= length; j += V::lanes) V::load(from + j).store(to + j);
    for (; j < length; ++j) to[j] = from[j];
}

// B(j, i) = A(i, j), i < rows, j < columns, a square of registers at a time. Of A and B one is in
// panels; of the flat one nothing is touched behind a row's end.
template <class T>
CP_INLINE void to_panels(const T* flat, long rows, long columns, T* array, long panel) {
    using V = Vector<T>;
    constexpr long width = panel_width<T>;
    for (long i = 0; i < rows; i += V::lanes)
        for (long j = 0; j < columns; j += V::lanes) {
            const int right = columns - j < V::lanes ? static_cast<int>(columns - j) : V::lanes;
            V row[V::lanes];
            for (int r = 0; r < V::lanes; ++r) {
                const T* from = flat + (i + r) * columns + j;
                row[r] = i + r >= rows       ? V::zero()
                         : right == V::lanes ? V::load(from)
                                             : V::load(from, right);
            }
            transpose_in_registers<T>(row);
            T* to = array + i / width * panel + j * width + i % width;
            for (int r = 0; r < right; ++r) row[r].store(to + r * width);
        }
}
template <class T>
CP_INLINE void from_panels(const T* array, long panel, long rows, long columns, T* flat) {
    using V = Vector<T>;
    constexpr long width = panel_width<T>;
    for (long i = 0; i < rows; i += V::lanes)
        for (long j = 0; j < columns; j += V::lanes) {
            const int right = columns - j < V::lanes ? static_cast<int>(columns - j) : V::lanes;
            const T* from = array + i / width * panel + j * width + i % width;
            V row[V::lanes];
            for (int r = 0; r < V::lanes; ++r)
                row[r] = r < right ? V::load(from + r * width) : V::zero();
            transpose_in_registers<T>(row);
            for (int r = 0; r < V::lanes && i + r < rows; ++r) {
                T* to = flat + (i + r) * columns + j;
                right == V::lanes ? row[r].store(to) : row[r].store(to, right);
            }
        }
}

// Calls turned(flat, at) for each member of a turned matrix.
template <class T, class Turned>
CP_INLINE bool each_turned(const Job<T>& job, long parameter, Turned turned) {
    const Parameter& p = job.program->parameters[parameter];
    const Weights<T>& w = job.weights[parameter];
    for (int k = 0; k < p.members && w.turned; ++k)
        turned(p.flat + static_cast<long>(k) * p.rows * p.columns, k * w.member);
    return w.turned;
}

template <class T>
void pack(const Job<T>& job, long parameter, const T* flat, T* array) {
    const Parameter& p = job.program->parameters[parameter];
    const long panel = job.weights[parameter].panel;
    if (each_turned(job, parameter, [&](long from, long to) {
            to_panels(flat + from, p.columns, p.rows, array + to, panel);
        }))
        return;
    common_stretches(job, parameter, [=](long from, long to, long length) {
        copy_stretch(flat + from, array + to, length);
    });
    if (p.layout == Layout::spread)  // one number, said once for each unit
        for (int k = 0; k < p.members; ++k) {
            T* row = array + k * job.weights[parameter].member;
            for (int j = 1; j < p.width; ++j) row[j] = row[0];
        }
}

template <class T>
void unpack(const Job<T>& job, long parameter, const T* array, T* flat) {
    const Parameter& p = job.program->parameters[parameter];
    const long panel = job.weights[parameter].panel;
    if (each_turned(job, parameter, [&](long to, long from) {
            from_panels(array + from, panel, p.columns, p.rows, flat + to);
        }))
        return;
    common_stretches(job, parameter, [=](long to, long from, long length) {
        copy_stretch(array + from, flat + to, length);
    });
}

}  // namespace clearprop::CP_ISA
