// A large batch in pieces, done one after the other, whose sums wait for each other.
//
// A piece is a power of two of blocks of `row_block` rows and begins at a multiple of that, so that
// the sums over its rows are one subtree of the batch's (tree.hpp): joined piece by piece in the
// tree's order they are the bits of the whole batch. Values are held for the rows of one piece
// alone; a gradient waits for each level of the tree. The batch alone says where it is cut.
//
// Why it is fast: the values of a piece are still in a cache when the gradient is summed. What it
// costs is one addition a weight and piece, beside some thousand multiplications.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "blocks.hpp"
#include "memory.hpp"
#include "program.hpp"
#include "tree.hpp"

namespace clearprop {

// Bytes of values up to which a batch is one piece, those that a piece of a larger one has at most,
// and the fewest rows of a piece: with few, joining the sums would be felt.
inline constexpr double most_of_a_batch = 64e6, most_of_a_piece = 24e6;
inline constexpr long least_rows = 8 * row_block;

// Rows of a piece of a batch of m rows, whose values take so many bytes each
inline long piece_of(long m, double bytes) {
    if (static_cast<double>(m) * bytes <= most_of_a_batch) return m;
    long rows = least_rows;
    while (static_cast<double>(2 * rows) * bytes <= most_of_a_piece) rows *= 2;
    return rows < m ? rows : m;
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
        for (long joined = 1; joined < pieces; joined *= 2) {
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
