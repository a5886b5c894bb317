// A slice of steps: what every thread of a team does in each of them, and where they meet.
//
// One step is `step` below, from top to bottom: rows (a piece of the batch at a time, where it is
// in pieces), a barrier, the cost, the sums of the gradient with their updates, a barrier. What is
// measured over the whole gradient, or takes so long that it is asked whether to stop, has updates
// of their own behind one more barrier.
//
// Why it is fast: engine.hpp tells.
#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>

#include "blocks.hpp"
#include "dropout.hpp"
#include "engine.hpp"
#include "subnormal.hpp"

namespace clearprop {

namespace {

// From this many multiplications of the gradients on, they and the updates are apart, so that a
// step can be stopped, and discarded whole, between them (some 200 ms of one core).
constexpr double long_step = 1e10;

// The slots of gradients that wait which are to be joined, in this order (tree.hpp).
struct Joins {
    int slots[tree_depth];
    int count = 0;
};

}  // namespace

template <class T>
class Engine<T>::Steps {
  public:
    Steps(Engine& engine, const Data& data, const Slice& slice, End& end, long& done);
    void run();

  private:
    // What a thread has of its own through the slice.
    struct Own {
        int rank;
        std::vector<double> settings;
        std::optional<ScaledDropout> dropout;
        long turn = 0;  // of the paces
    };

    bool step(long s, Own& own);
    Job<T> job(long s, long m, Own& own) const;
    void pass(const Job<T>& part, const std::int64_t* rows, double total, Own& own);
    bool pass_by_units(const Job<T>& part, const std::int64_t* rows, long first, long last);
    void sum_piece(const Job<T>& part, const Joins& joins);
    void sum(const Job<T>& at, const UpdateScalars& scalars, const Joins& joins);
    void update(const Job<T>& at, long s, UpdateScalars& scalars);
    void penalise(double& cost, const UpdateScalars& scalars) const;

    void meet(const Job<T>& at) {
        const Timed timed(at.ticks, phase_wait);
        barrier_.wait();
    }
    template <class Visit>
    void each_item(const Job<T>& at, Visit visit) {
        engine_.items_.each(stretches_, at.rank, visit);
    }
    void join(const Joins& joins, const Item& item) const {
        for (int j = 0; j < joins.count; ++j)
            engine_.waiting_.join(joins.slots[j], item.parameter, item.first, item.last);
    }

