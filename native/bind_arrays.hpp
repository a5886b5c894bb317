// Arrays in and out: NumPy's as the engine reads them, and new ones that Python owns.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <initializer_list>
#include <optional>
#include <vector>

#include "engine.hpp"

namespace clearprop {

namespace nb = nanobind;

template <class T, class... Shape>
using In = nb::ndarray<const T, nb::numpy, nb::device::cpu, nb::c_contig, Shape...>;
template <class T, class... Shape>
using Out = nb::ndarray<T, nb::numpy, nb::device::cpu, nb::c_contig, Shape...>;
using Stop = nb::ndarray<int, nb::numpy, nb::device::cpu, nb::shape<1>>;
using Any = nb::ndarray<nb::ro, nb::device::cpu>;

// A new NumPy array of memory that Python then owns.
template <class T>
nb::ndarray<nb::numpy, T> owned(T* data, std::initializer_list<std::size_t> shape) {
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
    return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

// The data of a call; the arrays stay alive as long as this does.
struct Given {
    std::vector<Any> inputs, targets;
    std::optional<In<double, nb::ndim<1>>> weights;
    Data data() const;
};

}  // namespace clearprop
