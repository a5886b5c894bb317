// A square of registers transposed in registers: element (i, j) to (j, i), lanes × lanes of them.
//
// In stage d = 1, 2, 4, … < lanes rows r and r + d exchange the columns whose number has the bit d:
// bit by bit the row's number becomes the column's.
//
// Why it is fast: log₂(lanes) stages, each one exchange of lanes a register, and no number goes
// through memory on its way, where a column is as many loads as it has numbers. Panels and copies
// of weights, pairs of δ and the rows of a narrow softmax are turned by it.
#pragma once

#include <utility>

#include "vector.hpp"

namespace clearprop::CP_ISA {

// A register of lanes of a and b: lane i is the one numbered place[i] of both, a's first.
template <class T, int... place>
CP_INLINE Vector<T> lanes_of(Vector<T> a, Vector<T> b) {
#if defined(__clang__) || __GNUC__ >= 12
    a.v = __builtin_shufflevector(a.v, b.v, place...);
#else
    a.v = __builtin_shuffle(a.v, b.v, typename Vector<T>::Bits{place...});
#endif
    return a;
}

// One stage of a transposition in registers: rows r and r + d exchange the columns that differ in
// d.
template <class T, int d, int... column>
CP_INLINE void exchange(Vector<T>* row, std::integer_sequence<int, column...>) {
    constexpr int lanes = Vector<T>::lanes;
    for (int r = 0; r < lanes; ++r) {
        if (r & d) continue;
        const Vector<T> a = row[r], b = row[r + d];
        row[r] = lanes_of<T, (column & d ? lanes + column - d : column)...>(a, b);
        row[r + d] = lanes_of<T, (column & d ? lanes + column : column + d)...>(a, b);
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
