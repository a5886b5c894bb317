// The team and its barrier, and how many cores there are for them; threads.hpp tells why.
#include "threads.hpp"

#include <algorithm>
#include <limits>

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

std::atomic<int> cores_left{std::numeric_limits<int>::max()};

// 2,000 pauses are some 20 to 80 µs: longer than threads of one step drift apart.
int spins_of(int threads) { return may_spin(threads) ? 2000 : 0; }

// Returns when `number` is no longer `old`.
template <class Number>
void await(const std::atomic<Number>& number, Number old, int spins) {
    for (int i = 0; i < spins; ++i) {
        if (number.load(std::memory_order_acquire) != old) return;
        relax();
    }
    while (number.load(std::memory_order_acquire) == old) number.wait(old);
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

void leave_cores(int count) { cores_left = count; }

bool may_spin(int threads) { return threads <= std::min(available_cores(), cores_left.load()); }

Barrier::Barrier(int threads) : threads_(threads), spins_(spins_of(threads)) {}

void Barrier::wait() {
    if (threads_ == 1) return;
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_acq_rel);
        round_.notify_all();
        return;
    }
    await(round_, round, spins_);
}

std::thread started(const std::function<void()>& body) { return std::thread(body); }

Team::Team(int threads, Starter start) : spins_(spins_of(threads)) {
    try {
        others_.reserve(static_cast<std::size_t>(threads - 1));
        for (int rank = 1; rank < threads; ++rank)
            others_.push_back(start([this, rank] { serve(rank); }));
    } catch (...) {
        // What was refused is a thread, and those that there are do its part.
    }
}

Team::~Team() {
    if (others_.empty()) return;
    work_ = nullptr;
    piece_.fetch_add(1, std::memory_order_acq_rel);
    piece_.notify_all();
    for (std::thread& other : others_) other.join();
}

void Team::run(const std::function<void(int)>& work) {
    if (others_.empty()) return work(0);
    work_ = &work;
    first_ = nullptr;
    busy_.store(size() - 1, std::memory_order_relaxed);
    piece_.fetch_add(1, std::memory_order_acq_rel);
    piece_.notify_all();
    guarded(0);
    for (int left; (left = busy_.load(std::memory_order_acquire)) > 0;) await(busy_, left, spins_);
    if (first_) std::rethrow_exception(first_);
}

void Team::serve(int rank) {
    for (unsigned piece = 0;; ++piece) {
        await(piece_, piece, spins_);
        if (!work_) return;
        guarded(rank);
        // Behind this the caller may go on, and the team may end as soon as this thread has.
        busy_.fetch_sub(1, std::memory_order_acq_rel);
        busy_.notify_one();
    }
}

void Team::guarded(int rank) {
    try {
        (*work_)(rank);
    } catch (...) {
        const std::lock_guard lock(guard_);
        if (!first_) first_ = std::current_exception();
    }
}

}  // namespace clearprop
