// exp, expm1, log, log1p, tanh and erf over a vector, without branches and without tables.
//
// Each reduces its argument to a short interval, evaluates a polynomial p there (Horner, every step
// one fma) and scales back:
//
//   eˣ = 2ⁿ (1 + r + r² p(r)),  x = n ln 2 + r,  |r| ≤ ln 2 / 2
//   log x = k ln 2 + 2 s + s³ p(s²),  x = 2ᵏ (1 + f),  √½ ≤ 1 + f < √2,  s = f / (2 + f)
//   tanh |x| = t / (t + 2),  t = e^(2|x|) − 1
//   erf |x| = |x| + |x| p(x²) below 1, else 1 − e^(−x²) q((|x| − 2) / (|x| + 2))
//
// Why it is fast: a register's numbers go through the same instructions whatever they are, none of
// them reads a table lane by lane, and n is rounded by one fma with a large number. So a value
// never depends on its neighbours either, and NaN, infinities, zeros and denormal numbers come out
// right by construction or by a selection at the end. Coefficients: tools/minimax.py prints them.
// Errors (tests/test_native_mathematics.py holds them): at most 2 ulp, expm1 3 and tanh 4, in both
// precisions.
#pragma once

#include "vector.hpp"

namespace clearprop::CP_ISA {

template <class T>
struct Constants;

template <>
struct Constants<float> {
    static constexpr int mantissa = 23, bias = 127;
    static constexpr float magic = 12582912.0f;        // 1.5 · 2²³: adding it rounds to an integer
    static constexpr float log2e = 1.44269504f;        // 1 / ln 2
    static constexpr float ln2_high = 0.693359375f;    // ln 2 in 10 bits: n · ln2_high is exact
    static constexpr float ln2_low = -2.12194440e-4f;  // the rest of it
    static constexpr float exp_high = 89.0f, exp_low = -105.0f;  // beyond: ∞ and 0 in float
    static constexpr float expm1_tiny = 1e-9f;                   // below: x to the last bit
    static constexpr float expm1_low = -20.0f;                   // below: −1 to the last bit
    static constexpr float tanh_high = 10.0f;                    // above: 1 to the last bit
    static constexpr float erf_high = 4.0f;
    static constexpr float smallest_normal = 1.17549435e-38f;
    static constexpr float lift = 33554432.0f;  // 2²⁵ makes a denormal number normal
    static constexpr int lift_exponent = 25;
    static constexpr std::int32_t sqrt_half_bits = 0x3f3504f3;
    static constexpr float exp_tail[] = {0.5f, 0.1666657699f, 0.04166655462f, 0.008363179053f,
                                         0.001392618359f};
    static constexpr float log_tail[] = {0.6666666655f, 0.4000012188f, 0.285508166f, 0.2333058194f};
    static constexpr float erf_core[] = {0.1283791658f,   -0.3761262667f,  0.1128359472f,
                                         -0.02685421201f, 0.005189087423f, -0.0008016864287f,
                                         7.875875063e-5f};
    static constexpr float erfc_core[] = {0.2553956763f,    -0.4271859898f,  0.2416582015f,
                                          -0.07896830613f,  0.003732371759f, 0.006811140131f,
                                          -0.0008379754387f};
};

template <>
struct Constants<double> {
    static constexpr int mantissa = 52, bias = 1023;
    static constexpr double magic = 6755399441055744.0;  // 1.5 · 2⁵²
    static constexpr double log2e = 1.4426950408889634;
    static constexpr double ln2_high = 6.93147180369123816490e-01;
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double exp_high = 710.0, exp_low = -746.0;
    static constexpr double expm1_tiny = 1e-17;
    static constexpr double expm1_low = -40.0;
    static constexpr double tanh_high = 20.0;
    static constexpr double erf_high = 6.0;
    static constexpr double smallest_normal = 2.2250738585072014e-308;
    static constexpr double lift = 18014398509481984.0;  // 2⁵⁴
    static constexpr int lift_exponent = 54;
    static constexpr std::int64_t sqrt_half_bits = 0x3fe6a09e667f3bcd;
    static constexpr double exp_tail[] = {0.5000000000000001022,     0.1666666666666666745,
                                          0.04166666666662412787,    0.008333333333330061833,
                                          0.00138888889172137169,    0.0001984126986305361688,
                                          0.00002480152129595437513, 2.755726845999706477e-6,
                                          2.762008844540974815e-7,   2.510038549551031907e-8};
    static constexpr double log_tail[] = {
        0.6666666666666666646, 0.4000000000000087761, 0.2857142857080323001, 0.2222222239180046933,
        0.181817956308847532,  0.1538624020581347788, 0.1326875966856061269, 0.1308676700994817371};
    static constexpr double erf_core[] = {
        0.1283791670955125738,    -0.3761263890318374806,     0.1128379167095487867,
        -0.02686617064507679325,  0.005223977624818014467,    -0.0008548326980833789905,
        0.0001205533111164271092, -0.00001492559526683118157, 1.646100048412136803e-6,
        -1.635031270105469501e-7, 1.465977527404743581e-8,    -1.137284885679167367e-9,
        5.957176147748911404e-11};
    static constexpr double erfc_core[] = {
        0.2553956763105057162,     -0.4271858474139584924,    0.2416581942424876266,
        -0.07897858101571269368,   0.00373289240165644815,    0.006997461739200574742,
        -0.0008471431229415333417, -0.0009819771114740715311, 0.0000435526535981788277,
        0.0001743647725725673692,  0.00002756035275667831322, -0.00002764072782191285352,
        -0.0000141663390691171082, 1.859427387429401808e-6,   4.146302183268488001e-6,
        -2.228129576372351335e-7};
};

// c[0] + c[1] x + … by Horner's rule
template <class T, int n>
CP_INLINE Vector<T> polynomial(const T (&c)[n], Vector<T> x) {
    Vector<T> p = c[n - 1];
    for (int k = n - 2; k >= 0; --k) p = fma(p, x, Vector<T>(c[k]));
    return p;
}

// 2ⁿ, n within the exponents of normal numbers
template <class T>
CP_INLINE Vector<T> power_of_two(typename Vector<T>::Bits n) {
    using C = Constants<T>;
    return Vector<T>::from_bits((n + Vector<T>::broadcast_bits(C::bias)) << C::mantissa);
}

// An integer number n (as bits) from the float t = n + magic, and the float from the integer.
template <class T>
CP_INLINE typename Vector<T>::Bits integer_of(Vector<T> t) {
    return t.bits() - Vector<T>(Constants<T>::magic).bits();
}
template <class T>
CP_INLINE Vector<T> number_of(typename Vector<T>::Bits n) {
    const Vector<T> magic(Constants<T>::magic);
    return Vector<T>::from_bits(n + magic.bits()) - magic;
}

// x = n ln 2 + r with |r| ≤ ln 2 / 2; eʳ − 1 = r + r² tail(r)
template <class T>
struct Reduced {
    typename Vector<T>::Bits n;
    Vector<T> expm1_r;
};
template <class T>
CP_INLINE Reduced<T> reduce(Vector<T> x) {
    using C = Constants<T>;
    const Vector<T> t = fma(x, Vector<T>(C::log2e), Vector<T>(C::magic));
    const Vector<T> n = t - Vector<T>(C::magic);
    Vector<T> r = fma(n, Vector<T>(-C::ln2_high), x);
    r = fma(n, Vector<T>(-C::ln2_low), r);
    return {integer_of(t), fma(r * r, polynomial(C::exp_tail, r), r)};
}

// eˣ = 2ⁿ (1 + (eʳ − 1)); the power in two halves, so that it may over- or underflow gradually
template <class T>
CP_INLINE Vector<T> exp(Vector<T> x) {
    using C = Constants<T>;
    using Bits = typename Vector<T>::Bits;
    x = select(x > Vector<T>(C::exp_high), Vector<T>(C::exp_high), x);
    x = select(x < Vector<T>(C::exp_low), Vector<T>(C::exp_low), x);
    const Reduced<T> reduced = reduce(x);
    // n / 2, shifted above zero first, where every instruction set has the shift
    const Bits above = reduced.n + Vector<T>::broadcast_bits(4096);
    const Bits half =
        (Bits)((typename Vector<T>::Unsigned)above >> 1) - Vector<T>::broadcast_bits(2048);
    const Vector<T> y = Vector<T>(T(1)) + reduced.expm1_r;
    return y * power_of_two<T>(half) * power_of_two<T>(reduced.n - half);
}

// eˣ − 1 = 2ⁿ (eʳ − 1) + (2ⁿ − 1), with half of 2ⁿ so that n = bias + 1 is still a number
template <class T>
CP_INLINE Vector<T> expm1(Vector<T> x) {
    using C = Constants<T>;
    const Vector<T> input = x;
    x = select(x > Vector<T>(C::exp_high), Vector<T>(C::exp_high), x);
    x = select(x < Vector<T>(C::expm1_low), Vector<T>(C::expm1_low), x);
    const Reduced<T> reduced = reduce(x);
    const Vector<T> half = power_of_two<T>(reduced.n - Vector<T>::broadcast_bits(1));
    const Vector<T> y = fma(half, reduced.expm1_r, half - Vector<T>(T(0.5)));
    return select(fabs(input) < Vector<T>(C::expm1_tiny), input, y + y);  // x itself, and −0
}

// log(1 + f) + c and the exponent: x = 2ᵏ (1 + f), √½ ≤ 1 + f < √2, s = f / (2 + f),
// log(1 + f) = 2 s + s³ tail(s²) = f − (f²/2 − s (f²/2 + s² tail))
template <class T>
CP_INLINE Vector<T> log_and_correction(Vector<T> x, Vector<T> correction) {
    using C = Constants<T>;
    using V = Vector<T>;
    using Bits = typename V::Bits;
    const Bits denormal = x < V(C::smallest_normal);
    const V lifted = select(denormal, x * V(C::lift), x);
    const Bits one = V(T(1)).bits();
    const Bits shifted = lifted.bits() + (one - V::broadcast_bits(C::sqrt_half_bits));
    const Bits exponent = (Bits)((typename V::Unsigned)shifted >> C::mantissa) -
                          V::broadcast_bits(C::bias) -
                          (denormal & V::broadcast_bits(C::lift_exponent));
    const Bits below = V::broadcast_bits((typename V::Integer{1} << C::mantissa) - 1);
    const V scaled = V::from_bits((shifted & below) + V::broadcast_bits(C::sqrt_half_bits));
    const V k = number_of<T>(exponent);
    const V f = scaled - V(T(1));
    const V s = f / (V(T(2)) + f);
    const V z = s * s;
    const V half_square = V(T(0.5)) * f * f;
    const V tail = z * polynomial(C::log_tail, z);
    const V low = fma(s, half_square + tail, fma(k, V(C::ln2_low), correction));
    const V y = fma(k, V(C::ln2_high), f - (half_square - low));
    const V infinity = V(T(__builtin_inf()));
    const V special = select(x == V::zero(), -infinity, V(T(__builtin_nan(""))));
    const V finite = select(x == infinity, infinity, y);
    return select(x > V::zero(), finite, select(x == x, special, x));
}

template <class T>
CP_INLINE Vector<T> log(Vector<T> x) {
    return log_and_correction(x, Vector<T>::zero());
}

// log(1 + x) = log(u) + (x − (u − 1)) / u with u = 1 + x rounded: what rounding lost is put back
template <class T>
CP_INLINE Vector<T> log1p(Vector<T> x) {
    using V = Vector<T>;
    const V one(T(1));
    const V u = one + x;
    const V infinity = V(T(__builtin_inf()));
    // u and 1 lose from the smaller of the two: x − (u − 1) or 1 − (u − x)
    const V lost = select(x > one, one - (u - x), x - (u - one));
    const V y = log_and_correction(u, select(u > V::zero(), lost / u, V::zero()));
    return select(x == V::zero(), x, select(u == infinity, u, y));
}

// tanh |x| = t / (t + 2) with t = e^{2|x|} − 1, and the sign of x
template <class T>
CP_INLINE Vector<T> tanh(Vector<T> x) {
    using C = Constants<T>;
    using V = Vector<T>;
    V size = fabs(x);
    size = select(size > V(C::tanh_high), V(C::tanh_high), size);
    const V t = expm1(size + size);
    return copysign(t / (t + V(T(2))), x);
}

// |x| < 1: x + x core(x²).  Else: 1 − exp(−x²) core((x − 2) / (x + 2)), with the sign of x. The
// exponential is of x itself, so that where a kernel has e^(−x²) too, as gelu's slope, it is one.
template <class T>
CP_INLINE Vector<T> erf(Vector<T> x) {
    using C = Constants<T>;
    using V = Vector<T>;
    const V one(T(1)), two(T(2));
    V size = fabs(x);
    size = select(size > V(C::erf_high), V(C::erf_high), size);
    const V square = x * x;
    const V near = fma(size, polynomial(C::erf_core, square), size);
    const V far = one - exp(-square) * polynomial(C::erfc_core, (size - two) / (size + two));
    return copysign(select(size < one, near, far), x);
}

}  // namespace clearprop::CP_ISA
