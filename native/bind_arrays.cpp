// Arrays as nanobind gives them, read into the engine's own description: type and distances.
//
// Why it is fast: nothing is copied or converted. Float, double and indices of 32 or 64 bits, with
// any strides, are read where they stand when a step gathers its rows (workspace.cpp); `Given`
// keeps the arrays alive for as long as a pointer to them is used.
#include "bind_arrays.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <utility>

#include "bind.hpp"

namespace clearprop {

namespace {

Array array_of(const Any& given) {
    const auto [code, bits, lanes] = given.dtype();
    const bool real = code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float);
    const bool wide = bits == 64;
    const Type type = real ? (wide ? Type::f64 : Type::f32) : (wide ? Type::i64 : Type::i32);
    return {given.data(), type, static_cast<long>(given.stride(0)),
            given.ndim() > 1 ? static_cast<long>(given.stride(1)) : 0};
}

std::vector<Array> arrays_of(const std::vector<Any>& given) {
    std::vector<Array> found;
    for (const Any& one : given) found.push_back(array_of(one));
    return found;
}

}  // namespace

Data Given::data() const {
    return {arrays_of(inputs), arrays_of(targets), weights ? weights->data() : nullptr};
}

void bind_arrays(nb::module_& module) {
    nb::class_<Given>(module, "Given", "The arrays of a call: inputs, targets, sample weights.")
        .def(
            "__init__",
            [](Given* self, std::vector<Any> inputs, std::vector<Any> targets,
               std::optional<In<double, nb::ndim<1>>> weights) {
                new (self) Given{std::move(inputs), std::move(targets), std::move(weights)};
            },
            nb::arg("inputs"), nb::arg("targets"), nb::arg("weights").none(),
            nb::sig("def __init__(self, inputs: list[numpy.typing.NDArray[typing.Any]], targets: "
                    "list[numpy.typing.NDArray[typing.Any]], weights: "
                    "numpy.typing.NDArray[numpy.float64] | None) -> None"));
}

}  // namespace clearprop
