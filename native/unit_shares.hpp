// Threads that share the units of a layer, and not the rows of a batch.
//
// Each has a range of columns of every wide enough value, the same for all values of that width: it
// computes them for all rows, forward and back, and has the weights of those units, their gradients
// and the optimizer's slots. What is narrow, or goes by rows, is shared out by rows.
//
// Why it is fast: a line that another core wrote takes several times as long to read as one's own.
// Shared by rows, half of both copies of every weight change hands in a step, and half of a and δ
// for the gradient. Shared by units, values do still, but of weights only half of W on its way
// back, and of a first layer nothing. What it costs is a barrier wherever an instruction reads what
// others wrote: twice a layer.
#pragma once

#include <cstddef>
#include <vector>

#include "program.hpp"
#include "unit_columns.hpp"

namespace clearprop {

// How each instruction is shared out, and where the threads meet: before one that reads what
// another thread may have written, or writes what another may still read or write. Instructions
// that are done as one, softmax with the cost behind it, are looked at as one.
inline std::vector<Share> shares_of(const Program& program, int parts, long panel) {
    enum : unsigned { by_rows = 1, by_units = 2, by_all = 4 };
    struct Access {  // since the threads met last
        unsigned wrote = 0, read = 0;
    };
    const auto width = [&](int slot) { return program.slots[slot].width; };
    std::vector<Access> since(static_cast<std::size_t>(program.slot_count));
    for (std::size_t s = 0; s < since.size(); ++s) {
        const Kind kind = program.slots[s].kind;
        const bool gathered = kind == Kind::input || kind == Kind::indices || kind == Kind::target;
        if (gathered) since[s].wrote = by_rows;
    }
    std::vector<Share> found(static_cast<std::size_t>(program.instruction_count));
    for (long i = 0, next; i < program.instruction_count; i = next) {
        const Instruction& one = program.instructions[i];
        next = i + 1 + (one.op == Op::softmax ? one.function : 0);
        const bool product = one.op == Op::product || one.op == Op::back_product;
        const bool elementwise = one.op == Op::map || one.op == Op::map_vjp ||
                                 (one.op >= Op::add && one.op <= Op::divide);
        const auto fits = [&](int slot) { return slot < 0 || width(slot) == width(one.out); };
        Share& share = found[static_cast<std::size_t>(i)];
        share.by_units = (product || (elementwise && fits(one.a) && fits(one.b) && fits(one.c))) &&
                         wide_enough(width(one.out), parts, panel);
        const unsigned own = share.by_units ? by_units : by_rows;
        // Calls visit(slot, how it is read; 0: written) for all that the instructions touch
        const auto touched = [&](auto visit) {
            for (long j = i; j < next; ++j) {
                const Instruction& step = program.instructions[j];
                if (step.a >= 0) visit(step.a, product && share.by_units ? by_all : own);
                if (step.b >= 0 && !product) visit(step.b, own);
                if (step.c >= 0) visit(step.c, own);
                if (step.op == Op::map && step.b >= 0) visit(step.b, 0u);
                if (step.op != Op::cost) visit(step.out, 0u);
            }
        };
        touched([&](int slot, unsigned how) {
            const Access& before = since[static_cast<std::size_t>(slot)];
            if (how == by_all ? before.wrote : (before.wrote | (how ? 0 : before.read)) & ~own)
                share.meet = true;
        });
        if (share.meet) since.assign(since.size(), {});
        touched([&](int slot, unsigned how) {
            Access& now = since[static_cast<std::size_t>(slot)];
            (how ? now.read : now.wrote) |= how ? how : own;
        });
    }
    return found;
}

}  // namespace clearprop
