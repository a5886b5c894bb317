#include "engine.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

#include "tree.hpp"

namespace clearprop {

namespace {

constexpr long pass_rows = 128;  // rows that go through all instructions together
// From this many multiplications a step on, gradients and updates are apart, so that a step can be
// stopped, and discarded whole, in the middle of the gradients (some 20 ms of one core).
constexpr double long_step = 1e9;

long blocks_of(long m) { return (m + row_block - 1) / row_block; }

// Rows whose distance is a multiple of 1 KB share few sets of the first cache: one line more.
template <class T>
long row_stride(long width) {
    constexpr long line = pad_bytes / static_cast<long>(sizeof(T));
    const long stride = (width + line - 1) / line * line;
    return stride * static_cast<long>(sizeof(T)) % 1024 ? stride : stride + line;
}

// Sum of parts by the tree, in double.
template <class Part>
double joined(long parts, Part part) {
    double waiting[tree_depth];
    const auto join = [&](int slot) { waiting[slot] += waiting[slot + 1]; };
    Tree tree;
    for (long i = 0; i < parts; ++i) {
        const double value = part(i);
        waiting[tree.push(i, join)] = value;
    }
    tree.finish(join);
    return parts ? waiting[0] : 0;
}

// Σ over rows first … last − 1: blocks from `first` on, each a chain in row order.
template <class Term>
double row_sum(long first, long last, Term term) {
    return joined(blocks_of(last - first), [&](long block) {
        const long r0 = first + block * row_block, r1 = std::min(last, r0 + row_block);
        double sum = 0;
        for (long r = r0; r < r1; ++r) sum += term(r);
        return sum;
    });
}

template <class To, class From>
void copy_row(const From* from, long distance, To* to, long width) {
    if constexpr (std::is_same_v<To, From>)
        if (distance == 1) {
            std::memcpy(to, from, static_cast<std::size_t>(width) * sizeof(To));
            return;
        }
    for (long j = 0; j < width; ++j) to[j] = static_cast<To>(from[j * distance]);
}

template <class To>
void copy_row(const Array& array, long row, To* to, long width) {
    const auto from = [&]<class From>(const From* data) {
        copy_row(data + row * array.row, array.column, to, width);
    };
    switch (array.type) {
        case Type::f32:
            return from(static_cast<const float*>(array.data));
        case Type::f64:
            return from(static_cast<const double*>(array.data));
        case Type::i32:
            return from(static_cast<const std::int32_t*>(array.data));
        case Type::i64:
            return from(static_cast<const std::int64_t*>(array.data));
    }
}

bool is_index(const Array& array) { return array.type == Type::i32 || array.type == Type::i64; }

}  // namespace

double total_weight(const double* weights, const std::int64_t* rows, long m) {
    if (!weights) return static_cast<double>(m);
    return row_sum(0, m, [&](long r) { return weights[rows ? rows[r] : r]; });
}

template <class T>
Engine<T>::Engine(Tables tables, std::vector<double> settings, const Kernels<T>& kernels)
    : tables_(std::move(tables)), kernels_(kernels), settings_(std::move(settings)) {
    const Tables& t = tables_;
    program_ = {t.instructions.data(), static_cast<long>(t.instructions.size()),
                t.slots.data(),        static_cast<long>(t.slots.size()),
                t.parameters.data(),   static_cast<long>(t.parameters.size()),
                t.uses.data(),         t.attrs.data(),
                t.constants.data(),    t.members,
                t.optimizer,           t.optimizer_slots};
    const long width = kernels_.panel_width;
    const auto panels = [&](long columns) { return (columns + width - 1) / width; };
    long square = 0;
    for (const Parameter& p : t.parameters) {
        Weights<T> w{};
        if (p.layout == Layout::panels) {
            w.row = width;
            w.panel = p.rows * width;
            w.member = panels(p.columns) * w.panel;
            w.transposed_panel = p.columns * width;
            w.transposed_member = panels(p.rows) * w.transposed_panel;
        } else {
            w.row = row_stride<T>(std::max(p.columns, p.width));
            w.member = p.rows * w.row;
        }
        const std::size_t size = static_cast<std::size_t>(w.member) * p.members;
        w.w = arrays_.emplace_back().resize(size);
        w.gradient = arrays_.emplace_back().resize(size);
        for (int s = 0; s < t.optimizer_slots; ++s) w.slot[s] = arrays_.emplace_back().resize(size);
        if (p.transposed)
            w.transposed = arrays_.emplace_back().resize(
                static_cast<std::size_t>(w.transposed_member) * p.members);
        weights_.push_back(w);
        square_start_.push_back(square);
        square += static_cast<long>(p.rows) * p.members;
    }
    squares_.resize(static_cast<std::size_t>(square));
    long widest = 1;
    for (const Slot& slot : t.slots) widest = std::max<long>(widest, slot.width);
    const long stride = row_stride<T>(widest);
    T* constants = constants_.resize(static_cast<std::size_t>(stride) * t.constants.size());
    for (std::size_t c = 0; c < t.constants.size(); ++c)
        std::fill_n(constants + c * stride, stride, static_cast<T>(t.constants[c]));
    values_.resize(t.slots.size());
    index_memory_.resize(t.slots.size());
    indices_.assign(t.slots.size(), nullptr);
    slots_.assign(t.slots.size(), Rows<T>{});
    for (std::size_t s = 0; s < t.slots.size(); ++s) {
        const Slot& slot = t.slots[s];
        if (slot.kind == Kind::constant) slots_[s] = {constants + slot.index * stride, 0, 0};
        if (slot.kind == Kind::parameter) {
            const Weights<T>& w = weights_[static_cast<std::size_t>(slot.index)];
            slots_[s] = {w.w, 0, slot.members > 1 ? w.member : 0};
        }
    }
    list_memory_.resize(t.uses.size());
    lists_.assign(t.uses.size(), nullptr);
}

// Memory for batches of m rows of these data.
template <class T>
void Engine<T>::reserve(long m, const Data& data) {
    grow(m);
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        if (slot.kind != Kind::indices && slot.kind != Kind::target) continue;
        const std::size_t array = static_cast<std::size_t>(slot.index);
        const bool classes = slot.kind == Kind::indices ||
                             (array < data.targets.size() && is_index(data.targets[array]));
        indices_[s] = classes ? index_memory_[s].get() : nullptr;
    }
}

