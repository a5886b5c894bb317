// A team of threads for the length of one call, and the barrier they meet at.
//
// A team is made for a slice of many steps and is gone when the slice ends: no pool outlives a
// call, so forking is safe, nothing waits between calls, and the number of threads is an argument
// every time. Starting a thread costs some 30 µs where a core is free, paid once a slice; nets for
// which that matters train on one thread, which starts none.
//
// The system may refuse a thread (a limit on processes, no memory). How many there are is therefore
// known before there is work: those that were started wait, the caller asks for the team's size,
// divides the work among so many, and then lets them begin. No one waits for a thread that is not.
//
// Why it is fast: threads of one step end within microseconds of each other, and to sleep and be
// woken takes longer than that. So at the barrier, and between two pieces of work, a thread spins
// for some 20 to 80 µs, but only where the process may use a core for every thread of the team
// (`may_spin`); then, or otherwise at once, it sleeps in the kernel.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace clearprop {

class Barrier {
  public:
    explicit Barrier(int threads);
    void wait();

  private:
    const int threads_;
    const int spins_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> round_{0};
};

// How a thread is started: by the system, or in a test by something that refuses.
using Starter = std::thread (*)(const std::function<void()>&);
std::thread started(const std::function<void()>& body);

class Team {
  public:
    // Of `threads`, the caller's own among them, or as many as can be started.
    explicit Team(int threads, Starter start = started);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    int size() const { return static_cast<int>(others_.size()) + 1; }

    // Runs work(0) … work(size − 1) at the same time, work(0) on the caller's thread. The first
    // exception of any is thrown again once all have ended.
    void run(const std::function<void(int)>& work);

  private:
    void serve(int rank);
    void guarded(int rank);

    const int spins_;
    std::vector<std::thread> others_;
    const std::function<void(int)>* work_ = nullptr;  // null: there is no more
    std::atomic<unsigned> piece_{0};                  // of the work: another number, another piece
    std::atomic<int> busy_{0};                        // others that have not ended theirs
    std::mutex guard_;
    std::exception_ptr first_;
};

// Cores the system schedules this process on.
int available_cores();

// How many of them others leave to it from now on, as a control group does with its share of time:
// told by who reads such limits (clearprop/engine/limits.py).
void leave_cores(int count);

// Whether each thread of a team of so many has a core. If not, one that spins takes the time that
// the thread it waits for needs.
bool may_spin(int threads);

}  // namespace clearprop
