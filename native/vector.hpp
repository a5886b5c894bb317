// A vector of float or double, as wide as the instruction set allows.
//
// Every kernel is written once over `Vector<T>` and compiled once for each instruction set: CMake
// defines one CLEARPROP_ISA_… macro a translation unit, and everything built on this page lives in
// a namespace of that name, so the same symbol never means two different codes.
//
// Why it is fast: a vector is one register, of the compiler's own vector type, so that it schedules
// and keeps them as it does numbers, with every register of the set at hand. A kernel's loops have
// no test of the set and no call through a pointer: the choice is made once, for a whole kernel.
//
// Why the bits agree: a lane never meets another lane except in the named reductions, whose order
// is fixed by `virtual_lanes` and not by the width of a register; fma is always explicit (and a
// fused one, except in `baseline`, which has no such instruction and so is a family of its own);
// minimum, maximum and comparisons are spelt with one meaning of NaN. So avx2, avx512 and neon give
// the same bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(CLEARPROP_ISA_AVX512)
#include <immintrin.h>
#if defined(CLEARPROP_TILES)
#define CP_ISA avx512amx
#elif defined(CLEARPROP_BFLOAT16)
#define CP_ISA avx512bf16
#else
#define CP_ISA avx512
#endif
#define CP_BYTES 64
#define CP_FUSED 1
#elif defined(CLEARPROP_ISA_AVX2)
#include <immintrin.h>
#define CP_ISA avx2
#define CP_BYTES 32
#define CP_FUSED 1
#elif defined(CLEARPROP_ISA_NEON)
#include <arm_neon.h>
#define CP_ISA neon
#define CP_BYTES 16
#define CP_FUSED 1
#else
#if defined(__x86_64__) || defined(_M_X64)
#include <emmintrin.h>
#endif
#define CP_ISA baseline
#define CP_BYTES 16
#define CP_FUSED 0
#endif

#define CP_INLINE inline __attribute__((always_inline))
#define CP_APART __attribute__((noinline)) inline
// In front of a loop whose turns are known: none of it is left
#if defined(__clang__)
#define CP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CP_UNROLL _Pragma("GCC unroll 16")
#endif

namespace clearprop::CP_ISA {

// Sums over columns go through this many partial sums on every machine (16 float = one AVX-512
// register), so that their order does not depend on the register.
inline constexpr int virtual_lanes = 16;

// The registers themselves: GCC ignores vector_size on a type that depends on a template's
// argument.
template <class T>
struct Register;
template <>
struct Register<float> {
    using Integer = std::int32_t;
    typedef float Native __attribute__((vector_size(CP_BYTES)));
    typedef std::int32_t Bits __attribute__((vector_size(CP_BYTES)));
    typedef std::uint32_t Unsigned __attribute__((vector_size(CP_BYTES)));
};
template <>
struct Register<double> {
    using Integer = std::int64_t;
    typedef double Native __attribute__((vector_size(CP_BYTES)));
    typedef std::int64_t Bits __attribute__((vector_size(CP_BYTES)));
    typedef std::uint64_t Unsigned __attribute__((vector_size(CP_BYTES)));
};

template <class T>
struct Vector {
    using Scalar = T;
    using Integer = typename Register<T>::Integer;
    using Native = typename Register<T>::Native;
    using Bits = typename Register<T>::Bits;
    using Unsigned = typename Register<T>::Unsigned;
    static constexpr int lanes = CP_BYTES / static_cast<int>(sizeof(T));

    Native v;

    CP_INLINE Vector() {}
    CP_INLINE Vector(Native native) : v(native) {}
    // x − 0 is x for every x, −0 and NaN too; so this is a broadcast and nothing else.
    CP_INLINE Vector(T s) : v(s - Native{}) {}

    CP_INLINE static Vector zero() { return Vector(Native{}); }
    CP_INLINE static Vector load(const T* p) {
        Native n;
        std::memcpy(&n, p, sizeof n);
        return n;
    }
    CP_INLINE void store(T* p) const { std::memcpy(p, &v, sizeof v); }
    // The first n lanes from memory, zero in the others; and back.
    CP_INLINE static Vector load(const T* p, int n) {
        T part[lanes] = {};
        for (int i = 0; i < n; ++i) part[i] = p[i];
        return load(part);
    }
    CP_INLINE void store(T* p, int n) const {
        T part[lanes];
        store(part);
        for (int i = 0; i < n; ++i) p[i] = part[i];
    }
    // Zero in lane n, if there is one, the others as they are.
    CP_INLINE Vector without(int n) const {
        Bits lane;
        for (int i = 0; i < lanes; ++i) lane[i] = i;
        return Vector((Native)((Bits)v & (lane != broadcast_bits(n))));
    }
    // Lanes 0 … n−1 as they are, zero in the others.
    CP_INLINE Vector keep(int n) const {
        Bits lane;
        for (int i = 0; i < lanes; ++i) lane[i] = i;
        const Bits mask = lane < broadcast_bits(n);
        return Vector((Native)((Bits)v & mask));
    }