template <class T>
void Engine<T>::grow(long m) {
    if (m <= m_) return;
    m_ = m;
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        const std::size_t rows = static_cast<std::size_t>(m);
        if (slot.kind == Kind::indices || slot.kind == Kind::target) index_memory_[s].resize(rows);
        if (slot.kind == Kind::value || slot.kind == Kind::input || slot.kind == Kind::target) {
            const long stride = row_stride<T>(slot.width);
            // A register may be read past the last column of the last row.
            const std::size_t size = rows * slot.members * stride + pad_bytes;
            slots_[s] = {values_[s].resize(size), slot.members * stride,
                         slot.members > 1 ? stride : 0};
        }
    }
    for (const Parameter& p : tables_.parameters)
        for (int u = p.first_use; u < p.first_use + p.uses; ++u)
            if (tables_.uses[u].kind == UseKind::scatter)
                lists_[u] = list_memory_[u].resize(static_cast<std::size_t>(p.rows + m));
    share_.resize(static_cast<std::size_t>(m));
    row_cost_.resize(static_cast<std::size_t>(m));
}

// Cuts the parameters into items and gives each thread a stretch of them of about equal work.
template <class T>
void Engine<T>::divide(int threads, long m) {
    items_.clear();
    std::vector<double> work;
    double total = 0;
    for (std::size_t p = 0; p < tables_.parameters.size(); ++p) {
        const Parameter& parameter = tables_.parameters[p];
        const bool tiled = parameter.layout == Layout::panels;
        // Whole tiles, and whole registers of the transposed copy.
        const long tile = tiled ? std::lcm(kernels_.tile_rows, kernels_.panel_width) : 256;
        // On one thread an item is large, or all; on several, small enough to share evenly.
        const double row = static_cast<double>(parameter.columns) * parameter.members *
                           (tiled ? static_cast<double>(m) : 8.0);
        const long wanted = static_cast<long>((threads > 1 ? 1e6 : 1e7) / row);
        const long rows = std::max(tile, wanted / tile * tile);
        for (long first = 0; first < parameter.rows; first += rows) {
            const long last = std::min<long>(first + rows, parameter.rows);
            items_.push_back({static_cast<long>(p), first, last, 0});
            total += row * static_cast<double>(last - first);
            work.push_back(total);
        }
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const double middle = (work[i] + (i ? work[i - 1] : 0)) / 2;
        items_[i].owner = std::min(threads - 1, static_cast<int>(middle / total * threads));
    }
}

template <class T>
Job<T> Engine<T>::job(long m) const {
    Job<T> job{};
    job.program = &program_;
    job.slots = slots_.data();
    job.weights = weights_.data();
    job.indices = indices_.data();
    job.lists = lists_.data();
    job.share = share_.get();
    job.row_cost = row_cost_.get();
    job.m = m;
    return job;
}

