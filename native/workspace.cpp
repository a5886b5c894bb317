// How a program's memory is laid out: tables changed before the first step, and rows gathered.
//
// Why it is fast: instructions that are one pass are marked here (join_softmax), a matrix that
// nothing goes back through loses its second copy (turn), rows are kept from sharing the sets of a
// cache, and the rows that follow are fetched while one is copied.
#include "workspace.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "unit_shares.hpp"

namespace clearprop {

namespace {

// Rows whose distance is a multiple of 1 KB share few sets of the first cache: one line more.
template <class T>
long row_stride(long width) {
    constexpr long line = pad_bytes / static_cast<long>(sizeof(T));
    const long stride = (width + line - 1) / line * line;
    return stride * static_cast<long>(sizeof(T)) % 1024 ? stride : stride + line;
}

// Rows of an array into rows of `to`, as numbers of another kind; row r of them is rows[r]. What is
// read soon is fetched now: rows in a shuffled order are rarely in a near cache.
template <class From, class To>
void copy_rows(const From* from, const Array& array, const std::int64_t* rows, long first,
               long last, To* to, long to_row, long width) {
    constexpr long ahead = 8, line = pad_bytes / static_cast<long>(sizeof(From));
    const bool together = array.column == 1;
    for (long r = first; r < last; ++r) {
        if (rows && together && r + ahead < last) {
            const From* next = from + rows[r + ahead] * array.row;
            for (long j = 0; j < width; j += line) __builtin_prefetch(next + j);
        }
        const From* x = from + (rows ? rows[r] : r) * array.row;
        To* const out = to + r * to_row;
        if (std::is_same_v<From, To> && together)
            std::memcpy(out, x, static_cast<std::size_t>(width) * sizeof(To));
        else if (together)
            for (long j = 0; j < width; ++j) out[j] = static_cast<To>(x[j]);
        else
            for (long j = 0; j < width; ++j) out[j] = static_cast<To>(x[j * array.column]);
    }
}

template <class To>
void copy_rows(const Array& array, const std::int64_t* rows, long first, long last, To* to,
               long to_row, long width) {
    const auto from = [&]<class From>(const From* data) {
        copy_rows(data, array, rows, first, last, to, to_row, width);
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

// Numbers of a flat vector up to which it is remembered that the weights are packed.
constexpr std::size_t most_kept = 1 << 16;

bool is_index(const Array& array) { return array.type == Type::i32 || array.type == Type::i64; }

}  // namespace

template <class T>
Workspace<T>::Workspace(Tables tables, std::vector<double> settings, const Kernels<T>& kernels)
    : tables_(std::move(tables)), kernels_(kernels), settings_(std::move(settings)) {
    const Tables& t = tables_;
    if (settings_.size() > most_settings + 1)
        throw std::invalid_argument("an optimizer of more settings than an update keeps at hand");
    join_softmax();
    turn();
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
        // Where each part is updated behind its sum, a matrix needs no array of its gradient.
        if (p.layout != Layout::panels || p.uses == 0)
            w.gradient = arrays_.emplace_back().resize(size);
        if (p.transposed && !kernels_.pairs)
            w.transposed = arrays_.emplace_back().resize(
                static_cast<std::size_t>(w.transposed_member) * p.members);
        if (kernels_.pairs && p.layout == Layout::panels) {
            w.low_panel = grouped(p.rows) * width;
            w.low_member = panels(p.columns) * w.low_panel;
            w.low_transposed_panel = grouped(p.columns) * width;
            w.low_transposed_member = panels(p.rows) * w.low_transposed_panel;
            w.low =
                pairs_.emplace_back().resize(static_cast<std::size_t>(w.low_member) * p.members);
            if (p.transposed)
                w.low_transposed = pairs_.emplace_back().resize(
                    static_cast<std::size_t>(w.low_transposed_member) * p.members);
        }
        w.turned = turned_[weights_.size()];
        if (w.turned) {  // what is read as the copy is the matrix itself: see bind
            w.transposed_member = w.member;
            w.transposed_panel = w.panel;
            w.low_transposed = w.low;
            w.low_transposed_member = w.low_member;
            w.low_transposed_panel = w.low_panel;
        }
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
    }
    list_memory_.resize(t.uses.size());
    lists_.assign(t.uses.size(), nullptr);
    own_ = hold_nothing();
}

template <class T>
void Workspace<T>::join_softmax() {
    std::vector<Instruction>& all = tables_.instructions;
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        Instruction& one = all[i];
        const Instruction& cost = all[i + 1];
        if (one.op != Op::softmax || cost.op != Op::cost || cost.function >= 0 || cost.a != one.a ||
            cost.b != one.out)
            continue;
        one.function = 1;
        if (i + 2 == all.size()) continue;
        const Instruction& vjp = all[i + 2];
        if (vjp.op != Op::cost_vjp || vjp.function >= 0 || vjp.b != one.out || vjp.c != cost.c ||
            tables_.attrs[vjp.attr] != tables_.attrs[cost.attr])
            continue;
        const auto reads = [&](const Instruction& other) {
            return other.a == one.out || other.b == one.out || other.c == one.out;
        };
        long readers = std::count_if(all.begin(), all.end(), reads);
        for (const Use& use : tables_.uses) readers += use.a == one.out || use.delta == one.out;
        if (readers == 2) one.function = 2;
    }
}

template <class T>
void Workspace<T>::turn() {
    // Of one width for every instruction set, because the norm's sum goes by rows
    const auto padded = [](long rows, long columns) { return rows * ((columns + 31) / 32 * 32); };
    turned_.assign(tables_.parameters.size(), false);
    for (std::size_t i = 0; i < tables_.parameters.size(); ++i) {
        Parameter& p = tables_.parameters[i];
        const auto goes_back = [&](const Instruction& one) {
            const Slot* const read = one.op == Op::back_product ? &tables_.slots[one.b] : nullptr;
            return read && read->index == static_cast<std::int32_t>(i);
        };
        const std::vector<Instruction>& all = tables_.instructions;
        if (p.layout != Layout::panels || !p.transposed ||
            4 * padded(p.columns, p.rows) > 5 * padded(p.rows, p.columns) ||
            std::any_of(all.begin(), all.end(), goes_back))
            continue;
        turned_[i] = true;
        std::swap(p.rows, p.columns);
        p.transposed = 0;
        for (int u = p.first_use; u < p.first_use + p.uses; ++u)
            std::swap(tables_.uses[u].delta, tables_.uses[u].a);
    }
}

template <class T>
void Workspace<T>::reserve(long m, const Data& data, long batch) {
    grow(m);
    const std::size_t rows = static_cast<std::size_t>(std::max(m, batch));
    share_.resize(rows);
    row_cost_.resize(rows);
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
std::vector<bool> Workspace<T>::has_rows() const {
    std::vector<bool> found(tables_.slots.size(), false);
    for (const Instruction& one : tables_.instructions)
        found[static_cast<std::size_t>(one.out)] = true;
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Kind kind = tables_.slots[s].kind;
        found[s] = (found[s] && kind == Kind::value) || kind == Kind::input || kind == Kind::target;
    }
    return found;
}

template <class T>
double Workspace<T>::bytes_of_a_row() const {
    const std::vector<bool> rows = has_rows();
    double bytes = 0;
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        if (rows[s]) bytes += static_cast<double>(row_stride<T>(slot.width) * slot.members);
    }
    return bytes * sizeof(T);
}

