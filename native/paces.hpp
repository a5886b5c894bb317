// How the rows of a batch are cut among the threads of a team: by how fast each was before.
//
// A core that shares its units with a neighbour, or runs at a lower clock, has fewer rows, and the
// threads reach the barrier together. Rows are cut once a step and not taken from each other while
// they are passed on: a product of few rows reads as many weights as one of many. Who has which
// rows changes no bits.
//
// Every thread finds the same cut from the same numbers: those that all had written before the last
// barrier. What is written meanwhile, for the next turn, stands beside them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace clearprop {

class Paces {
  public:
    // For a team of so many, from `turn` 0 on; what is known of as many as before is kept.
    void begin(int threads) {
        if (all_.size() != static_cast<std::size_t>(threads))
            all_.assign(static_cast<std::size_t>(threads), Pace());
        for (Pace& one : all_) one.ticks_a_row[0] = one.ticks_a_row[1];
    }

    // The first of m rows that threads from `rank` on have, a multiple of `part`.
    long first(long turn, int rank, long m, long part) const {
        if (static_cast<std::size_t>(rank) == all_.size()) return m;
        if (rank == 0) return 0;
        double least = all_[0].ticks_a_row[turn % 2], before = 0, total = 0;
        for (const Pace& one : all_) least = std::min(least, one.ticks_a_row[turn % 2]);
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (i == static_cast<std::size_t>(rank)) before = total;
            // As long as nothing is known of one, all are equal, and so are those that differ by
            // little: halves of a batch are often whole blocks of rows. A slow one keeps some rows,
            // or it would not be known when it is fast again.
            const double own = all_[i].ticks_a_row[turn % 2];
            total += least > 0 && own > nearly * least ? least / std::min(own, 3 * least) : 1;
        }
        const double parts = static_cast<double>((m + part - 1) / part);
        return std::min(m, static_cast<long>(parts * before / total + 0.5) * part);
    }

    // So many rows took the thread so long in this turn.
    void note(long turn, int rank, long rows, std::uint64_t ticks) {
        double* const known = all_[static_cast<std::size_t>(rank)].ticks_a_row;
        const double old = known[turn % 2];
        double now = rows > 0 ? static_cast<double>(ticks) / static_cast<double>(rows) : old;
        // That a thread was stopped for a moment is no reason to leave it without rows.
        if (old > 0) now = old + (std::clamp(now, old / 2, 2 * old) - old) / 4;
        known[(turn + 1) % 2] = now;
    }

  private:
    static constexpr double nearly = 1.06;
    struct alignas(64) Pace {
        double ticks_a_row[2] = {0, 0};  // 0: unknown
    };
    std::vector<Pace> all_;
};

}  // namespace clearprop