template <class T>
void Engine<T>::pack(const T* flat, T* const* slots) {
    const Job<T> at = job(0);
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const long parameter = static_cast<long>(p);
        kernels_.pack(at, parameter, flat, weights_[p].w);
        kernels_.transpose(at, parameter, 0, tables_.parameters[p].rows);
        if (slots)
            for (int s = 0; s < tables_.optimizer_slots; ++s)
                kernels_.pack(at, parameter, slots[s], weights_[p].slot[s]);
    }
}

template <class T>
void Engine<T>::unpack(T* flat, T* const* slots) const {
    const Job<T> at = job(0);
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const long parameter = static_cast<long>(p);
        kernels_.unpack(at, parameter, weights_[p].w, flat);
        for (int s = 0; s < tables_.optimizer_slots; ++s)
            kernels_.unpack(at, parameter, weights_[p].slot[s], slots[s]);
    }
}

// The caller's rows into the batch's slots: place r of the batch is row rows[r].
template <class T>
void Engine<T>::gather(const Data& data, const std::int64_t* rows, long first, long last) {
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        const bool target = slot.kind == Kind::target;
        if (slot.kind != Kind::input && slot.kind != Kind::indices && !target) continue;
        const std::vector<Array>& arrays = target ? data.targets : data.inputs;
        if (target && arrays.empty()) continue;
        const Array& array = arrays[static_cast<std::size_t>(slot.index)];
        const bool numbers = slot.kind == Kind::input || !is_index(array);
        for (long r = first; r < last; ++r) {
            const long row = rows ? rows[r] : r;
            if (numbers) {
                copy_row(array, row, slots_[s].base + r * slots_[s].row, slot.width);
                continue;
            }
            std::int64_t index;
            copy_row(array, row, &index, 1);
            if (index < 0 || index >= slot.width)
                throw std::out_of_range("row " + std::to_string(row) + " has the index " +
                                        std::to_string(index) + ", but there are " +
                                        std::to_string(slot.width) + " levels");
            indices_[s][r] = static_cast<std::int32_t>(index);
        }
    }
}

// One thread's rows of the batch: gathered, then through the instructions.
template <class T>
bool Engine<T>::pass(const Job<T>& job, const Data& data, const std::int64_t* rows, int rank,
                     int threads) {
    const long tile = kernels_.tile_rows, tiles = (job.m + tile - 1) / tile;
    const long end = std::min(job.m, tiles * (rank + 1) / threads * tile);
    for (long first = tiles * rank / threads * tile; first < end; first += pass_rows) {
        const long last = std::min(end, first + pass_rows);
        gather(data, rows, first, last);
        if (!kernels_.rows(job, first, last)) return false;
    }
    return true;
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
UpdateScalars Engine<T>::scalars(double rate, const double* per_step, long count) {
    std::copy_n(per_step, count, settings_.end() - count);
    double decay = settings_.empty() ? 0 : settings_[0];
    return {rate, decay, 1, settings_.data() + 1};
}

template <class T>
double Engine<T>::penalty(const T* flat) {
    pack(flat, nullptr);
    const Job<T> at = job(0);
    double total = 0;
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const Parameter& parameter = tables_.parameters[p];
        if (parameter.penalty == 0) continue;
        kernels_.squares(at, static_cast<long>(p), 0, parameter.rows, true,
                         squares_.data() + square_start_[p]);
        total += parameter.penalty / 2 * joined(parameter.rows * parameter.members, [&](long i) {
                     return squares_[static_cast<std::size_t>(square_start_[p] + i)];
                 });
    }
    return total;
}

