// The instruction sets that were compiled, widest first. CMake says which (CLEARPROP_HAS_…).
//
// It owns the two lists: sets of float and double, and the processor's own bfloat16 products,
// fastest first. This file is compiled for the least processor, and kernels.cpp once for each set,
// in a namespace of that name. Who takes a set by name has asked first whether it is supported
// (clearprop/engine/isa.py).
#include "isa.hpp"

#include <stdexcept>

namespace clearprop {

#if defined(CLEARPROP_HAS_AVX512)
namespace avx512 {
extern const Isa isa;
}
#endif
#if defined(CLEARPROP_HAS_AVX2)
namespace avx2 {
extern const Isa isa;
}
#endif
#if defined(CLEARPROP_HAS_NEON)
namespace neon {
extern const Isa isa;
}
#endif
#if defined(CLEARPROP_HAS_AVX512BF16)
namespace avx512bf16 {
extern const Bfloat16 bfloat16;
}
#endif
#if defined(CLEARPROP_HAS_AVX512AMX)
namespace avx512amx {
extern const Bfloat16 bfloat16;
}
#endif
namespace baseline {
extern const Isa isa;
}

const Isa* const* isas(int* count) {
    static const Isa* const all[] = {
#if defined(CLEARPROP_HAS_AVX512)
        &avx512::isa,
#endif
#if defined(CLEARPROP_HAS_AVX2)
        &avx2::isa,
#endif
#if defined(CLEARPROP_HAS_NEON)
        &neon::isa,
#endif
        &baseline::isa,
    };
    *count = static_cast<int>(sizeof all / sizeof *all);
    return all;
}

const Isa& isa_named(const std::string& name) {
    int count;
    const Isa* const* all = isas(&count);
    for (int i = 0; i < count; ++i)
        if (name == all[i]->name) return *all[i];
    throw std::invalid_argument("no kernels were built for " + name);
}

const Isa& widest() {
    int count;
    const Isa* const* all = isas(&count);
    while (!(*all)->supported()) ++all;
    return **all;
}

const Bfloat16* const* bfloat16_sets(int* count) {
    static const Bfloat16* const all[] = {
#if defined(CLEARPROP_HAS_AVX512AMX)
        &avx512amx::bfloat16,
#endif
#if defined(CLEARPROP_HAS_AVX512BF16)
        &avx512bf16::bfloat16,
#endif
        nullptr,
    };
    *count = static_cast<int>(sizeof all / sizeof *all) - 1;
    return all;
}

const Kernels<float>* bfloat16_kernels(const std::string& name) {
    int count;
    const Bfloat16* const* all = bfloat16_sets(&count);
    for (int i = 0; i < count; ++i)
        if (name == all[i]->name && all[i]->supported()) return all[i]->kernels;
    return nullptr;
}

}  // namespace clearprop
