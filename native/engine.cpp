// What the engine does with its program beside whole steps (steps.cpp): outputs and costs of rows,
// gradients in pieces, single updates.
//
// engine.hpp tells why it is fast, workspace.cpp where things stand.
#include "engine.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "blocks.hpp"
#include "dropout.hpp"
#include "subnormal.hpp"

namespace clearprop {

namespace {

// Up to this many rows, packing weights takes about as long as what is done with them, and a flat
// vector is looked at whether it is the last one.
constexpr long few_rows = 1024;

}  // namespace

double total_weight(const double* weights, const std::int64_t* rows, long m) {
    if (!weights) return static_cast<double>(m);
    return row_sum(0, m, [&](long r) { return weights[rows ? rows[r] : r]; });
}

// Σ shareᵢ Cᵢ over blocks of the batch
template <class T>
double Engine<T>::cost(const Job<T>& job, long first_block, long last_block) const {
    return row_sum(first_block * row_block, std::min(job.m, last_block * row_block),
                   [&](long r) { return job.share[r] * job.row_cost[r]; });
}

template <class T>
double Engine<T>::joined_squares() const {
    return joined(static_cast<long>(squares_.size()),
                  [&](long i) { return squares_[static_cast<std::size_t>(i)]; });
}

template <class T>
double Engine<T>::penalty(From<T> from) {
    read(from, few_rows);
    const Job<T> at = this->job(0);
    double total = 0;
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const Parameter& parameter = tables_.parameters[p];
        if (parameter.penalty == 0) continue;
        kernels_.squares(at, static_cast<long>(p), 0, parameter.rows, true, 1,
                         squares_.data() + square_start_[p]);
        total += parameter.penalty / 2 * joined(parameter.rows * parameter.members, [&](long i) {
                     return squares_[static_cast<std::size_t>(square_start_[p] + i)];
                 });
    }
    return total;
}

template <class T>
void Engine<T>::run(Held<T>& held, const Data& data, const Slice& slice, End& end, long& done) {
    this->bind(held);
    held.touch();
    bound_ = 0;
    steps(data, slice, end, done);
    bound_ = held.stamp();  // the copies that products read went along with the weights
}

template <class T>
void Engine<T>::run(T* flat, T* const* slots, const Data& data, const Slice& slice, End& end,
                    long& done) {
    this->pack(flat, slots);
    packed_.clear();
    const auto taken_back = [&] { this->unpack(flat, slots); };
    try {
        steps(data, slice, end, done);
    } catch (...) {
        taken_back();
        throw;
    }
    taken_back();
}

template <class T>
bool Engine<T>::read(From<T> from, long m) {
    if (from.held) {
        this->bind(*from.held);
        return false;
    }
    const std::size_t size = static_cast<std::size_t>(tables_.size);
    if (packed_.size() == size && std::memcmp(packed_.data(), from.flat, size * sizeof(T)) == 0)
        return true;
    this->pack(from.flat, nullptr);
    // The first vector may be the only one: a copy to compare with is kept from the second on.
    if (m <= few_rows && read_before_) packed_.assign(from.flat, from.flat + size);
    read_before_ = true;
    return false;
}

template <class T>
template <class Visit>
bool Engine<T>::each_block(const Data& data, const std::int64_t* rows, long m, long size,
                           int threads, const Job<T>& given, Visit visit) {
    const long blocks = (m + size - 1) / size;
    Team team(static_cast<int>(std::clamp<long>(blocks, 1, threads)));
    this->reserve(team.size() * size, data);
    this->make_scratch(team.size(), size);
    std::vector<std::int64_t> places(static_cast<std::size_t>(team.size() * size));
    std::atomic<long> next{0};  // a thread that is held up leaves the rest to the others
    bailed_ = false;
    team.run([&](int rank) {
        const long first = rank * size;
        try {
            for (long b = next++; b < blocks && !bailed_; b = next++) {
                const long start = b * size, count = std::min(size, m - start);
                for (long r = 0; r < count; ++r) {
                    const long row = rows ? rows[start + r] : start + r;
                    places[static_cast<std::size_t>(first + r)] = row;
                    share_.get()[first + r] = data.weights ? data.weights[row] : 1;
                }
                Job<T> at = this->job(first + count, rank);
                if (given.program) at.program = given.program;
                at.with_batch = given.with_batch;
                at.costs_alone = given.costs_alone;
                at.stop = given.stop;
                this->gather(data, places.data(), first, first + count);
                if (!kernels_.rows(at, first, first + count)) bailed_ = true;
                if (!bailed_) visit(at, first, start, count);
            }
        } catch (...) {
            bailed_ = true;
            throw;
        }
    });
    return !bailed_;
}

