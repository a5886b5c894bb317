// bfloat16: numbers of 8 binary digits with the range of a float, two to a word.
//
// Rounding is to the nearest, ties to even. Weights, slots and values are floats always: what a
// product reads is rounded on its way into the packed operand, so nothing else knows of bfloat16.
//
//   c + a₀ b₀ + a₁ b₁: what a lane of c becomes with one pair of a and one of b, as a float
//
// Why it is fast: a register holds twice the numbers, and a product of pairs adds two terms a lane
// in one instruction (AVX512-BF16; by AMX's tiles 32 terms: tiles.hpp). Where the processor has
// neither it is two fma, and slower than float32. Weights are paired once a step, behind their
// update, by whole registers.
#pragma once

#include "program.hpp"
#include "transposing.hpp"

namespace clearprop::CP_ISA {

// How a product reads what it multiplies: numbers, or pairs (k then counts pairs).
template <class T, class E>
struct Factor {
    Vector<T> v;
    CP_INLINE static Factor load(const E* p) { return {Vector<T>::load(p)}; }
    CP_INLINE static Factor all(E s) { return {Vector<T>(s)}; }
};
template <>
struct Factor<float, Pair> {
    VectorF::Bits v;
    CP_INLINE static Factor load(const Pair* p) {
        Factor f;
        __builtin_memcpy(&f.v, p, sizeof f.v);
        return f;
    }
    CP_INLINE static Factor all(Pair s) {
        return {VectorF::broadcast_bits(static_cast<std::int32_t>(s.bits))};
    }
};

// a · b + c
template <class T>
CP_INLINE Vector<T> multiply_add(Factor<T, T> a, Factor<T, T> b, Vector<T> c) {
    return fma(a.v, b.v, c);
}
CP_INLINE VectorF multiply_add(Factor<float, Pair> a, Factor<float, Pair> b, VectorF c) {
#if defined(CLEARPROP_BFLOAT16)
    return VectorF::Native(_mm512_dpbf16_ps(c.v, (__m512bh)a.v, (__m512bh)b.v));
#else
    using U = VectorF::Unsigned;
    const auto first = [](VectorF::Bits v) {
        return VectorF::from_bits((VectorF::Bits)((U)v << 16));
    };
    const auto second = [](VectorF::Bits v) {
        return VectorF::from_bits(v & VectorF::broadcast_bits(-65536));
    };
    return fma(first(a.v), first(b.v), fma(second(a.v), second(b.v), c));
#endif
}

// a · b + c, where a is one number in memory. AVX-512's instruction reads it for all lanes by
// itself; a compiler, seeing two products with one number, would load it apart from them.
template <class T, class E>
CP_INLINE Vector<T> multiply_add(const E* a, Factor<T, E> b, Vector<T> c) {
    return multiply_add(Factor<T, E>::all(*a), b, c);
}
#if defined(CLEARPROP_ISA_AVX512)
CP_INLINE VectorF multiply_add(const float* a, Factor<float, float> b, VectorF c) {
    asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c.v) : "v"(b.v.v), "m"(*a));
    return c;
}
CP_INLINE VectorD multiply_add(const double* a, Factor<double, double> b, VectorD c) {
    asm("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(c.v) : "v"(b.v.v), "m"(*a));
    return c;
}
#endif

#if defined(CLEARPROP_BFLOAT16)
// Lane by lane the pair of two numbers, rounded to the nearest bfloat16, ties to even; of subnormal
// numbers the processor makes zeros, as its products do.
CP_INLINE VectorF::Unsigned paired(VectorF first, VectorF second) {
    const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(second.v, first.v);
    const __m512i in_turn =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (VectorF::Unsigned)_mm512_permutexvar_epi16(in_turn, halves);
}

// The pairs of neighbours of a row's next 2 · lanes numbers: 2 i and 2 i + 1 in lane i
CP_INLINE VectorF neighbours(VectorF a, VectorF b) {
    return VectorF::from_bits((VectorF::Bits)_mm512_cvtne2ps_pbh(b.v, a.v));
}
#else
// x rounded to the nearest bfloat16, ties to even, in the high half of each word; NaN stays one
CP_INLINE VectorF::Unsigned rounded(VectorF x) {
    using Bits = VectorF::Bits;
    using U = VectorF::Unsigned;
    const U bits = (U)x.bits();
    const U up = bits + (U)VectorF::broadcast_bits(0x7fff) + ((bits >> 16) & 1);
    const Bits nan = x != x;
    const Bits quiet = (Bits)bits | VectorF::broadcast_bits(0x400000);
    return (U)(((nan & quiet) | (~nan & (Bits)up)) & VectorF::broadcast_bits(-65536));
}
CP_INLINE VectorF::Unsigned paired(VectorF first, VectorF second) {
    return (rounded(first) >> 16) | rounded(second);
}
template <int... lane>
CP_INLINE VectorF neighbours(VectorF a, VectorF b, std::integer_sequence<int, lane...>) {
    return VectorF::from_bits((VectorF::Bits)paired(lanes_of<float, 2 * lane...>(a, b),
                                                    lanes_of<float, 2 * lane + 1 ...>(a, b)));
}
CP_INLINE VectorF neighbours(VectorF a, VectorF b) {
    return neighbours(a, b, std::make_integer_sequence<int, VectorF::lanes>());
}
#endif

CP_INLINE void store_pairs(VectorF first, VectorF second, Pair* to) {
    const VectorF::Unsigned pairs = paired(first, second);
    __builtin_memcpy(to, &pairs, sizeof pairs);
}

// A row of so many numbers, a multiple of lanes, as pairs of neighbours; behind them zeros to whole
// groups.
CP_INLINE void store_row(const float* row, long width, Pair* to) {
    using V = VectorF;
    const Pair* const end = to + grouped(width);
    for (long j = 0; to < end; j += 2 * V::lanes, to += V::lanes) {
        const V pairs = neighbours(j < width ? V::load(row + j) : V::zero(),
                                   j + V::lanes < width ? V::load(row + j + V::lanes) : V::zero());
        __builtin_memcpy(to, &pairs, sizeof pairs);
    }
}

}  // namespace clearprop::CP_ISA
