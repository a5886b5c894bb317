// The interpreter of a program's rows: forward, cost and backward of some rows of a batch.
//
// It goes through the instructions once for each block of rows; an instruction acts on each member.
// Where threads share units, it does each instruction for all rows, in blocks.
//
// Why it is fast: what one instruction writes the next reads from a near cache, and nothing is
// allocated. What can be one pass is one: relu, or its slope, is done with the product before it,
// softmax with the cost and the δ behind it, a dear slope with its function. Where only the cost is
// asked for, nothing goes back.
#pragma once

#include <type_traits>

#include "elementwise.hpp"
#include "product.hpp"
#include "softmax.hpp"
#include "unit_columns.hpp"

namespace clearprop::CP_ISA {

// The number of a function's row; −1: there is none.
constexpr int function_number(const char* name) {
    int number = -1;
    for (int i = 0; i < static_cast<int>(sizeof generated::function_names / sizeof(char*)); ++i) {
        const char *one = generated::function_names[i], *other = name;
        while (*one && *one == *other) ++one, ++other;
        if (*one == *other) number = i;
    }
    return number;
}

// Of some rows all units, or `by_units` of them the columns that this thread has of each width.
// E is what its products read: T, or pairs of bfloat16.
template <class T, class E = T, bool by_units = false>
class Pass {
  public:
    CP_INLINE Pass(const Job<T>& job, long first, long last)
        : job_(job), first_(first), rows_(last - first) {}

    bool run() const {
        const Program& program = *job_.program;
        long last = program.instruction_count;
        if (job_.costs_alone)
            while (last > 0 && program.instructions[last - 1].op != Op::cost) --last;
        for (long i = 0; i < last;) {
            if (program.instructions[i].needs_batch && !job_.with_batch) break;
            if (*job_.stop) return false;
            const long count = at_once(i, last);
            execute(i, count);
            i += count;
        }
        return true;
    }

    // How many instructions from i on are done as one
    CP_INLINE long at_once(long i, long last) const {
        const Instruction& step = job_.program->instructions[i];
        if (step.op == Op::softmax && job_.with_batch) return 1 + step.function;
        const Instruction* next = i + 1 < last ? &step + 1 : nullptr;
        return next && rectifies(step, *next) && (!next->needs_batch || job_.with_batch) ? 2 : 1;
    }

    CP_INLINE void execute(long i, long count) const {
        const Instruction& step = job_.program->instructions[i];
        const Timed timed(job_.ticks, static_cast<int>(step.op));
        if (count == 1) return execute(step);
        for (int k = 0; k < job_.program->slots[step.out].members; ++k) {
            if (step.op == Op::softmax)
                softmax_and_cost(step, &step + 1, step.function == 2, k);
            else
                step.op == Op::product ? forward(step, k, true) : backward(step, k, &step + 1);
        }
    }

  private:
    CP_INLINE Operand<T> operand(int slot, int member) const {
        const Rows<T>& rows = job_.slots[slot];
        return {rows.base + first_ * rows.row + member * rows.member, rows.row};
    }
    CP_INLINE Columns columns(int width) const {
        return by_units ? columns_of(width, job_.rank, job_.parts, panel_width<T>)
                        : Columns{0, width};
    }

    // The blocks that an element-wise instruction reads and writes, for one member.
    CP_INLINE Block<T> block(const Instruction& step, int member) const {
        const Columns own = columns(step.width);
        const auto from = [&](int slot) {
            const Operand<T> whole = operand(slot, member);
            return Operand<T>{whole.at + own.first, whole.row};
        };
        Block<T> found;
        found.rows = rows_;
        found.width = static_cast<int>(own.last - own.first);
        found.out = from(step.out);
        found.a = from(step.a);
        found.b = step.b < 0 ? found.a : from(step.b);
        found.c = step.c < 0 ? found.a : from(step.c);
        found.accumulate = step.accumulate;
        return found;
    }

    // Whether a product's successor is relu, or its vjp, of what it has made, in place: the
    // function that nearly every network has is done while the tile is in registers.
    CP_INLINE static bool rectifies(const Instruction& step, const Instruction& next) {
        constexpr int relu = function_number("relu");
        if (step.out != next.out || next.accumulate || next.function != relu) return false;
        if (step.op == Op::product) return next.op == Op::map && next.a == step.out;
        return step.op == Op::back_product && next.op == Op::map_vjp && next.c == step.out &&
               next.b != step.out;
    }

