// The stop flags of the calls that run now, and the handler that raises them all.
//
// It owns the process's handler of SIGINT while any such call runs: the first puts it there, the
// last puts back the one before, which is called in between as well. A handler may run at any
// instruction, so it takes no lock and allocates nothing: flags stand in a fixed array of atomics,
// and a call that finds no place in it runs on without being reached.
#include "interrupt.hpp"

#include <signal.h>
#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <atomic>
#include <mutex>

namespace clearprop {

namespace {

constexpr int most = 64;  // calls at the same time that an interrupt can reach
std::atomic<volatile int*> flags[most];
std::mutex guard;
int running = 0;

#if defined(_WIN32)
using Handler = void (*)(int);
Handler before = SIG_DFL;
void call_before(int number) {
    if (before != SIG_DFL && before != SIG_IGN && before) before(number);
}
#else
struct sigaction before;
void call_before(int number) {
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(number);
}
#endif

#if !defined(_WIN32)
// A process is not forked while another thread has the lock, which would be nobody's there.
[[maybe_unused]] const int whole =
    pthread_atfork([] { guard.lock(); }, [] { guard.unlock(); }, [] { guard.unlock(); });
#endif

void raise_flags(int number) {
    for (auto& slot : flags)
        if (volatile int* flag = slot.load()) *flag = 1;
    call_before(number);
}

// Where SIGINT is ignored (a shell's background job), it stays ignored.
void install() {
#if defined(_WIN32)
    before = signal(SIGINT, raise_flags);
    if (before == SIG_IGN) signal(SIGINT, SIG_IGN);
#else
    sigaction(SIGINT, nullptr, &before);
    if (before.sa_handler == SIG_IGN) return;
    struct sigaction own{};
    own.sa_handler = raise_flags;
    sigemptyset(&own.sa_mask);
    sigaction(SIGINT, &own, &before);
#endif
}

void restore() {
#if defined(_WIN32)
    signal(SIGINT, before);
#else
    sigaction(SIGINT, &before, nullptr);
#endif
}

}  // namespace

Interruptible::Interruptible(volatile int* stop) {
    const std::lock_guard lock(guard);
    for (int i = 0; i < most && place_ < 0; ++i)
        if (!flags[i].load()) {
            flags[i] = stop;
            place_ = i;
        }
    if (running++ == 0) install();
}

Interruptible::~Interruptible() {
    const std::lock_guard lock(guard);
    if (place_ >= 0) flags[place_] = nullptr;
    if (--running == 0) restore();
}

}  // namespace clearprop
