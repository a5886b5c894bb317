// Rows: their order in an epoch, whether batches of them fit, and what they weigh.
//
// Orders are those of philox.hpp, by the widest instruction set (order.hpp), and Σ w of a batch is
// summed in the shape of every sum over rows (blocks.hpp).
//
// Why it is fast: rows are made in one pass and checked in one, whose only array is the result.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>

#include "bind.hpp"
#include "bind_arrays.hpp"
#include "isa.hpp"
#include "philox.hpp"

namespace clearprop {

namespace {

auto permutation(std::uint64_t seed, std::uint64_t epoch, std::uint64_t n, std::uint64_t start,
                 std::size_t count, const std::string& isa) {
    std::int64_t* rows = new std::int64_t[count + 1];
    const Isa& chosen = isa.empty() ? widest() : isa_named(isa);
    chosen.places(Order(seed, epoch, n), start, static_cast<long>(count), rows);
    return owned(rows, {count});
}

// Whether every batch has a row, within `rows`, and every row is one of 0 … n − 1
bool windows_fit(In<std::int64_t, nb::ndim<1>> rows, In<std::int64_t, nb::ndim<1>> borders,
                 std::int64_t n) {
    const std::int64_t* border = borders.data();
    const std::int64_t count = static_cast<std::int64_t>(rows.shape(0));
    const std::size_t last = borders.shape(0) - 1;
    bool fit = border[0] >= 0 && border[last] <= count;
    for (std::size_t i = 0; i < last; ++i) fit &= border[i] < border[i + 1];
    std::uint64_t largest = 0;  // as an unsigned number a negative one is larger than any row
    for (std::int64_t i = 0; i < count; ++i)
        largest = std::max(largest, static_cast<std::uint64_t>(rows.data()[i]));
    return fit && (count == 0 || largest < static_cast<std::uint64_t>(n));
}

double weight_of(In<double, nb::ndim<1>> weights, In<std::int64_t, nb::ndim<1>> rows) {
    return total_weight(weights.data(), rows.data(), static_cast<long>(rows.shape(0)));
}

}  // namespace

void bind_rows(nb::module_& module) {
    module.def(
        "philox",
        [](std::uint64_t seed, std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
            const Counter made = philox(seed, {{a, b, c, d}});
            return std::make_tuple(made.word[0], made.word[1], made.word[2], made.word[3]);
        },
        "The four words Philox4x32-10 makes of a counter.");
    module.def("permutation", &permutation, nb::arg("seed"), nb::arg("epoch"), nb::arg("n"),
               nb::arg("start"), nb::arg("count"), nb::arg("isa") = "",
               "Rows start … start + count − 1 of the order of n rows in an epoch.");
    module.def("windows_fit", &windows_fit, nb::arg("rows"), nb::arg("borders"), nb::arg("n"),
               "Whether batches have rows, within rows, that are 0 to n − 1.");
    module.def("total_weight", &weight_of, nb::arg("weights"), nb::arg("rows"),
               "Σ w of a batch, in the one shape of every sum over rows.");
}

}  // namespace clearprop