    Engine& engine_;
    const Data& data_;
    const Slice& slice_;
    End& end_;
    long& done_;
    Team team_;
    const int threads_;
    Barrier barrier_;
    Stretches stretches_;
    long piece_ = 0;  // rows of a batch that are done at once
    bool in_pieces_ = false;
    bool measured_ = false;  // the norm of the whole gradient is asked for
    bool fuse_ = false;      // a part of a parameter is updated right behind its sum
    bool by_units_ = false;
    std::vector<double> weight_squares_;  // where there is a penalty
};

template <class T>
Engine<T>::Steps::Steps(Engine& engine, const Data& data, const Slice& slice, End& end, long& done)
    : engine_(engine),
      data_(data),
      slice_(slice),
      end_(end),
      done_(done),
      team_(slice.threads),
      threads_(team_.size()),
      barrier_(threads_),
      stretches_(threads_) {
    const std::vector<Parameter>& parameters = engine.tables_.parameters;
    long largest = 0;
    for (long s = 0; s < slice.steps; ++s)
        largest = std::max(largest, slice.starts[s + 1] - slice.starts[s]);
    bool penalised = false;
    double numbers = 0;
    for (const Parameter& p : parameters) {
        penalised |= p.penalty != 0;
        numbers += static_cast<double>(p.rows) * p.columns * p.members;
    }
    const double work = numbers * static_cast<double>(largest);
    const long asked = piece_of(largest, engine.bytes_of_a_row(), numbers * sizeof(T), threads_);
    piece_ = std::min(slice.piece > 0 ? slice.piece : asked, largest);
    in_pieces_ = piece_ < largest;
    measured_ = slice.clip > 0 || slice.norms;
    fuse_ = slice.fuse && !measured_ && work < long_step && !in_pieces_;
    by_units_ = slice.by_units && fuse_ && threads_ > 1;
    engine.reserve(piece_, data, largest);
    if (!fuse_) engine.make_gradients();
    if (in_pieces_)
        engine.waiting_.begin(engine.weights_, parameters, (largest + piece_ - 1) / piece_);
    engine.divide(threads_, piece_, by_units_);
    engine.paces_.begin(threads_);
    if (penalised) weight_squares_.resize(engine.squares_.size());
}

template <class T>
void Engine<T>::Steps::run() {
    engine_.bailed_ = engine_.discarded_ = false;
    end_ = End::done;
    team_.run([&](int rank) {
        const FlushSubnormal<T> flush;
        Own own{rank, engine_.settings_, {}};
        if (slice_.dropouts) own.dropout.emplace(engine_.program_, engine_.tables_.attrs);
        for (long s = 0; s < slice_.steps && step(s, own);) ++s;
    });
    const bool stopped = engine_.bailed_ || engine_.discarded_;
    if (end_ == End::done && stopped) end_ = End::stopped;  // a diverged step is done
}

// False: there is no further step.
template <class T>
bool Engine<T>::Steps::step(long s, Own& own) {
    const std::int64_t* const places = slice_.rows + slice_.starts[s];
    const long m = slice_.starts[s + 1] - slice_.starts[s];
    const double total = total_weight(data_.weights, places, m);
    const bool first = own.rank == 0;
    if (!(total > 0) && total == total) {  // nothing to learn from: skipped and counted
        if (first) {
            slice_.costs[s] = std::nan("");
            if (slice_.norms) slice_.norms[s] = 0;
            slice_.skipped[s] = 1;
            done_ = s + 1;
        }
        return true;
    }
    const Job<T> at = job(s, m, own);
    Tree tree;
    Joins joins;
    const auto join_next = [&](int slot) { joins.slots[joins.count++] = slot; };
    for (long start = 0; start < m; start += piece_) {
        Job<T> part = at;
        part.m = std::min(piece_, m - start);
        part.first_place = start;
        part.share += start;
        part.row_cost += start;
        engine_.items_.own(stretches_, own.rank);
        pass(part, places + start, total, own);
        if (!in_pieces_ || engine_.bailed_) break;
        joins.count = 0;
        part.weights = engine_.waiting_.weights(tree.push(start / piece_, join_next));
        sum_piece(part, joins);
    }
    if (engine_.bailed_) return false;
    joins.count = 0;
    tree.finish(join_next);
    if (in_pieces_) engine_.items_.own(stretches_, own.rank);
    const double J = engine_.cost(at, 0, blocks_of(m));  // by every thread: cheaper than a barrier
    if (first) {
        slice_.costs[s] = J;
        slice_.skipped[s] = 0;
    }
    if (!std::isfinite(J)) {
        if (first) {
            end_ = End::diverged;
            done_ = s + 1;
        }
        return false;
    }
    UpdateScalars scalars =
        engine_.scalars(own.settings, slice_.rates[s], slice_.per_step + s * slice_.per_step_count,
                        slice_.per_step_count);
    if (slice_.penalties) scalars.penalty_scale = slice_.penalties[s];
    if (slice_.decays) scalars.weight_decay *= slice_.decays[s];
    sum(at, scalars, joins);
    meet(at);
    if (!fuse_) {
        if (engine_.discarded_) return false;
        update(at, s, scalars);
        meet(at);
    }
    if (first) {
        if (!weight_squares_.empty()) penalise(slice_.costs[s], scalars);
        done_ = s + 1;
    }
    return true;
}

template <class T>
Job<T> Engine<T>::Steps::job(long s, long m, Own& own) const {
    Job<T> at = engine_.job(m, own.rank);
    at.parts = threads_;
    at.seed = slice_.seed;
    at.step = static_cast<std::uint32_t>(slice_.first_step + static_cast<std::uint64_t>(s));
    at.training = at.with_batch = true;
    if (own.dropout) at.program = own.dropout->at(slice_.dropouts[s]);
    at.stop = slice_.stop;
    at.ticks = own.rank == 0 ? slice_.ticks : nullptr;
    return at;
}

// The thread's own rows of a piece, or its own units, through all instructions; then all meet.
template <class T>
void Engine<T>::Steps::pass(const Job<T>& part, const std::int64_t* rows, double total, Own& own) {
    const auto begin = [&](int rank) {
        return by_units_ ? part.m * rank / threads_
                         : engine_.paces_.first(own.turn, rank, part.m, engine_.kernels_.part_rows);
    };
    const long first = begin(own.rank), last = begin(own.rank + 1);
    const std::uint64_t began = ticks();
    double* const share = engine_.share_.get() + part.first_place;
    for (long r = first; r < last; ++r)
        share[r] = (data_.weights ? data_.weights[rows[r]] : 1) / total;
    bool whole = false;
    try {
        whole = by_units_ ? pass_by_units(part, rows, first, last)
                          : engine_.pass(part, data_, rows, first, last);
    } catch (...) {
        engine_.bailed_ = true;
        barrier_.wait();
        throw;
    }
    if (!whole) engine_.bailed_ = true;
    if (threads_ > 1 && !by_units_)
        engine_.paces_.note(own.turn++, own.rank, last - first, ticks() - began);
    meet(part);
}

// The rows gathered and through all instructions, shared out by units: rows first … last − 1 are
// the thread's own. One that was stopped, or failed, goes on to meet the others, and does nothing
// between. False if stopped.
template <class T>
bool Engine<T>::Steps::pass_by_units(const Job<T>& part, const std::int64_t* rows, long first,
                                     long last) {
    std::exception_ptr failed;
    try {
        const Timed timed(part.ticks, phase_gather);
        engine_.gather(data_, rows, first, last);
    } catch (...) {
        failed = std::current_exception();
    }
    bool whole = !failed;
    const long count = engine_.program_.instruction_count;
    const auto meets = [&](long i) { return engine_.sharing_[static_cast<std::size_t>(i)].meet; };
    for (long i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && !meets(next);) ++next;
        if (meets(i)) meet(part);
        if (whole) whole = engine_.kernels_.shared(part, first, last, i, next);
    }
    if (failed) std::rethrow_exception(failed);
    return whole;
}