template <class T>
void Engine<T>::take_outputs(const std::vector<int>& outputs, T* const* out, long m, long first,
                             long start, long count) const {
    for (std::size_t o = 0; o < outputs.size(); ++o) {
        const Slot& slot = tables_.slots[static_cast<std::size_t>(outputs[o])];
        const Rows<T>& value = slots_[static_cast<std::size_t>(outputs[o])];
        for (int k = 0; k < slot.members; ++k)
            for (long r = 0; r < count; ++r)
                std::copy_n(value.base + (first + r) * value.row + k * value.member, slot.width,
                            out[o] + (k * m + start + r) * slot.width);
    }
}

template <class T>
bool Engine<T>::forward(From<T> from, const Data& data, const std::int64_t* rows, long m,
                        const std::vector<int>& outputs, T* const* out, int threads,
                        volatile int* stop) {
    read(from, m);
    Job<T> given{};
    given.stop = stop;
    // As many blocks for each thread, of whole tiles
    const long most = pass_rows * threads, blocks = std::max(1L, (m + most - 1) / most * threads);
    const long tile = kernels_.part_rows, rows_each = (m + blocks - 1) / blocks;
    const long size = std::clamp((rows_each + tile - 1) / tile * tile, 1L, pass_rows);
    return each_block(data, rows, m, size, threads, given,
                      [&](const Job<T>&, long first, long start, long count) {
                          take_outputs(outputs, out, m, first, start, count);
                      });
}

template <class T>
void Engine<T>::prepare(const T* flat, const Data& data) {
    if (read(flat, pass_rows)) return;
    this->reserve(pass_rows, data);
    this->divide(1, pass_rows);
}

template <class T>
void Engine<T>::predict(Data& data, long m, int output, T* out) {
    static volatile int never = 0;
    Array& input = data.inputs[0];
    const long size = input.type == Type::f64 ? 8 : 4;
    const Slot& slot = tables_.slots[static_cast<std::size_t>(output)];
    const Rows<T>& value = slots_[static_cast<std::size_t>(output)];
    Job<T> at = this->job(0, 0);
    at.stop = &never;
    for (long start = 0; start < m; start += pass_rows) {
        at.m = std::min<long>(pass_rows, m - start);
        this->pass(at, data, nullptr, 0, at.m);
        for (long r = 0; r < at.m; ++r, out += slot.width) {
            const T* row = value.base + r * value.row;
            std::copy_n(row, slot.width, out);
            for (int k = 1; k < slot.members; ++k)
                for (int j = 0; j < slot.width; ++j) out[j] += row[k * value.member + j];
            for (int j = 0; j < slot.width && slot.members > 1; ++j)
                out[j] /= static_cast<T>(slot.members);
        }
        input.data = static_cast<const char*>(input.data) + at.m * input.row * size;
    }
}

template <class T>
double Engine<T>::weighted_cost(From<T> from, const Data& data, const std::int64_t* rows, long m,
                                int threads, volatile int* stop, const std::vector<int>& outputs,
                                T* const* out) {
    read(from, m);
    // A softmax that only δ reads is not stored (join_softmax); as an output it is.
    std::vector<Instruction> instructions = tables_.instructions;
    for (Instruction& one : instructions)
        if (one.op == Op::softmax && one.function == 2) one.function = 1;
    Program program = program_;
    program.instructions = instructions.data();
    Job<T> given{};
    given.program = &program;
    given.with_batch = given.costs_alone = true;
    given.stop = stop;
    std::vector<double> blocks(static_cast<std::size_t>(blocks_of(m)));
    const auto visit = [&](const Job<T>& at, long first, long start, long count) {
        const long block = first / row_block;  // where it stands
        blocks[static_cast<std::size_t>(start / row_block)] = cost(at, block, block + 1);
        take_outputs(outputs, out, m, first, start, count);
    };
    if (!each_block(data, rows, m, row_block, threads, given, visit)) return std::nan("");
    return joined(static_cast<long>(blocks.size()),
                  [&](long b) { return blocks[static_cast<std::size_t>(b)]; });
}

