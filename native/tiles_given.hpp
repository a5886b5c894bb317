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
    constexpr long m = 45, n = 33, k = 70, width = panel_width<float>;
    static Pair A[m * k], B[2 * k * width];
    static float C[m * 2 * width];
    const auto whole = [](long i) { return static_cast<float>(i * 37 % 17 - 8); };
    const auto pair = [&](long first, long second) {
        const float x[2] = {whole(first), whole(second)};
        std::uint32_t bits[2];
        __builtin_memcpy(bits, x, sizeof x);
        return Pair{bits[0] >> 16 | (bits[1] & 0xffff0000u)};
    };
    for (long i = 0; i < m * k; ++i) A[i] = pair(2 * i, 2 * i + 1);
    for (long i = 0; i < 2 * k * width; ++i) B[i] = pair(3 * i, 3 * i + 1);
    product<float, Pair>(
        {m, n, k, A, k, 1, B, width, k * width, C, 2 * width, width, Start::zero, nullptr});
    for (long i = 0; i < m; ++i)
        for (long j = 0; j < n; ++j) {
            float sum = 0;
            for (long s = 0; s < k; ++s) {
                const long at = 3 * (j / width * k * width + s * width + j % width);
                sum +=
                    whole(2 * (i * k + s)) * whole(at) + whole(2 * (i * k + s) + 1) * whole(at + 1);
            }
            if (C[i * 2 * width + j] != sum) return false;
        }
    return true;
}

}  // namespace clearprop::CP_ISA
#endif
