// The order in which a long sum's parts are joined: a tree that their number alone fixes.
//
// Parts are numbered; two neighbours i < j belong together in the subtree of level
// bit_width(i xor j): for parts 0 … n−1 that splits at the largest power of two below n. Parts
// come in order; what is complete is joined at once, so only one sum a level waits. Numbers left
// out count as zeros. A stretch of parts that is itself a subtree is joined the same on its own.
#pragma once

#include <cstdint>

namespace clearprop {

inline constexpr int tree_depth = 40;  // levels, and so sums that wait at once

class Tree {
  public:
    // The slot in which the sum of part `number` is to be put; join(i) means slot i += slot i + 1.
    template <class Join>
    inline __attribute__((always_inline)) int push(long number, Join join) {
        if (depth_ > 0) {
            const int level = bit_width(last_ ^ static_cast<std::uint64_t>(number));
            for (; depth_ > 1 && between_[depth_ - 2] < level; --depth_) join(depth_ - 2);
            between_[depth_ - 1] = level;
        }
        last_ = static_cast<std::uint64_t>(number);
        return depth_++;
    }
    // Joins what is left, the last and smallest first; the whole sum is then in slot 0.
    template <class Join>
    inline __attribute__((always_inline)) void finish(Join join) {
        for (; depth_ > 1; --depth_) join(depth_ - 2);
    }
    inline __attribute__((always_inline)) bool empty() const { return depth_ == 0; }

  private:
    static inline __attribute__((always_inline)) int bit_width(std::uint64_t x) {
        return x ? 64 - __builtin_clzll(x) : 0;
    }

    int depth_ = 0;
    std::uint64_t last_ = 0;
    int between_[tree_depth];  // the level of waiting neighbours i and i + 1: falling
};

}  // namespace clearprop