// The sums of a piece's gradient, which wait for those of the next; then all meet.
template <class T>
void Engine<T>::Steps::sum_piece(const Job<T>& part, const Joins& joins) {
    each_item(part, [&](const Item& item) {
        const Timed timed(part.ticks, phase_sums);
        if (*slice_.stop) return void(engine_.discarded_ = true);
        join(joins, item);
        engine_.kernels_.sum_rows(part, item, 0, blocks_of(part.m), nullptr);
    });
    meet(part);  // a thread that discards the step is seen behind the last barrier of sums
}

// The sums of the whole gradient, and where they are fused each part's update.
template <class T>
void Engine<T>::Steps::sum(const Job<T>& at, const UpdateScalars& scalars, const Joins& joins) {
    each_item(at, [&](const Item& item) {
        const Timed timed(at.ticks, phase_sums);
        if (!fuse_ && *slice_.stop) return void(engine_.discarded_ = true);
        const long start = engine_.square_start_[static_cast<std::size_t>(item.parameter)];
        const auto squares = [&](bool of_weights, double scale, double* out) {
            engine_.kernels_.squares(at, item.parameter, item.first, item.last, of_weights, scale,
                                     out + start);
        };
        if (engine_.tables_.parameters[static_cast<std::size_t>(item.parameter)].penalty != 0)
            squares(true, 1, weight_squares_.data());
        if (in_pieces_)
            join(joins, item);
        else
            engine_.kernels_.sum_rows(at, item, 0, blocks_of(at.m), fuse_ ? &scalars : nullptr);
        if (measured_) squares(false, scalars.penalty_scale, engine_.squares_.data());
    });
}

// The updates, where the whole gradient had to be known before.
template <class T>
void Engine<T>::Steps::update(const Job<T>& at, long s, UpdateScalars& scalars) {
    const double norm = measured_ ? std::sqrt(engine_.joined_squares()) : 0;
    if (slice_.clip > 0 && norm > slice_.clip) scalars.gradient_scale = slice_.clip / norm;
    if (at.rank == 0 && slice_.norms) slice_.norms[s] = norm;
    engine_.items_.own(stretches_, at.rank);
    each_item(at, [&](const Item& item) {
        engine_.kernels_.update(at, item.parameter, item.first, item.last, scalars);
    });
}

// The cost with λ/2 Σ W² of the weights before the step
template <class T>
void Engine<T>::Steps::penalise(double& cost, const UpdateScalars& scalars) const {
    for (std::size_t p = 0; p < engine_.weights_.size(); ++p) {
        const Parameter& one = engine_.tables_.parameters[p];
        const double* const squares = weight_squares_.data() + engine_.square_start_[p];
        if (one.penalty != 0)
            cost += scalars.penalty_scale * one.penalty / 2 *
                    joined(one.rows * one.members, [&](long i) { return squares[i]; });
    }
}

template <class T>
void Engine<T>::steps(const Data& data, const Slice& slice, End& end, long& done) {
    Steps(*this, data, slice, end, done).run();
}

template void Engine<float>::steps(const Data&, const Slice&, End&, long&);
template void Engine<double>::steps(const Data&, const Slice&, End&, long&);

}  // namespace clearprop