template <class T>
long Engine<T>::run(T* flat, T* const* slots, const Data& data, const Slice& slice, End& end) {
    long largest = 0;
    for (long s = 0; s < slice.steps; ++s)
        largest = std::max(largest, slice.starts[s + 1] - slice.starts[s]);
    reserve(largest, data);
    pack(flat, slots);
    const int threads = slice.threads;
    divide(threads, largest);
    bool penalised = false;
    double work = 0;
    for (const Parameter& p : tables_.parameters) {
        penalised |= p.penalty != 0;
        work += static_cast<double>(p.rows) * p.columns * p.members * static_cast<double>(largest);
    }
    const bool measured = slice.clip > 0 || slice.norms;
    const bool fuse = slice.fuse && !measured && work < long_step;
    Barrier barrier(threads);
    bailed_ = false;
    long done = 0;
    end = End::done;
    std::vector<UpdateScalars> scalars_of(1);
    std::vector<double> weight_squares(penalised ? squares_.size() : 0);

    in_parallel(threads, [&](int rank) {
        for (long s = 0; s < slice.steps; ++s) {
            const std::int64_t* rows = slice.rows + slice.starts[s];
            const long m = slice.starts[s + 1] - slice.starts[s];
            const double total = total_weight(data.weights, rows, m);
            if (!(total > 0) && total == total) {  // nothing to learn from: skipped and counted
                if (rank == 0) {
                    slice.costs[s] = std::nan("");
                    if (slice.norms) slice.norms[s] = 0;
                    slice.skipped[s] = 1;
                    done = s + 1;
                }
                continue;
            }
            Job<T> at = job(m);
            at.seed = slice.seed;
            at.step = static_cast<std::uint32_t>(slice.first_step + static_cast<std::uint64_t>(s));
            at.training = at.with_batch = true;
            at.stop = slice.stop;
            const long tile = kernels_.tile_rows, tiles = (m + tile - 1) / tile;
            const long r1 = std::min(m, tiles * (rank + 1) / threads * tile);
            for (long r = tiles * rank / threads * tile; r < r1; ++r)
                share_.get()[r] = (data.weights ? data.weights[rows[r]] : 1) / total;
            bool whole = false;
            try {
                whole = pass(at, data, rows, rank, threads);
            } catch (...) {
                bailed_ = true;
                barrier.wait();
                throw;
            }
            if (!whole) bailed_ = true;
            barrier.wait();
            if (bailed_) break;
            if (rank == 0) {
                slice.costs[s] = cost(at, 0, blocks_of(m));
                slice.skipped[s] = 0;
                scalars_of[0] = scalars(slice.rates[s], slice.per_step + s * slice.per_step_count,
                                        slice.per_step_count);
            }
            barrier.wait();
            if (!std::isfinite(slice.costs[s])) {
                if (rank == 0) {
                    end = End::diverged;
                    done = s + 1;
                }
                break;
            }
            UpdateScalars scalars = scalars_of[0];
            const auto owned = [&](auto visit) {
                for (const Item& item : items_)
                    if (item.owner == rank) visit(item);
            };
            owned([&](const Item& item) {
                if (!fuse && *slice.stop) return void(bailed_ = true);
                const long p = item.parameter;
                kernels_.sum_rows(at, p, item.first, item.last, 0, blocks_of(m));
                if (tables_.parameters[static_cast<std::size_t>(p)].penalty != 0)
                    kernels_.squares(at, p, item.first, item.last, true,
                                     weight_squares.data() + square_start_[p]);
                if (measured)
                    kernels_.squares(at, p, item.first, item.last, false,
                                     squares_.data() + square_start_[p]);
                if (fuse) kernels_.update(at, p, item.first, item.last, scalars);
            });
            barrier.wait();
            if (!fuse) {
                // Asked only where it cannot have been set since: with `fuse` another thread may be
                // in the next step by now.
                if (bailed_) break;
                const double norm = measured ? std::sqrt(joined_squares()) : 0;
                if (slice.clip > 0 && norm > slice.clip) scalars.gradient_scale = slice.clip / norm;
                if (rank == 0 && slice.norms) slice.norms[s] = norm;
                owned([&](const Item& item) {
                    kernels_.update(at, item.parameter, item.first, item.last, scalars);
                });
                barrier.wait();
            }
            if (rank == 0) {
                for (std::size_t p = 0; p < weights_.size() && penalised; ++p) {
                    const Parameter& one = tables_.parameters[p];
                    if (one.penalty != 0)
                        slice.costs[s] +=
                            one.penalty / 2 * joined(one.rows * one.members, [&](long i) {
                                return weight_squares[square_start_[p] + i];
                            });
                }
                done = s + 1;
            }
        }
    });
    if (bailed_) end = End::stopped;
    unpack(flat, slots);
    return done;
}