template <class T>
bool Engine<T>::gradient(const T* flat, const Data& data, const std::int64_t* rows, long m,
                         long place, double total_weight, std::uint64_t seed, std::uint64_t step,
                         bool training, double dropout_scale, int threads, volatile int* stop,
                         std::vector<Node>& nodes, std::vector<std::vector<T>>& sums) {
    this->reserve(m, data);
    this->pack(flat, nullptr);
    Team team(threads);
    this->divide(team.size(), m);
    this->make_gradients();
    bailed_ = false;
    for (long r = 0; r < m; ++r)
        share_.get()[r] = (data.weights ? data.weights[rows ? rows[r] : r] : 1) / total_weight;
    Job<T> at = this->job(m);
    at.first_place = place;
    at.seed = seed;
    at.step = static_cast<std::uint32_t>(step);
    at.training = training;
    ScaledDropout dropout(program_, tables_.attrs);
    if (dropout_scale != 1) at.program = dropout.at(dropout_scale);
    at.with_batch = true;
    at.stop = stop;
    team.run([&](int rank) {
        const FlushSubnormal<T> flush;
        const auto first = [&](int of) { return m * of / team.size(); };
        if (!this->pass(this->with_scratch(at, rank), data, rows, first(rank), first(rank + 1)))
            bailed_ = true;
    });
    // The piece as subtrees of the whole batch: the largest that start where the last one ended.
    const long first = place / row_block, blocks = blocks_of(m);
    for (long b = 0; b < blocks && !bailed_;) {
        long level = 0;
        while ((first + b) % (2L << level) == 0 && b + (2L << level) <= blocks) ++level;
        const long end = b + (1L << level), r0 = b * row_block, r1 = std::min(m, end * row_block);
        const auto weight = [&](long r) {
            return data.weights ? data.weights[rows ? rows[r] : r] : 1.0;
        };
        nodes.push_back({first + b, level, cost(at, b, end), row_sum(r0, r1, weight)});
        std::vector<T>& sum = sums.emplace_back(static_cast<std::size_t>(tables_.size));
        Stretches stretches(team.size());
        for (int rank = 0; rank < team.size(); ++rank) items_.own(stretches, rank);
        team.run([&](int rank) {
            const FlushSubnormal<T> flush;
            const Job<T> own = this->with_scratch(at, rank);
            items_.each(stretches, rank, [&](const Item& item) {
                if (*stop) return void(bailed_ = true);
                kernels_.sum_rows(own, item, b, end, nullptr);
            });
        });
        for (std::size_t p = 0; p < weights_.size(); ++p)
            kernels_.unpack(at, static_cast<long>(p), weights_[p].gradient, sum.data());
        b = end;
    }
    return !bailed_;
}

template <class T>
double Engine<T>::apply(T* flat, T* const* slots, const T* gradient, double rate,
                        const double* per_step, long per_step_count, double clip,
                        double decay_scale) {
    const FlushSubnormal<T> flush;
    this->pack(flat, slots);
    packed_.clear();
    this->make_gradients();
    const Job<T> at = this->job(0);
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const long parameter = static_cast<long>(p), rows = tables_.parameters[p].rows;
        kernels_.pack(at, parameter, gradient, weights_[p].gradient);
        kernels_.squares(at, parameter, 0, rows, false, 1, squares_.data() + square_start_[p]);
    }
    std::vector<double> settings = settings_;
    UpdateScalars given = this->scalars(settings, rate, per_step, per_step_count);
    given.weight_decay *= decay_scale;
    const double norm = std::sqrt(joined_squares());
    if (clip > 0 && norm > clip) given.gradient_scale = clip / norm;
    for (std::size_t p = 0; p < weights_.size(); ++p)
        kernels_.update(at, static_cast<long>(p), 0, tables_.parameters[p].rows, given);
    this->unpack(flat, slots);
    return norm;
}

template class Engine<float>;
template class Engine<double>;

}  // namespace clearprop
