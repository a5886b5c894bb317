// The kernels that were built: for which processors, of which rows, and single ones for tests.
//
// The names of rows come in the order of the numbers by which a program's instructions call them,
// so that Python's lowering and the generated kernels cannot drift apart. How many cores there are
// is told here too. What is for tests is made for clarity: it packs and copies with every call.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "bind.hpp"
#include "bind_arrays.hpp"
#include "isa.hpp"
#include "memory.hpp"
#include "threads.hpp"

namespace clearprop {

namespace {

std::vector<std::tuple<std::string, std::string, bool>> instruction_sets() {
    int count;
    const Isa* const* all = isas(&count);
    std::vector<std::tuple<std::string, std::string, bool>> found;
    for (int i = 0; i < count; ++i)
        found.emplace_back(all[i]->name, all[i]->family, all[i]->supported());
    return found;
}

std::vector<std::string> bfloat16_names() {
    int count;
    const Bfloat16* const* all = bfloat16_sets(&count);
    std::vector<std::string> found;
    for (int i = 0; i < count; ++i)
        if (all[i]->supported()) found.emplace_back(all[i]->name);
    return found;
}

// The rows that have native kernels, in the order of their numbers.
std::vector<std::string> kernel_names(const std::string& kind) {
    int count;
    const Isa& isa = *isas(&count)[0];
    const Names& names = kind == "function" ? isa.functions
                         : kind == "cost"   ? isa.costs
                                            : isa.optimizers;
    return std::vector<std::string>(names.name, names.name + names.count);
}

template <class T>
const Kernels<T>& kernels_of(const Isa& isa) {
    if constexpr (std::is_same_v<T, float>)
        return *isa.f32;
    else
        return *isa.f64;
}

template <class T>
auto elementary(const std::string& isa, int function, In<T, nb::ndim<1>> x) {
    const std::size_t n = x.shape(0);
    T* y = new T[n + 1];
    kernels_of<T>(isa_named(isa)).elementary(function, x.data(), y, static_cast<long>(n));
    return owned(y, {n});
}

// A (m × k, any strides) times B (k × n), B put in panels as the engine holds it.
template <class T>
auto product(const std::string& isa, nb::ndarray<const T, nb::numpy, nb::ndim<2>> A,
             In<T, nb::ndim<2>> B) {
    const Kernels<T>& kernels = kernels_of<T>(isa_named(isa));
    const long width = kernels.panel_width;
    const long m = static_cast<long>(A.shape(0)), k = static_cast<long>(A.shape(1)),
               n = static_cast<long>(B.shape(1)), panels = (n + width - 1) / width;
    Memory<T> packed, C;
    packed.resize(static_cast<std::size_t>(panels * width * k + width));
    C.resize(static_cast<std::size_t>(panels * width * m + width));
    for (long s = 0; s < k; ++s)
        for (long j = 0; j < n; ++j)
            packed.get()[j / width * width * k + s * width + j % width] = B.data()[s * n + j];
    // Rows as the engine makes them are padded, and are packed; others are read where they stand.
    Memory<T> rows, room;
    const T* from = A.data();
    long a_row = A.stride(0);
    if (A.stride(1) == 1) {
        rows.resize(static_cast<std::size_t>(m * (k + width)));
        for (long i = 0; i < m; ++i) std::copy_n(from + i * a_row, k, rows.get() + i * (k + width));
        from = rows.get(), a_row = k + width;
        room.resize(static_cast<std::size_t>(m * k + width));
    }
    kernels.multiply(from, a_row, A.stride(1), packed.get(), C.get(), m, n, k, room.get());
    T* result = new T[static_cast<std::size_t>(m * n) + 1];
    for (long i = 0; i < m; ++i) std::copy_n(C.get() + i * panels * width, n, result + i * n);
    return owned(result, {static_cast<std::size_t>(m), static_cast<std::size_t>(n)});
}

}  // namespace

void bind_kernels(nb::module_& module) {
    module.def("instruction_sets", &instruction_sets,
               "(name, family, whether this processor has it), widest first.");
    module.def("kernel_names", &kernel_names, nb::arg("kind"),
               "Rows with native kernels, by number: kind is function, cost or optimizer.");
    module.def("bfloat16_sets", &bfloat16_names,
               "Kernels of this processor's own bfloat16 products, fastest first.");
    module.def("available_cores", &available_cores, "Cores the system schedules this process on.");
    module.def("leave_cores", &leave_cores, nb::arg("count"),
               "Let threads spin while they wait only in teams of so many.");
    module.def("may_spin", &may_spin, nb::arg("threads"),
               "Whether threads of a team of so many spin while they wait for each other.");
    module.def("elementary_f32", &elementary<float>, nb::arg("isa"), nb::arg("function"),
               nb::arg("x"), "exp, expm1, log, log1p, tanh, erf, sqrt by number: for tests.");
    module.def("elementary_f64", &elementary<double>, nb::arg("isa"), nb::arg("function"),
               nb::arg("x"), "As elementary_f32.");
    module.def("product_f32", &product<float>, nb::arg("isa"), nb::arg("A"), nb::arg("B"),
               "A · B: for tests.");
    module.def("product_f64", &product<double>, nb::arg("isa"), nb::arg("A"), nb::arg("B"),
               "As product_f32.");
}

}  // namespace clearprop
