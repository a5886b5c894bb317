#include "threads.hpp"

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace clearprop {

namespace {

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

}  // namespace

int available_cores() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    const unsigned cores = std::thread::hardware_concurrency();
    return cores ? static_cast<int>(cores) : 1;
}

// 2,000 pauses are some 20 to 80 µs: longer than threads of one step drift apart.
Barrier::Barrier(int threads)
    : threads_(threads), spins_(threads <= available_cores() ? 2000 : 0) {}

void Barrier::wait() {
    if (threads_ == 1) return;
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_acq_rel);
        round_.notify_all();
        return;
    }
    for (int i = 0; i < spins_; ++i) {
        if (round_.load(std::memory_order_acquire) != round) return;
        relax();
    }
    while (round_.load(std::memory_order_acquire) == round) round_.wait(round);
}

void in_parallel(int threads, const std::function<void(int)>& work) {
    std::exception_ptr first;
    std::mutex guard;
    const auto guarded = [&](int rank) {
        try {
            work(rank);
        } catch (...) {
            const std::lock_guard lock(guard);
            if (!first) first = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    others.reserve(static_cast<std::size_t>(threads - 1));
    for (int rank = 1; rank < threads; ++rank) others.emplace_back(guarded, rank);
    guarded(0);
    for (std::thread& other : others) other.join();
    if (first) std::rethrow_exception(first);
}

}  // namespace clearprop
