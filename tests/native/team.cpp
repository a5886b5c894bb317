// A team that is refused some of its threads does its work with those it has, and comes back,
// whether its threads may spin or have to sleep.
// Used by tests/test_native_team.py, which compiles it with native/threads.cpp alone.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "../../native/threads.hpp"

using namespace clearprop;

namespace {

int left;  // threads that the system still gives

std::thread grudging(const std::function<void()>& body) {
    if (left-- <= 0)
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    return std::thread(body);
}

void claim(bool holds, const char* what) {
    if (holds) return;
    std::printf("not so: %s\n", what);
    std::exit(1);
}

// Pieces of work with a barrier inside, each thread's part counted
void work(Team& team, int pieces) {
    for (int piece = 0; piece < pieces; ++piece) {
        Barrier barrier(team.size());
        std::vector<int> before(static_cast<std::size_t>(team.size())), after = before;
        team.run([&](int rank) {
            before[static_cast<std::size_t>(rank)] += rank + 1;
            barrier.wait();
            after[static_cast<std::size_t>(rank)] =
                std::accumulate(before.begin(), before.end(), 0);
        });
        const int sum = team.size() * (team.size() + 1) / 2;
        for (const int seen : after) claim(seen == sum, "a barrier has all the parts behind it");
    }
}

void spinning() {
    const int cores = available_cores();
    claim(may_spin(cores) && !may_spin(cores + 1), "a thread on each core may spin, one more not");
    for (const int count : {1, 2, std::numeric_limits<int>::max()}) {
        leave_cores(count);
        const int least = std::min(count, cores);
        claim(may_spin(least) && !may_spin(least + 1), "so it is with the cores that are left");
    }
}

void teams() {
    for (int wanted : {1, 2, 5})
        for (int given = 0; given < 6; ++given) {
            left = given;
            Team team(wanted, grudging);
            claim(team.size() == 1 + std::min(given, wanted - 1),
                  "what can be started is the team");
            work(team, 50);
            for (int thrower = 0; thrower < team.size(); ++thrower) {
                bool caught = false;
                try {
                    team.run([&](int rank) {
                        if (rank == thrower) throw std::out_of_range("a row");
                    });
                } catch (const std::out_of_range&) {
                    caught = true;
                }
                claim(caught, "an exception of any thread is thrown again");
            }
            work(team, 3);
        }
    for (int i = 0; i < 200; ++i) Team idle(3);
}

}  // namespace

int main() {
    spinning();
    teams();
    leave_cores(1);
    teams();
    std::puts("ok");
}
