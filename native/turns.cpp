// The number of this process, counted up in the child of each fork; see turns.hpp.
#include "turns.hpp"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace clearprop {

namespace {

std::atomic<long> number{1};

#if !defined(_WIN32)
[[maybe_unused]] const int counted = pthread_atfork(nullptr, nullptr, [] { ++number; });
#endif

}  // namespace

long process() { return number; }

}  // namespace clearprop
