// A large batch in pieces, done one after the other, whose sums wait for each other.
//
// A piece is a power of two of blocks of `row_block` rows and begins at a multiple of that, so that
// the sums over its rows are one subtree of the batch's (tree.hpp): joined piece by piece in the
// tree's order they are the bits of the whole batch, wherever it is cut. Values are held for the
// rows of one piece alone; a gradient waits for each level of the tree.
//
// Why it is fast: the values of a piece are still in the core's own cache when δ goes back and when
// the gradient is summed, which takes a step of many rows half its time where layers are narrow.
// What it costs is one addition a weight and piece, beside some hundred multiplications.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "blocks.hpp"
#include "memory.hpp"
#include "program.hpp"
#include "tree.hpp"

namespace clearprop {

// Of values, the bytes that a core keeps near beside what it multiplies them with; of a gradient,
// those that may be written and joined for each piece of few rows. Where it has more, a piece has
// many rows, and values have to be many more than the gradients that wait.
inline constexpr double near_values = 0.5e6, near_gradient = 1e6, values_each_gradient = 8;
inline constexpr long far_rows = 8 * row_block, least_batch = 4 * row_block;

// Rows of a piece of a batch of m rows, whose values take so many bytes each: all, or half of the
// batch at most
inline long piece_of(long m, double bytes, double gradient, int threads) {
    const bool near = gradient <= near_gradient;
    if (!near && static_cast<double>(m) * bytes < values_each_gradient * gradient) return m;
    long rows = near ? row_block : far_rows;
    while (near && static_cast<double>(2 * rows) * bytes <= near_values * threads) rows *= 2;
    return m >= std::max(2 * rows, least_batch) ? rows : m;
}

// The gradients that wait: `weights(slot)` are the parameters with the gradient of a slot. Slot 0
// is the parameters' own, where the whole sum is in the end.
template <class T>
class Waiting {
  public:
    // For batches of so many pieces
    void begin(const std::vector<Weights<T>>& own, const std::vector<Parameter>& parameters,
               long pieces) {
        parameters_ = &parameters;
        slots_.assign(1, own);
        for (long joined = 2; joined <= pieces; joined *= 2) {  // a slot more for each level
            const std::size_t slot = slots_.size();
            slots_.push_back(own);
            arrays_.resize(std::max(arrays_.size(), slot * own.size()));
            for (std::size_t p = 0; p < own.size(); ++p)
                slots_[slot][p].gradient =
                    arrays_[(slot - 1) * own.size() + p].resize(size(own[p], parameters[p]));
        }
    }
    const Weights<T>* weights(int slot) const {
        return slots_[static_cast<std::size_t>(slot)].data();
    }
    // Rows first … last − 1 of a parameter: the gradient of `slot` += that of the next
    void join(int slot, long parameter, long first, long last) const {
        const std::size_t p = static_cast<std::size_t>(parameter);
        const Parameter& of = (*parameters_)[p];
        const Weights<T>& w = weights(slot)[p];
        const T* const next = weights(slot + 1)[p].gradient;
        const bool panels = of.layout == Layout::panels;
        const long step = panels ? w.panel : w.member;
        for (long at = 0; at < w.member * of.members; at += step)
            for (long i = at + first * w.row; i < at + last * w.row; ++i) w.gradient[i] += next[i];
    }

  private:
    static std::size_t size(const Weights<T>& w, const Parameter& p) {
        return static_cast<std::size_t>(w.member) * static_cast<std::size_t>(p.members);
    }
    const std::vector<Parameter>* parameters_ = nullptr;
    std::vector<std::vector<Weights<T>>> slots_;
    std::vector<Memory<T>> arrays_;
};

}  // namespace clearprop
