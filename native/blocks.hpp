// Sums in double over the rows of a batch, in the one shape of every sum over rows.
//
// Blocks of `row_block` rows, counted from the batch's first, are each one chain in row order; the
// blocks' sums are joined by the tree (tree.hpp). So the cost, Σ w and ‖g‖² have the same bits for
// any number of threads, and for a batch in pieces that are cut between blocks. It is not made for
// speed: what it sums is one number a row, and a parameter's rows are summed by sums.hpp.
#pragma once

#include <algorithm>

#include "program.hpp"
#include "tree.hpp"

namespace clearprop {

inline long blocks_of(long m) { return (m + row_block - 1) / row_block; }

// The sum of parts by the tree, in double.
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

}  // namespace clearprop
