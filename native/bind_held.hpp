// A state that Python holds in the engine's layout; see held.hpp.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "bind_arrays.hpp"

namespace clearprop {

// A state that is held; each call has its turn, and waits for it without the GIL.
template <class T>
class PyHeld {
  public:
    explicit PyHeld(std::shared_ptr<Held<T>> held) : held_(std::move(held)) {}
    using Turn = typename Held<T>::Turn;

    void put(int part, In<T, nb::ndim<1>> flat) {
        const nb::gil_scoped_release release;
        const Turn turn(held_->turns());
        held_->put(part, flat.data());
    }
    void get(int part, Out<T, nb::ndim<1>> flat) const {
        const nb::gil_scoped_release release;
        const Turn turn(held_->turns());
        held_->get(part, flat.data());
    }
    // All parts, and the counters that steps count in, of one moment.
    void copy(const std::vector<Out<T, nb::ndim<1>>>& parts, In<std::int64_t, nb::ndim<1>> counters,
              Out<std::int64_t, nb::ndim<1>> count) const {
        const nb::gil_scoped_release release;
        const Turn turn(held_->turns());
        for (std::size_t part = 0; part < parts.size(); ++part)
            held_->get(static_cast<int>(part), parts[part].data());
        std::copy_n(counters.data(), counters.shape(0), count.data());
    }
    bool finite() const {
        const nb::gil_scoped_release release;
        const Turn turn(held_->turns());
        return held_->finite();
    }
    Held<T>& operator*() const { return *held_; }

  private:
    std::shared_ptr<Held<T>> held_;
};

}  // namespace clearprop
