// Parts of a phase, in a row, shared out among the threads of a team.
//
// Each thread has a stretch of the parts that is its own and begins at its front; one that has none
// left takes from the end of another's. No thread is given what it would not have had anyway as
// long as all are equally fast, and a part's weights stay in the cache of the core that had them in
// the step before. Which thread does a part changes no bits.
//
// Why it is fast: what is taken is half of what is left, so that a stretch is a few large pieces
// and ends in small ones; taking is one exchange of a word that is mostly the thread's alone.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace clearprop {

class Stretches {
  public:
    explicit Stretches(int threads) : all_(static_cast<std::size_t>(threads)) {}

    // The thread's own stretch, when there is nothing left of the last one. Others may look for
    // parts meanwhile: they find none, or these.
    void fill(int rank, std::uint32_t first, std::uint32_t last) {
        all_[static_cast<std::size_t>(rank)].left.store(word(first, last),
                                                        std::memory_order_relaxed);
    }

    // The next parts for this thread, first … last − 1; false: nobody has any left.
    bool take(int rank, std::uint32_t& first, std::uint32_t& last) {
        const std::size_t threads = all_.size(), own = static_cast<std::size_t>(rank);
        if (threads == 1) return take_all(all_[0].left, first, last);
        for (std::size_t i = 0; i < threads; ++i)
            if (take(all_[(own + i) % threads].left, i == 0, first, last)) return true;
        return false;
    }

  private:
    struct alignas(64) Stretch {
        std::atomic<std::uint64_t> left{0};
    };

    static std::uint64_t word(std::uint32_t first, std::uint32_t last) {
        return std::uint64_t{last} << 32 | first;
    }

    // Where nobody else takes: the smallest networks have steps of a few µs.
    static bool take_all(std::atomic<std::uint64_t>& left, std::uint32_t& first,
                         std::uint32_t& last) {
        const std::uint64_t all = left.load(std::memory_order_relaxed);
        first = static_cast<std::uint32_t>(all), last = static_cast<std::uint32_t>(all >> 32);
        left.store(word(last, last), std::memory_order_relaxed);
        return first < last;
    }

    static bool take(std::atomic<std::uint64_t>& left, bool front, std::uint32_t& first,
                     std::uint32_t& last) {
        std::uint64_t seen = left.load(std::memory_order_relaxed);
        for (;;) {
            const auto begin = static_cast<std::uint32_t>(seen),
                       end = static_cast<std::uint32_t>(seen >> 32);
            if (begin >= end) return false;
            const std::uint32_t half = (end - begin + 1) / 2;
            first = front ? begin : end - half;
            last = first + half;
            if (left.compare_exchange_weak(seen, front ? word(last, end) : word(begin, first),
                                           std::memory_order_relaxed))
                return true;
        }
    }

    std::vector<Stretch> all_;
};

}  // namespace clearprop