    CP_INLINE bool goes_back() const { return job_.with_batch && !job_.costs_alone; }

    void execute(const Instruction& step) const {
        const Program& program = *job_.program;
        const int members = program.slots[step.op == Op::cost ? step.a : step.out].members;
        const double* attr = program.attrs + step.attr;
        for (int k = 0; k < members; ++k) switch (step.op) {
                case Op::product:
                    forward(step, k);
                    break;
                case Op::back_product:
                    backward(step, k);
                    break;
                case Op::map:
                    if (step.b >= 0 && goes_back())
                        map_and_slope(step.function, attr, block(step, k));
                    else
                        map(step.function, attr, block(step, k));
                    break;
                case Op::map_vjp:
                    map_vjp(step.function, attr, block(step, k), step.c < 0);
                    break;
                case Op::softmax:
                    softmax_and_cost(step, nullptr, false, k);
                    break;
                case Op::softmax_vjp:
                    softmax_vjp(block(step, k));
                    break;
                case Op::copy: {
                    Block<T> moved = block(step, k);
                    moved.out.at += step.start_out;
                    moved.a.at += step.start_a;
                    copy(moved);
                    break;
                }
                case Op::gather:
                    gather(step, k);
                    break;
                case Op::mask:
                    if (k == 0)
                        dropout_mask(job_, job_.slots[step.out], first_, first_ + rows_, step.width,
                                     members, *attr, step.function);
                    break;
                case Op::sum_members:
                    sum_members(step);
                    break;
                case Op::cost:
                    cost(step, k);
                    break;
                case Op::cost_vjp:
                    cost_vjp(step, k);
                    break;
                default:
                    arithmetic(step.op, block(step, k));
            }
    }

    // z = bias + a Wᵀ:  C (m × s_out) = A (m × s_in) · B (s_in × s_out), B the transposed copy
    void forward(const Instruction& step, int k, bool rectify = false) const {
        const int parameter = job_.program->slots[step.b].index;
        const Slot* const slots = job_.program->slots;
        const int s_in = slots[step.a].width;
        const Columns own = columns(slots[step.out].width);
        const long n = own.last - own.first, panel = own.first / panel_width<T>;
        const Weights<T>& w = job_.weights[parameter];
        const Operand<T> a = operand(step.a, k), z = operand(step.out, k);
        const int member = job_.program->parameters[parameter].members > 1 ? k : 0;
        const bool biased = step.c >= 0;
        const Start start = step.accumulate ? Start::given : biased ? Start::row : Start::zero;
        const T* bias = biased ? operand(step.c, k).at + own.first : nullptr;
        if constexpr (std::is_same_v<T, E>)
            product<T, E>({rows_, n, s_in, a.at, a.row, 1,
                           w.transposed + member * w.transposed_member + panel * w.transposed_panel,
                           panel_width<T>, w.transposed_panel, z.at + own.first, z.row,
                           panel_width<T>, start, bias, rectify, nullptr, 0, job_.scratch});
        else
            product<T, E>({rows_, n, (s_in + 1) / 2, pairs(a, s_in), pairs_row(s_in), 1,
                           w.low_transposed + member * w.low_transposed_member +
                               panel * w.low_transposed_panel,
                           panel_width<T>, w.low_transposed_panel, z.at + own.first, z.row,
                           panel_width<T>, start, bias, rectify});
    }

    // Δ = δ W:  C (m × s_in) = A (m × s_out) · B (s_out × s_in)
    void backward(const Instruction& step, int k, const Instruction* slope = nullptr) const {
        const int parameter = job_.program->slots[step.b].index;
        const Parameter& W = job_.program->parameters[parameter];
        const Weights<T>& w = job_.weights[parameter];
        const Operand<T> delta = operand(step.a, k), Delta = operand(step.out, k);
        const int member = W.members > 1 ? k : 0;
        const Start start = step.accumulate ? Start::given : Start::zero;
        const Columns own = columns(W.columns);
        const long n = own.last - own.first, panel = own.first / panel_width<T>;
        const Operand<T> y = slope ? operand(slope->b, k) : Operand<T>{nullptr, 0};
        const T* const y_at = slope ? y.at + own.first : nullptr;
        if constexpr (std::is_same_v<T, E>)
            product<T, E>({rows_, n, W.rows, delta.at, delta.row, 1,
                           w.w + member * w.member + panel * w.panel, panel_width<T>, w.panel,
                           Delta.at + own.first, Delta.row, panel_width<T>, start, nullptr, false,
                           y_at, y.row, job_.scratch});
        else
            product<T, E>({rows_, n, (W.rows + 1) / 2, pairs(delta, W.rows), pairs_row(W.rows), 1,
                           w.low + member * w.low_member + panel * w.low_panel, panel_width<T>,
                           w.low_panel, Delta.at + own.first, Delta.row, panel_width<T>, start,
                           nullptr, false, y_at, y.row});
    }