    friend CP_INLINE Vector operator+(Vector a, Vector b) { return Vector(Native(a.v + b.v)); }
    friend CP_INLINE Vector operator-(Vector a, Vector b) { return Vector(Native(a.v - b.v)); }
    friend CP_INLINE Vector operator*(Vector a, Vector b) { return Vector(Native(a.v * b.v)); }
    friend CP_INLINE Vector operator/(Vector a, Vector b) { return Vector(Native(a.v / b.v)); }
    friend CP_INLINE Vector operator-(Vector a) { return Vector(Native(-a.v)); }
    friend CP_INLINE Bits operator<(Vector a, Vector b) { return a.v < b.v; }
    friend CP_INLINE Bits operator>(Vector a, Vector b) { return a.v > b.v; }
    friend CP_INLINE Bits operator<=(Vector a, Vector b) { return a.v <= b.v; }
    friend CP_INLINE Bits operator>=(Vector a, Vector b) { return a.v >= b.v; }
    friend CP_INLINE Bits operator==(Vector a, Vector b) { return a.v == b.v; }
    friend CP_INLINE Bits operator!=(Vector a, Vector b) { return a.v != b.v; }

    // cond ? a : b, lane by lane
    friend CP_INLINE Vector select(Bits cond, Vector a, Vector b) {
        return Vector(Native(cond ? a.v : b.v));
    }
    // If either is NaN the second is taken: so NaN in the second argument is seen.
    friend CP_INLINE Vector fmin(Vector a, Vector b) { return select(a < b, a, b); }
    friend CP_INLINE Vector fmax(Vector a, Vector b) { return select(a > b, a, b); }
    friend CP_INLINE Vector fabs(Vector a) { return Vector((Native)((Bits)a.v & ~sign_bit())); }
    friend CP_INLINE Vector copysign(Vector size, Vector sign) {
        return Vector((Native)(((Bits)size.v & ~sign_bit()) | ((Bits)sign.v & sign_bit())));
    }

    CP_INLINE Bits bits() const { return (Bits)v; }
    CP_INLINE static Vector from_bits(Bits b) { return Vector((Native)b); }
    CP_INLINE static Bits broadcast_bits(Integer i) { return i - Bits{}; }
    CP_INLINE static Bits sign_bit() { return Vector(T(-0.0)).bits(); }
};

using VectorF = Vector<float>;
using VectorD = Vector<double>;

// Visible without a vector among the arguments too: select(x > t, 1, −1) is a kernel's text.
inline VectorF select(VectorF::Bits cond, VectorF a, VectorF b);
inline VectorD select(VectorD::Bits cond, VectorD a, VectorD b);

// a·b + c, rounded once where the instruction set can (every family but baseline)
#if defined(CLEARPROP_ISA_AVX512)
CP_INLINE VectorF fma(VectorF a, VectorF b, VectorF c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
CP_INLINE VectorD fma(VectorD a, VectorD b, VectorD c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
CP_INLINE VectorF sqrt(VectorF a) { return _mm512_maskz_sqrt_ps(0xffff, a.v); }
CP_INLINE VectorD sqrt(VectorD a) { return _mm512_maskz_sqrt_pd(0xff, a.v); }
#elif defined(CLEARPROP_ISA_AVX2)
CP_INLINE VectorF fma(VectorF a, VectorF b, VectorF c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
CP_INLINE VectorD fma(VectorD a, VectorD b, VectorD c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
CP_INLINE VectorF sqrt(VectorF a) { return _mm256_sqrt_ps(a.v); }
CP_INLINE VectorD sqrt(VectorD a) { return _mm256_sqrt_pd(a.v); }
#elif defined(CLEARPROP_ISA_NEON)
CP_INLINE VectorF fma(VectorF a, VectorF b, VectorF c) { return vfmaq_f32(c.v, a.v, b.v); }
CP_INLINE VectorD fma(VectorD a, VectorD b, VectorD c) { return vfmaq_f64(c.v, a.v, b.v); }
CP_INLINE VectorF sqrt(VectorF a) { return VectorF::Native(vsqrtq_f32(a.v)); }
CP_INLINE VectorD sqrt(VectorD a) { return VectorD::Native(vsqrtq_f64(a.v)); }
#else
template <class T>
CP_INLINE Vector<T> fma(Vector<T> a, Vector<T> b, Vector<T> c) {
    return a * b + c;
}
#if defined(__x86_64__) || defined(_M_X64)
CP_INLINE VectorF sqrt(VectorF a) { return _mm_sqrt_ps(a.v); }
CP_INLINE VectorD sqrt(VectorD a) { return _mm_sqrt_pd(a.v); }
#else
template <class T>
CP_INLINE Vector<T> sqrt(Vector<T> a) {
    for (int i = 0; i < Vector<T>::lanes; ++i) a.v[i] = std::sqrt(a.v[i]);
    return a;
}
#endif
#endif

// Σ over the virtual lanes, always as a balanced tree over lane numbers: (i) + (i + 8), …
template <class T>
CP_INLINE T sum_of_lanes(T* lane) {
    for (int half = virtual_lanes / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
}

}  // namespace clearprop::CP_ISA
