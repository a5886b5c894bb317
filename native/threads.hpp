// A team of threads for the length of one call, and the barrier they meet at.
//
// A team is made for a slice of many steps and is gone when the slice ends: no pool outlives a
// call, so forking is safe, nothing waits between calls, and the number of threads is an argument
// every time. Starting a thread costs some 20 µs, paid once a slice; nets for which that matters
// train on one thread, which starts none.
//
// At the barrier a thread spins for a few microseconds, but only where the machine has a core for
// every thread of the team; then, or otherwise at once, it sleeps in the kernel.
#pragma once

#include <atomic>
#include <functional>

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

// Runs work(0) … work(threads − 1) at the same time, work(0) on the caller's thread. The first
// exception of any is thrown again once all have ended.
void in_parallel(int threads, const std::function<void(int)>& work);

// Cores this process may use.
int available_cores();

}  // namespace clearprop