    // Rows of values as pairs of neighbours, in the thread's scratch; a line more than they need.
    static long pairs_row(long width) { return grouped(width) + pair_group; }
    const E* pairs(Operand<T> of, long width) const {
        E* const to = reinterpret_cast<E*>(job_.scratch);
        for (long r = 0; r < rows_; ++r)
            store_row(of.at + r * of.row, width, to + r * pairs_row(width));
        return to;
    }

    // Columns moved to another place in the row: no alignment, no padding to keep.
    static void copy(const Block<T>& block) {
        for (long r = 0; r < block.rows; ++r) {
            T* out = block.out.at + r * block.out.row;
            const T* a = block.a.at + r * block.a.row;
            for (int j = 0; j < block.width; ++j) out[j] = block.accumulate ? out[j] + a[j] : a[j];
        }
    }

    void gather(const Instruction& step, int k) const {
        const std::int32_t* index = job_.indices[step.a] + first_;
        const Weights<T>& table = job_.weights[job_.program->slots[step.b].index];
        const Operand<T> out = operand(step.out, k);
        const bool own = job_.program->slots[step.b].members > 1;
        const T* rows = table.w + (own ? k : 0) * table.member;
        for (long r = 0; r < rows_; ++r)
            for (int j = 0; j < step.width; j += Vector<T>::lanes)
                Vector<T>::load(rows + index[r] * table.row + j).store(out.at + r * out.row + j);
    }

    void sum_members(const Instruction& step) const {
        for (int k = 0; k < job_.program->slots[step.a].members; ++k) {
            Block<T> member = block(step, 0);
            member.a = member.b = member.c = operand(step.a, k);
            member.accumulate = k > 0 || step.accumulate;
            arithmetic(Op::copy, member);
        }
    }

    // A row's cost, the mean over members of it, in double
    CP_INLINE void add_cost(const Instruction& step, int k, long r, double value) const {
        double& total = job_.row_cost[first_ + r];
        value /= job_.program->slots[step.a].members;
        total = step.accumulate || k > 0 ? total + value : value;
    }

    // a, unless the cost's δ is all that reads it; with a cost that follows, C and δ
    void softmax_and_cost(const Instruction& step, const Instruction* cost, bool whole,
                          int k) const {
        SoftmaxRows<T> s = softmax_of(cost);
        s.z = operand(step.a, k);
        s.a = operand(step.out, k);
        if (whole) {
            const Instruction& vjp = cost[1];
            s.delta = operand(vjp.out, k);
            s.accumulate = vjp.accumulate;
            if (s.width <= narrow) s.a.at = nullptr;
        }
        s.width = step.width;
        softmax_rows(s, [&](long r, double value) { add_cost(*cost, k, r, value); });
    }

    // What a cross-entropy says of the rows: targets, weights, smoothing
    SoftmaxRows<T> softmax_of(const Instruction* cost) const {
        SoftmaxRows<T> s{};
        s.rows = rows_;
        if (!cost) return s;
        const Target target(*this, cost->c);
        s.width = cost->width;
        s.classes = target.classes;
        s.shares = {target.rows, target.stride};
        s.weights = job_.share + first_;
        s.members = job_.program->slots[cost->a].members;
        s.smooth = Smoothing<T>(job_.program->attrs[cost->attr], cost->width);
        return s;
    }

    // C of each row
    void cost(const Instruction& step, int k) const {
        const double* attr = job_.program->attrs + step.attr;
        const Target target(*this, step.c);
        const Operand<T> x = operand(step.a, k), y = operand(step.b, k);
        if (step.function < 0) {
            SoftmaxRows<T> s = softmax_of(&step);
            s.z = x;
            return softmax_rows(s, [&](long r, double value) { add_cost(step, k, r, value); });
        }
        generated::with_cost(step.function, [&](auto f) {
            if (step.width == 1 && rows_ > 1)
                return one_unit_cost(f, step, k, x, y, target.operand(), attr);
            for (long r = 0; r < rows_; ++r)
                add_cost(step, k, r,
                         row_cost(f, x.at + r * x.row, y.at + r * y.row, target.row(r), step.width,
                                  attr));
        });
    }