template <class T>
void Workspace<T>::grow(long m) {
    if (m <= m_) return;
    const std::vector<bool> made = has_rows();
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        const std::size_t rows = static_cast<std::size_t>(m);
        if (slot.kind == Kind::indices || slot.kind == Kind::target) index_memory_[s].resize(rows);
        if (made[s]) {
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
    m_ = m;  // once all has room: memory may run out before
}

template <class T>
void Workspace<T>::make_gradients() {
    for (std::size_t p = 0; p < weights_.size(); ++p)
        if (!weights_[p].gradient)
            weights_[p].gradient = arrays_.emplace_back().resize(
                static_cast<std::size_t>(weights_[p].member) * tables_.parameters[p].members);
}

template <class T>
void Workspace<T>::make_scratch(int threads, long m) {
    long widest = 1;
    for (const Slot& slot : tables_.slots)
        if (slot.kind != Kind::indices) widest = std::max<long>(widest, slot.width);
    if (scratch_.size() < static_cast<std::size_t>(threads))
        scratch_.resize(static_cast<std::size_t>(threads));
    for (int rank = 0; rank < threads; ++rank)
        scratch_[static_cast<std::size_t>(rank)].resize(
            static_cast<std::size_t>(scratch_size(m, kernels_.panel_width, widest)));
}

template <class T>
void Workspace<T>::divide(int threads, long m, bool by_units) {
    make_scratch(threads, m);
    // Whole tiles, and whole registers of the transposed copy; a share of units begins with a
    // panel.
    const long width = kernels_.panel_width, tile = std::lcm<long>(kernels_.part_rows, width);
    sharing_ = by_units ? shares_of(program_, threads, width) : std::vector<Share>();
    items_.divide(tables_.parameters, turned_, {threads, by_units, m, width, tile});
}

template <class T>
Job<T> Workspace<T>::job(long m, int rank) const {
    Job<T> job{};
    job.program = &program_;
    job.slots = slots_.data();
    job.weights = weights_.data();
    job.indices = indices_.data();
    job.lists = lists_.data();
    job.share = share_.get();
    job.row_cost = row_cost_.get();
    job.m = m;
    job.sharing = sharing_.data();
    return rank < 0 ? job : with_scratch(job, rank);
}

template <class T>
Job<T> Workspace<T>::with_scratch(Job<T> job, int rank) const {
    job.scratch = scratch_[static_cast<std::size_t>(rank)].get();
    job.rank = rank;
    return job;
}

template <class T>
std::shared_ptr<Held<T>> Workspace<T>::hold() const {
    auto held = hold_nothing();
    held->make();
    return held;
}

template <class T>
std::shared_ptr<Held<T>> Workspace<T>::hold_nothing() const {
    return std::make_shared<Held<T>>(tables_.parameters, weights_, tables_.optimizer_slots,
                                     kernels_);
}

template <class T>
void Workspace<T>::bind(const Held<T>& held) {
    if (!held.fits(tables_.parameters, weights_, tables_.optimizer_slots, kernels_))
        throw std::invalid_argument(
            "a state that is held for another network, optimizer or instruction set");
    if (bound_ == held.stamp()) return;
    packed_.clear();
    for (std::size_t p = 0; p < weights_.size(); ++p) {
        weights_[p].w = held.array(0, p);
        if (weights_[p].turned) weights_[p].transposed = weights_[p].w;
        for (int s = 0; s < tables_.optimizer_slots; ++s)
            weights_[p].slot[s] = held.array(s + 1, p);
    }
    for (std::size_t s = 0; s < slots_.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        if (slot.kind != Kind::parameter) continue;
        const Weights<T>& w = weights_[static_cast<std::size_t>(slot.index)];
        slots_[s] = {w.w, 0, slot.members > 1 ? w.member : 0};
    }
    const Job<T> at = job(0);
    for (std::size_t p = 0; p < weights_.size(); ++p)
        kernels_.transpose(at, static_cast<long>(p), 0, tables_.parameters[p].rows);
    bound_ = held.stamp();
}

template <class T>
bool Workspace<T>::pack(const T* flat, T* const* slots) {
    const std::size_t size = static_cast<std::size_t>(tables_.size);
    const bool kept = !slots && size <= most_kept;
    if (kept && packed_.size() == size && std::memcmp(packed_.data(), flat, size * sizeof(T)) == 0)
        return true;
    own_->put(0, flat);
    for (int s = 0; slots && s < tables_.optimizer_slots; ++s) own_->put(s + 1, slots[s]);
    bind(*own_);
    packed_.assign(flat, flat + (kept ? size : 0));
    return false;
}

template <class T>
void Workspace<T>::unpack(T* flat, T* const* slots) const {
    own_->get(0, flat);
    for (int s = 0; s < tables_.optimizer_slots; ++s) own_->get(s + 1, slots[s]);
}

// The caller's rows into the batch's slots: place r of the batch is row rows[r].
template <class T>
void Workspace<T>::gather(const Data& data, const std::int64_t* rows, long first, long last) {
    for (std::size_t s = 0; s < tables_.slots.size(); ++s) {
        const Slot& slot = tables_.slots[s];
        const bool target = slot.kind == Kind::target;
        if (slot.kind != Kind::input && slot.kind != Kind::indices && !target) continue;
        const std::vector<Array>& arrays = target ? data.targets : data.inputs;
        if (target && arrays.empty()) continue;
        const Array& array = arrays[static_cast<std::size_t>(slot.index)];
        const bool numbers = slot.kind == Kind::input || !is_index(array);
        if (numbers) {
            copy_rows(array, rows, first, last, slots_[s].base, slots_[s].row, slot.width);
            continue;
        }
        for (long r = first; r < last; ++r) {
            const long row = rows ? rows[r] : r, at = row * array.row;
            const std::int64_t index = array.type == Type::i64
                                           ? static_cast<const std::int64_t*>(array.data)[at]
                                           : static_cast<const std::int32_t*>(array.data)[at];
            if (index < 0 || index >= slot.width)
                throw std::out_of_range("row " + std::to_string(row) + " has the index " +
                                        std::to_string(index) + ", but there are " +
                                        std::to_string(slot.width) + " levels");
            indices_[s][r] = static_cast<std::int32_t>(index);
        }
    }
}

template <class T>
bool Workspace<T>::pass(const Job<T>& job, const Data& data, const std::int64_t* rows, long first,
                        long last) {
    const long passes = std::max(1L, (last - first + pass_rows - 1) / pass_rows);
    const long part = kernels_.part_rows, equal = (last - first + passes - 1) / passes;
    const long each = std::min(pass_rows, (equal + part - 1) / part * part);
    for (; first < last; first += each) {
        const long end = std::min(last, first + each);
        {
            const Timed timed(job.ticks, phase_gather);
            gather(data, rows, first, end);
        }
        if (!kernels_.rows(job, first, end)) return false;
    }
    return true;
}

template <class T>
UpdateScalars Workspace<T>::scalars(std::vector<double>& settings, double rate,
                                    const double* per_step, long count) const {
    std::copy_n(per_step, count, settings.end() - count);
    return {rate,
            settings.empty() ? 0 : settings[0],
            1,
            1,
            settings.data() + 1,
            static_cast<long>(settings.size()) - 1};
}

template class Workspace<float>;
template class Workspace<double>;

}  // namespace clearprop
