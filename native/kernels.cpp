// One instruction set's kernels. CMake compiles this file once for each, with its flags and macro.
//
// It owns the table of entries through which the engine reaches all that is built on vector.hpp
// (rows of a pass, sums over rows, updates, copies), for float, double and bfloat16 products, and
// tells whether this processor has the instructions.
//
// Why it is fast: an entry is a whole phase of a step for some rows, so what is behind it is code
// that the compiler sees whole, and a step calls nothing smaller through a pointer.
//
// Nothing of the standard library with a body of its own may be used in here or below: the linker
// keeps one copy of such a function, and it might be one the running processor has no instructions
// for.
#include "order.hpp"
#include "passes.hpp"
#include "sums.hpp"
#include "tiles_given.hpp"
#include "updates.hpp"

namespace clearprop::CP_ISA {

namespace {

template <class T, class E>
bool rows(const Job<T>& job, long first, long last) {
    return Pass<T, E>(job, first, last).run();
}

template <class T, class E>
bool shared(const Job<T>& job, long first, long last, long begin, long end) {
    return run_shared<T, E>(job, first, last, begin, end);
}

template <class T, class E>
void sum_rows(const Job<T>& job, const Patch& patch, long first_block, long last_block,
              const UpdateScalars* given) {
    const RowSum<T, E> sum(job, patch.parameter, first_block, last_block);
    const Parameter& p = job.program->parameters[patch.parameter];
    if (!given) return sum.run(patch);
    const Update<T, E> then(job, patch.parameter, *given);
    sum.run(patch, typename Update<T, E>::Behind{then, job.scratch, job.ticks});
    if (p.layout != Layout::panels || p.uses == 0) then.rows(patch);
}

template <class T>
void elementary(int function, const T* x, T* y, long n) {
    using V = Vector<T>;
    for (long i = 0; i < n; i += V::lanes) {
        const int count = n - i < V::lanes ? static_cast<int>(n - i) : V::lanes;
        const V v = V::load(x + i, count);
        V (*const functions[])(V) = {exp, expm1, log, log1p, tanh, erf, sqrt};
        functions[function](v).store(y + i, count);
    }
}

template <class T>
void multiply(const T* A, long a_row, long a_k, const T* B, T* C, long m, long n, long k, T* room) {
    const long panel = panel_width<T>;
    product<T, T>({m, n, k, A, a_row, a_k, B, panel, panel * k, C, panels_of<T>(n) * panel, panel,
                   Start::zero, nullptr, false, nullptr, 0, room});
}

template <class T, class E = T>
inline constexpr Kernels<T> table = {panel_width<T>, part_rows<T, E>, !std::is_same_v<T, E>,
                                     rows<T, E>,     shared<T, E>,    sum_rows<T, E>,
                                     update<T, E>,   squares<T>,      pack<T>,
                                     unpack<T>,      transpose<T, E>, elementary<T>,
                                     multiply<T>};

bool supported() {
#if defined(CLEARPROP_TILES)
    if (!__builtin_cpu_supports("avx512bf16")) return false;
    static const bool found = tiles_given() && tiles_agree();
    return found;
#elif defined(CLEARPROP_BFLOAT16)
    return __builtin_cpu_supports("avx512bf16");
#elif defined(CLEARPROP_ISA_AVX512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#elif defined(CLEARPROP_ISA_AVX2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

#define CP_TEXT(x) #x
#define CP_NAME(x) CP_TEXT(x)

}  // namespace

template <int n>
constexpr Names names(const char* const (&list)[n]) {
    return {list, n};
}

#if defined(CLEARPROP_BFLOAT16)
// Of this set only the products of pairs are wanted.
extern const Bfloat16 bfloat16;
const Bfloat16 bfloat16 = {CP_NAME(CP_ISA), supported, &table<float, Pair>};
#else
extern const Isa isa;
const Isa isa = {CP_NAME(CP_ISA),
                 CP_FUSED ? "fma" : "baseline",
                 supported,
                 &table<float>,
                 &table<double>,
                 &table<float, Pair>,
                 names(generated::function_names),
                 names(generated::cost_names),
                 names(generated::optimizer_names),
                 places_of};
#endif

}  // namespace clearprop::CP_ISA
