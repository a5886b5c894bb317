// Which columns of a value are a thread's own where threads share units (unit_shares.hpp).
//
// Why it is fast: whole panels, so that a thread's part of a product is a product; every thread
// finds it from the width alone. In line always: kernels of each instruction set use it, and the
// linker must not give one's code to another.
#pragma once

namespace clearprop {

struct Columns {
    long first, last;
};

// The columns of a value so wide that thread `rank` of `parts` has; of few panels it may be none.
inline __attribute__((always_inline)) Columns columns_of(long width, int rank, int parts,
                                                         long panel) {
    const long panels = (width + panel - 1) / panel;
    const long first = panels * rank / parts * panel, last = panels * (rank + 1) / parts * panel;
    return {first, last < width ? last : width};
}

// Whether columns of such a value are shared out about equally.
inline __attribute__((always_inline)) bool wide_enough(long width, int parts, long panel) {
    const long panels = (width + panel - 1) / panel, most = (panels + parts - 1) / parts;
    return 8 * most * panel * parts <= 9 * width;
}

}  // namespace clearprop
