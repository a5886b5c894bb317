// Every part of a phase is done once, whichever thread takes it, and every row of a batch is in one
// thread's cut, at any pace. Used by tests/test_native_team.py, which compiles it with
// native/threads.cpp alone.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/paces.hpp"
#include "../../native/stretches.hpp"
#include "../../native/threads.hpp"

using namespace clearprop;

namespace {

void claim(bool holds, const char* what, int threads) {
    if (holds) return;
    std::printf("not so with %d threads: %s\n", threads, what);
    std::exit(1);
}

// Steps as the engine makes them: rows by pace, a barrier, parts taken, a barrier
void steps(int threads) {
    constexpr int each = 40, rows = 517, part = 4;
    Team team(threads);
    Barrier barrier(threads);
    Stretches stretches(threads);
    Paces paces;
    const auto all = static_cast<std::size_t>(threads);
    std::vector<int> done(all * each), passed(rows);
    for (int slice = 0; slice < 3; ++slice) {
        paces.begin(threads);
        team.run([&](int rank) {
            for (long s = 0, turn = 0; s < 1000; ++s) {
                const auto own = static_cast<std::uint32_t>(each * rank),
                           few = static_cast<std::uint32_t>(s % (each + 1));
                stretches.fill(rank, own, own + few);
                const long first = paces.first(turn, rank, rows, part),
                           last = paces.first(turn, rank + 1, rows, part);
                for (long r = first; r < last; ++r) ++passed[static_cast<std::size_t>(r)];
                const auto ticks = static_cast<std::uint64_t>((rank + 1) * (last - first) * 100);
                paces.note(turn++, rank, last - first, ticks);
                barrier.wait();
                if (rank == 0)
                    for (int& count : passed) {
                        claim(count == 1, "a row is passed by one thread", threads);
                        count = 0;
                    }
                for (std::uint32_t from, to; stretches.take(rank, from, to);)
                    for (std::uint32_t i = from; i < to; ++i) ++done[i];
                barrier.wait();
                if (rank == 0)
                    for (std::size_t i = 0; i < done.size(); ++i) {
                        claim(done[i] == (i % each < few), "a part is done once", threads);
                        done[i] = 0;
                    }
                barrier.wait();
            }
        });
    }
}

void taking() {
    Stretches stretches(2);
    stretches.fill(0, 0, 8);
    stretches.fill(1, 8, 8);
    std::uint32_t first, last;
    claim(stretches.take(0, first, last) && first == 0 && last == 4, "its own front, half of it",
          2);
    claim(stretches.take(1, first, last) && first == 6 && last == 8, "another's end, half of it",
          2);
    claim(stretches.take(0, first, last) && first == 4 && last == 5, "what is left", 2);
    claim(stretches.take(1, first, last) && first == 5 && last == 6, "the last", 2);
    claim(!stretches.take(0, first, last) && !stretches.take(1, first, last), "nothing is left", 2);
}

// Of 400 rows, those of the first of two threads
long first_of(std::uint64_t one, std::uint64_t other, long turns) {
    Paces paces;
    paces.begin(2);
    for (long turn = 0; turn < turns; ++turn) {
        const long cut = paces.first(turn, 1, 400, 4);
        paces.note(turn, 0, cut, one * static_cast<std::uint64_t>(cut));
        paces.note(turn, 1, 400 - cut, other * static_cast<std::uint64_t>(400 - cut));
    }
    return paces.first(turns, 1, 400, 4);
}

}  // namespace

int main() {
    taking();
    claim(first_of(100, 100, 0) == 200, "as long as nothing is known they are equal", 2);
    claim(first_of(100, 104, 50) == 200, "those that differ by little are equal", 2);
    claim(first_of(100, 300, 50) == 300, "a third of the pace has a third of the rows", 2);
    claim(first_of(300, 100, 50) == 100, "the other way round too", 2);
    claim(first_of(100, 100000, 90) == 300, "the slowest keeps a quarter: it may be fast again", 2);
    for (const int threads : {1, 2, 3, 5}) steps(threads);
    std::puts("ok");
}
