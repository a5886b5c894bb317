// A square of registers transposed in registers: log₂(lanes) stages of exchanges, no memory.
#pragma once

#include <utility>

#include "vector.hpp"

namespace clearprop::CP_ISA {

// One stage of a transposition in registers: rows r and r + d exchange the columns that differ in
// d.
template <class T, int d, int... column>
CP_INLINE void exchange(Vector<T>* row, std::integer_sequence<int, column...>) {
    constexpr int lanes = Vector<T>::lanes;
    for (int r = 0; r < lanes; ++r) {
        if (r & d) continue;
        const auto a = row[r].v, b = row[r + d].v;
#if defined(__clang__) || __GNUC__ >= 12
        row[r].v = __builtin_shufflevector(a, b, (column & d ? lanes + column - d : column)...);
        row[r + d].v = __builtin_shufflevector(a, b, (column & d ? lanes + column : column + d)...);
#else
        using Bits = typename Vector<T>::Bits;
        row[r].v = __builtin_shuffle(a, b, Bits{(column & d ? lanes + column - d : column)...});
        row[r + d].v = __builtin_shuffle(a, b, Bits{(column & d ? lanes + column : column + d)...});
#endif
    }
}

template <class T, int d = 1>
CP_INLINE void transpose_in_registers(Vector<T>* row) {
    if constexpr (d < Vector<T>::lanes) {
        exchange<T, d>(row, std::make_integer_sequence<int, Vector<T>::lanes>());
        transpose_in_registers<T, 2 * d>(row);
    }
}

}  // namespace clearprop::CP_ISA
