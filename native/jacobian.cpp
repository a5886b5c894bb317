// Each row's own derivatives of each output that a cost reads: what second-order methods ask for.
//
// The program runs as it does for a gradient, but that the unit vector of one output stands where
// ∂C/∂a would. What goes back is then δ = ∂a_unit/∂z of every row, and the summands of a gradient
// are not summed over rows but written, row by row:
//
//     ∂a_unit/∂W = δ aᵀ,   ∂a_unit/∂b = δ,   of a table that is read by index, δ in that row.
//
// Why it is fast: a block of rows goes forward once and back once for each output, by the kernels
// of training and in memory that stays near; what is written is the Jacobian itself.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine.hpp"
#include "subnormal.hpp"

namespace clearprop {

template <class T>
class Engine<T>::Jacobian {
  public:
    Jacobian(Engine& engine, const Data& data, const std::vector<long>& costs, volatile int* stop);
    // Rows places[0] … places[m − 1] of the data: the derivatives of output u, row r, go to
    // out[(u · m + r) · size …]. False if stopped.
    bool run(const std::int64_t* places, long m, T* out);

  private:
    const Instruction& instruction(long i) const {
        return engine_.tables_.instructions[static_cast<std::size_t>(i)];
    }
    bool is_cost(long i) const {
        return instruction(i).op == Op::cost || instruction(i).op == Op::cost_vjp;
    }
    bool between(long begin, long end);
    bool back(long seeded, long unit);
    void write(T* out) const;
    void write(const Parameter& p, bool turned, const Use& use, T* out) const;

    Engine& engine_;
    const Data& data_;
    const std::vector<long>& costs_;  // instructions that give ∂C/∂a
    const std::vector<Share> by_rows_;
    Job<T> at_;
    long count_, first_;  // of the instructions; the first that reads a target
};

template <class T>
Engine<T>::Jacobian::Jacobian(Engine& engine, const Data& data, const std::vector<long>& costs,
                              volatile int* stop)
    : engine_(engine),
      data_(data),
      costs_(costs),
      by_rows_(engine.tables_.instructions.size(), Share{false, false}),
      count_(static_cast<long>(by_rows_.size())),
      first_(0) {
    if (engine.tables_.members != 1)
        throw std::invalid_argument("the Jacobian is of one network, without members");
    for (const long i : costs)
        if (i < 0 || i >= count_ || instruction(i).op != Op::cost_vjp)
            throw std::invalid_argument("an instruction that is no derivative of a cost");
    engine.reserve(pass_rows, data);
    engine.make_scratch(1, pass_rows);
    at_ = engine.job(0, 0);
    at_.sharing = by_rows_.data();
    at_.with_batch = true;
    at_.parts = 1;
    at_.stop = stop;
    while (first_ < count_ && !is_cost(first_)) ++first_;
}

template <class T>
bool Engine<T>::Jacobian::run(const std::int64_t* places, long m, T* out) {
    const long size = static_cast<long>(engine_.tables_.size);
    for (long start = 0; start < m; start += pass_rows) {
        at_.m = std::min<long>(pass_rows, m - start);
        engine_.gather(data_, places + start, 0, at_.m);
        if (!between(0, first_)) return false;
        T* to = out + start * size;
        for (const long i : costs_) {
            const long width = static_cast<long>(engine_.width(instruction(i).out));
            for (long unit = 0; unit < width; ++unit, to += m * size) {
                if (!back(i, unit)) return false;
                write(to);
            }
        }
    }
    return true;
}

// Instructions begin … end − 1, but for the costs; false if stopped.
template <class T>
bool Engine<T>::Jacobian::between(long begin, long end) {
    for (long i = begin; i < end;) {
        long next = i;
        while (next < end && !is_cost(next)) ++next;
        if (next > i && !engine_.kernels_.shared(at_, 0, at_.m, i, next)) return false;
        i = next + 1;
    }
    return true;
}

// From the costs on, with a unit vector in the place of the derivatives of one of them and zeros in
// that of the others
template <class T>
bool Engine<T>::Jacobian::back(long seeded, long unit) {
    long done = first_;
    for (long i = first_; i < count_; ++i) {
        const Instruction& one = instruction(i);
        if (one.op != Op::cost_vjp) continue;
        if (!between(done, i)) return false;
        done = i;
        const Rows<T>& delta = engine_.slots_[static_cast<std::size_t>(one.out)];
        const std::size_t width = engine_.width(one.out);
        for (long r = 0; r < at_.m; ++r) {
            T* const row = delta.base + r * delta.row;
            if (!one.accumulate) std::fill_n(row, width, T(0));
            if (i == seeded) row[unit] += T(1);
        }
    }
    return between(done, count_);
}

template <class T>
void Engine<T>::Jacobian::write(T* out) const {
    const Tables& tables = engine_.tables_;
    std::fill_n(out, at_.m * static_cast<long>(tables.size), T(0));
    for (std::size_t p = 0; p < tables.parameters.size(); ++p) {
        const Parameter& one = tables.parameters[p];
        for (int u = one.first_use; u < one.first_use + one.uses; ++u)
            write(one, engine_.turned_[p], tables.uses[static_cast<std::size_t>(u)], out);
    }
}

template <class T>
void Engine<T>::Jacobian::write(const Parameter& p, bool turned, const Use& use, T* out) const {
    const Rows<T>& deltas = engine_.slots_[static_cast<std::size_t>(use.delta)];
    for (long r = 0; r < at_.m; ++r) {
        T* const to = out + r * static_cast<long>(engine_.tables_.size) + p.flat;
        const T* const delta = deltas.base + r * deltas.row;
        if (use.kind == UseKind::outer) {
            const Rows<T>& values = engine_.slots_[static_cast<std::size_t>(use.a)];
            const T* const a = values.base + r * values.row;
            // Turned (Workspace::turn), δ and a have changed places, and so have rows and columns
            const long rows = turned ? p.columns : p.rows, columns = turned ? p.rows : p.columns;
            const T *const tall = turned ? a : delta, *const wide = turned ? delta : a;
            for (long i = 0; i < rows; ++i)
                for (long j = 0; j < columns; ++j) to[i * columns + j] += tall[i] * wide[j];
        } else if (use.kind == UseKind::columns) {
            for (long j = 0; j < p.columns; ++j) to[j] += delta[j];
        } else if (use.kind == UseKind::shared_columns) {
            for (long j = 0; j < p.width; ++j) to[0] += delta[j];
        } else {
            const long row = engine_.indices_[static_cast<std::size_t>(use.a)][r];
            for (long j = 0; j < p.columns; ++j) to[row * p.columns + j] += delta[j];
        }
    }
}

template <class T>
bool Engine<T>::jacobian(const T* flat, const Data& data, const std::int64_t* rows, long m,
                         const std::vector<long>& costs, volatile int* stop, T* out) {
    const FlushSubnormal<T> flush;
    this->pack(flat, nullptr);
    return Jacobian(*this, data, costs, stop).run(rows, m, out);
}

template bool Engine<float>::jacobian(const float*, const Data&, const std::int64_t*, long,
                                      const std::vector<long>&, volatile int*, float*);
template bool Engine<double>::jacobian(const double*, const Data&, const std::int64_t*, long,
                                       const std::vector<long>&, volatile int*, double*);

}  // namespace clearprop
