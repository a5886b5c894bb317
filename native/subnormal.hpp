// Numbers below the smallest normal one are zero while a step of float32 is done.
//
// Why it is fast: arithmetic with a subnormal number takes a processor some hundred cycles, and
// where training has nearly ended δ is full of them, so that a step took twenty times as long as
// its first. No update sees the difference: what is lost is below 1.2e-38. Predictions, judged
// rows and float64 keep every number.
#pragma once

#include <cstdint>
#include <type_traits>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace clearprop {

// As long as it lives, for the thread that made it; of steps of T.
template <class T>
class FlushSubnormal {
  public:
    FlushSubnormal() : before_(mode()) {
        if constexpr (std::is_same_v<T, float>) set(before_ | flush);
    }
    ~FlushSubnormal() { set(before_); }
    FlushSubnormal(const FlushSubnormal&) = delete;
    FlushSubnormal& operator=(const FlushSubnormal&) = delete;

  private:
#if defined(__SSE2__)
    using Mode = unsigned;
    static constexpr Mode flush = 0x8040;  // results (FTZ) and operands (DAZ)
    static Mode mode() { return _mm_getcsr(); }
    static void set(Mode mode) { _mm_setcsr(mode); }
#elif defined(__aarch64__)
    using Mode = std::uint64_t;
    static constexpr Mode flush = Mode{1} << 24;  // FZ: results and operands
    static Mode mode() {
        Mode found;
        __asm__ volatile("mrs %0, fpcr" : "=r"(found));
        return found;
    }
    static void set(Mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
    using Mode = int;
    static constexpr Mode flush = 0;
    static Mode mode() { return 0; }
    static void set(Mode) {}
#endif
    Mode before_;
};

}  // namespace clearprop
