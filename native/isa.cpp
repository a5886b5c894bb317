// The instruction sets that were compiled, widest first. CMake says which (CLEARPROP_HAS_…).
#include "program.hpp"

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

}  // namespace clearprop