    // The same of a single unit: a register of rows at a time
    template <class F>
    CP_INLINE void one_unit_cost(F, const Instruction& step, int k, Operand<T> x, Operand<T> y,
                                 Operand<const T> t, const double* attr) const {
        using V = Vector<T>;
        alignas(64) T x_r[V::lanes], y_r[V::lanes], t_r[V::lanes], C[V::lanes];
        for (long r = 0; r < rows_; r += V::lanes) {
            const long count = rows_ - r < V::lanes ? rows_ - r : V::lanes;
            side_by_side(x, r, count, x_r);
            side_by_side(y, r, count, y_r);
            side_by_side(t, r, count, t_r);
            F::value(V::load(x_r), V::load(y_r), V::load(t_r), attr).store(C);
            for (long i = 0; i < count; ++i) add_cost(step, k, r + i, static_cast<double>(C[i]));
        }
    }

    void cost_vjp(const Instruction& step, int k) const {
        using V = Vector<T>;
        const int members = job_.program->slots[step.out].members;
        const double* attr = job_.program->attrs + step.attr;
        const Target target(*this, step.c);
        const Operand<T> x = operand(step.a, k), y = operand(step.b, k), out = operand(step.out, k);
        for (long r = 0; r < rows_; ++r) {
            const T share = static_cast<T>(job_.share[first_ + r] / members);
            const T* x_r = x.at + r * x.row;
            const T* y_r = y.at + r * y.row;
            T* delta = out.at + r * out.row;
            if (step.function < 0) {
                cross_entropy_vjp(y_r, target.shares(r), target.hot(r), delta, step.width, share,
                                  Smoothing<T>(*attr, step.width), step.accumulate);
                continue;
            }
            const T* t_r = target.row(r);
            generated::with_cost(step.function, [&](auto f) {
                for (int j = 0; j < step.width; j += V::lanes) {
                    V d = V(share) * decltype(f)::vjp(V::load(x_r + j), V::load(y_r + j),
                                                      V::load(t_r + j), attr);
                    if (step.accumulate) d = V::load(delta + j) + d;
                    (step.width - j < V::lanes ? d.keep(step.width - j) : d).store(delta + j);
                }
            });
        }
    }

    // A target: a row of numbers a sample, or one class a sample.
    struct Target {
        const T* rows;
        long stride;
        const std::int32_t* classes;
        Target(const Pass& pass, int slot)
            : rows(pass.job_.slots[slot].base),
              stride(pass.job_.slots[slot].row),
              classes(pass.job_.indices[slot]) {
            if (rows) rows += pass.first_ * stride;
            if (classes) classes += pass.first_;
        }
        CP_INLINE const T* row(long r) const { return rows + r * stride; }
        CP_INLINE Operand<const T> operand() const { return {rows, stride}; }
        CP_INLINE const T* shares(long r) const { return classes ? nullptr : row(r); }
        CP_INLINE std::int32_t hot(long r) const { return classes ? classes[r] : 0; }
    };

    const Job<T>& job_;
    const long first_, rows_;
};

// Instructions begin … end − 1, each for all rows, by one thread of several that share units
// (unit_shares.hpp); rows first … last − 1 are its own. The scratch has room for what `row_block`
// rows pack. False if stopped.
template <class T, class E>
bool run_shared(const Job<T>& job, long first, long last, long begin, long end) {
    const auto each_block = [&](auto pass, long from, long to, long i, long count) {
        for (long r = from; r < to; r += row_block)
            decltype(pass)(job, r, to - r < row_block ? to : r + row_block).execute(i, count);
    };
    const Pass<T, E> rows(job, first, last);
    const Pass<T, E, true> units(job, 0, job.m);
    for (long i = begin; i < end;) {
        if (*job.stop) return false;
        const long count = rows.at_once(i, end);
        job.sharing[i].by_units ? each_block(units, 0, job.m, i, count)
                                : each_block(rows, first, last, i, count);
        i += count;
    }
    return true;
}

}  // namespace clearprop::CP_ISA