template <class T>
bool Engine<T>::forward(const T* flat, const Data& data, const std::int64_t* rows, long m,
                        const std::vector<int>& outputs, T* const* out, int threads,
                        volatile int* stop) {
    const long batch = std::min(m, pass_rows * 8L * threads);
    reserve(batch, data);
    pack(flat, nullptr);
    bailed_ = false;
    std::vector<std::int64_t> places;
    for (long start = 0; start < m && !bailed_; start += batch) {
        const long size = std::min(batch, m - start);
        places.resize(static_cast<std::size_t>(size));
        for (long r = 0; r < size; ++r)
            places[static_cast<std::size_t>(r)] = rows ? rows[start + r] : start + r;
        Job<T> at = job(size);
        at.stop = stop;
        in_parallel(size > pass_rows ? threads : 1, [&](int rank) {
            const int team = size > pass_rows ? threads : 1;
            if (!pass(at, data, places.data(), rank, team)) bailed_ = true;
        });
        for (std::size_t o = 0; o < outputs.size(); ++o) {
            const Slot& slot = tables_.slots[static_cast<std::size_t>(outputs[o])];
            const Rows<T>& value = slots_[static_cast<std::size_t>(outputs[o])];
            for (int k = 0; k < slot.members; ++k)
                for (long r = 0; r < size; ++r)
                    std::copy_n(value.base + r * value.row + k * value.member, slot.width,
                                out[o] + (k * m + start + r) * slot.width);
        }
    }
    return !bailed_;
}

template <class T>
double Engine<T>::weighted_cost(const T* flat, const Data& data, const std::int64_t* rows, long m,
                                int threads, volatile int* stop) {
    const long batch = std::min(m, pass_rows * 8L * threads);
    reserve(batch, data);
    pack(flat, nullptr);
    bailed_ = false;
    std::vector<double> blocks;
    std::vector<std::int64_t> places;
    for (long start = 0; start < m; start += batch) {
        const long size = std::min(batch, m - start);
        places.resize(static_cast<std::size_t>(size));
        for (long r = 0; r < size; ++r) {
            places[static_cast<std::size_t>(r)] = rows ? rows[start + r] : start + r;
            share_.get()[r] = data.weights ? data.weights[places[r]] : 1;
        }
        Job<T> at = job(size);
        at.with_batch = true;
        at.stop = stop;
        const int team = size > pass_rows ? threads : 1;
        in_parallel(team, [&](int rank) {
            if (!pass(at, data, places.data(), rank, team)) bailed_ = true;
        });
        if (bailed_) return std::nan("");
        for (long b = 0; b < blocks_of(size); ++b) blocks.push_back(cost(at, b, b + 1));
    }
    return joined(static_cast<long>(blocks.size()),
                  [&](long b) { return blocks[static_cast<std::size_t>(b)]; });
}

template <class T>
bool Engine<T>::gradient(const T* flat, const Data& data, const std::int64_t* rows, long m,
                         long place, double total_weight, std::uint64_t seed, std::uint64_t step,
                         bool training, int threads, volatile int* stop, std::vector<Node>& nodes,
                         std::vector<std::vector<T>>& sums) {
    reserve(m, data);
    pack(flat, nullptr);
    divide(threads, m);
    bailed_ = false;
    for (long r = 0; r < m; ++r)
        share_.get()[r] = (data.weights ? data.weights[rows ? rows[r] : r] : 1) / total_weight;
    Job<T> at = job(m);
    at.first_place = place;
    at.seed = seed;
    at.step = static_cast<std::uint32_t>(step);
    at.training = training;
    at.with_batch = true;
    at.stop = stop;
    in_parallel(threads, [&](int rank) {
        if (!pass(at, data, rows, rank, threads)) bailed_ = true;
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
        in_parallel(threads, [&](int rank) {
            for (const Item& item : items_) {
                if (item.owner != rank) continue;
                if (*stop) return void(bailed_ = true);
                kernels_.sum_rows(at, item.parameter, item.first, item.last, b, end);
            }
        });
        for (std::size_t p = 0; p < weights_.size(); ++p)
            kernels_.unpack(at, static_cast<long>(p), weights_[p].gradient, sum.data());
        b = end;
    }
    return !bailed_;
}

template <class T>
double Engine<T>::apply(T* flat, T* const* slots, const T* gradient, double rate,
                        const double* per_step, long per_step_count, double clip) {
    pack(flat, slots);
    const Job<T> at = job(0);
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        const long parameter = static_cast<long>(p), rows = tables_.parameters[p].rows;
        kernels_.pack(at, parameter, gradient, weights_[p].gradient);
        kernels_.squares(at, parameter, 0, rows, false, squares_.data() + square_start_[p]);
    }
    UpdateScalars given = scalars(rate, per_step, per_step_count);
    const double norm = std::sqrt(joined_squares());
    if (clip > 0 && norm > clip) given.gradient_scale = clip / norm;
    for (std::size_t p = 0; p < weights_.size(); ++p)
        kernels_.update(at, static_cast<long>(p), 0, tables_.parameters[p].rows, given);
    unpack(flat, slots);
    return norm;
}

template class Engine<float>;
template class Engine<double>;

}  // namespace clearprop
