// bfloat16: numbers of 8 binary digits with the range of a float, two to a word.
//
// A product of pairs adds two terms a lane in one instruction (AVX512-BF16), or in two fma where
// the processor has none; the sum stays a float. Weights, slots and values are floats always: what
// a product reads is rounded on its way into the packed operand, so nothing else knows of bfloat16.
#pragma once

#include "program.hpp"
#include "vector.hpp"

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

// Lane by lane the pair of two numbers
CP_INLINE void store_pairs(VectorF first, VectorF second, Pair* to) {
    const VectorF::Unsigned pairs = (rounded(first) >> 16) | rounded(second);
    __builtin_memcpy(to, &pairs, sizeof pairs);
}

// Neighbours of a row: numbers j and j + 1, j even, as pair j / 2; `width` is a multiple of lanes
CP_INLINE void store_row(const float* row, long width, Pair* to) {
    typedef std::uint16_t Halves __attribute__((vector_size(CP_BYTES / 2)));
    for (long j = 0; j < width; j += VectorF::lanes) {
        const VectorF::Unsigned high = rounded(VectorF::load(row + j)) >> 16;
        const Halves halves = __builtin_convertvector(high, Halves);
        __builtin_memcpy(reinterpret_cast<char*>(to) + 2 * j, &halves, sizeof halves);
    }
}

}  // namespace clearprop::CP_ISA
