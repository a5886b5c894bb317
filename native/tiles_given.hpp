// Whether this processor's tiles may be used, and do what tiles.hpp takes them to do.
//
// Linux lends a process the 8 KB of tiles when it asks once; what asks and is refused goes on with
// AVX512-BF16. A product that both must give exactly is compared before tiles are believed.
#pragma once

#include "product.hpp"

#if defined(CLEARPROP_TILES)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clearprop::CP_ISA {

// The processor has AMX-TILE and AMX-BF16, and the system keeps the state of tiles for us.
inline bool tiles_given() {
#if defined(CLEARPROP_SIMULATED_TILES)
    return true;
#else
    constexpr unsigned amx_bf16 = 1u << 22, amx_tile = 1u << 24;
    constexpr long ask = 0x1023, tile_state = 18;  // ARCH_REQ_XCOMP_PERM, XTILEDATA
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return (d & amx_bf16) && (d & amx_tile) && syscall(SYS_arch_prctl, ask, tile_state) == 0;
#endif
}

// 45 × 33 numbers from 70 pairs by tiles are those that loops find: of small whole numbers every
// order of summing gives the same.
__attribute__((noinline)) inline bool tiles_agree() {
    constexpr long m = 45, n = 33, k = 70, all = grouped(2 * k), width = panel_width<float>;
    static Pair A[m * all], B[2 * all * width];
    static float C[m * 2 * width];
    const auto whole = [](long i) { return static_cast<float>(i * 37 % 17 - 8); };
    const auto pair = [&](long first, long second) {
        const float x[2] = {whole(first), whole(second)};
        std::uint32_t bits[2];
        __builtin_memcpy(bits, x, sizeof x);
        return Pair{bits[0] >> 16 | (bits[1] & 0xffff0000u)};
    };
    const auto place = [](long s, long j) {
        return j / width * all * width + s * width + j % width;
    };
    for (long s = 0; s < k; ++s) {
        for (long i = 0; i < m; ++i) A[i * all + s] = pair(2 * (i * k + s), 2 * (i * k + s) + 1);
        for (long j = 0; j < n; ++j) B[place(s, j)] = pair(3 * (j * k + s), 3 * (j * k + s) + 1);
    }
    product<float, Pair>(
        {m, n, k, A, all, 1, B, width, all * width, C, 2 * width, width, Start::zero, nullptr});
    for (long i = 0; i < m; ++i)
        for (long j = 0; j < n; ++j) {
            float sum = 0;
            for (long s = 0; s < k; ++s) {
                const long a = 2 * (i * k + s), b = 3 * (j * k + s);
                sum += whole(a) * whole(b) + whole(a + 1) * whole(b + 1);
            }
            if (C[i * 2 * width + j] != sum) return false;
        }
    return true;
}

}  // namespace clearprop::CP_ISA
#endif
