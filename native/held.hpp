// The numbers of a training state where the steps read and write them: weights and slots of the
// optimizer in the engine's layout, part by part. Part 0 is the weights, part s + 1 is slot s.
//
// Why it is fast: a run binds to it and leaves the state in it, so that it stands in memory once
// and no slice begins or ends with a copy.
//
// It is no part of an engine: it outlives the one that made it, and can be read when that is gone.
// Who reads or writes takes the turn first; a step has it from its slice's beginning to its end.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "memory.hpp"
#include "program.hpp"
#include "turns.hpp"

namespace clearprop {

template <class T>
class Held {
  public:
    // `shapes` say where an element stands; what they point to does not matter.
    Held(const std::vector<Parameter>& parameters, const std::vector<Weights<T>>& shapes, int slots,
         const Kernels<T>& kernels)
        : parameters_(parameters),
          shapes_(shapes),
          kernels_(kernels),
          arrays_(static_cast<std::size_t>(slots) + 1) {
        touch();
    }

    // From and to the flat vector. The memory of a part is made when it is first wanted, zeroed.
    void put(int part, const T* flat) {
        touch();
        for (std::size_t p = 0; p < parameters_.size(); ++p)
            kernels_.pack(job(), static_cast<long>(p), flat, make(part, p));
    }
    void get(int part, T* flat) const {
        for (std::size_t p = 0; p < parameters_.size(); ++p)
            kernels_.unpack(job(), static_cast<long>(p), array(part, p), flat);
    }
    T* make(int part, std::size_t parameter) {
        std::vector<Memory<T>>& arrays = arrays_[static_cast<std::size_t>(part)];
        arrays.resize(parameters_.size());
        return arrays[parameter].resize(static_cast<std::size_t>(shapes_[parameter].member) *
                                        static_cast<std::size_t>(parameters_[parameter].members));
    }
    void make() {
        for (int part = 0; part < parts(); ++part)
            for (std::size_t p = 0; p < parameters_.size(); ++p) make(part, p);
    }
    // Null where there is no such part yet.
    T* array(int part, std::size_t parameter) const {
        const std::vector<Memory<T>>& arrays = arrays_[static_cast<std::size_t>(part)];
        return arrays.empty() ? nullptr : arrays[parameter].get();
    }
    // Another number whenever weights were written: what is made of them elsewhere is then old.
    std::uint64_t stamp() const { return stamp_; }
    void touch() {
        static std::atomic<std::uint64_t> last{0};
        stamp_ = ++last;
    }
    int parts() const { return static_cast<int>(arrays_.size()); }
    // Whether every weight is a finite number.
    bool finite() const {
        bool all = true;
        for (std::size_t p = 0; p < parameters_.size(); ++p) {
            const T* w = array(0, p);
            const long size = shapes_[p].member * parameters_[p].members;
            for (long i = 0; i < size; ++i) all &= std::abs(w[i]) <= std::numeric_limits<T>::max();
        }
        return all;
    }
    // Whether an engine of these kernels, parameters and slots can run in it; one that only reads
    // weights has no slots.
    bool fits(const std::vector<Parameter>& parameters, const std::vector<Weights<T>>& shapes,
              int slots, const Kernels<T>& kernels) const {
        bool same =
            &kernels == &kernels_ && parameters.size() == parameters_.size() && slots < parts();
        for (std::size_t p = 0; same && p < parameters.size(); ++p)
            same = parameters[p].layout == parameters_[p].layout &&
                   parameters[p].rows == parameters_[p].rows &&
                   parameters[p].columns == parameters_[p].columns &&
                   parameters[p].members == parameters_[p].members &&
                   shapes[p].member == shapes_[p].member && shapes[p].row == shapes_[p].row &&
                   shapes[p].turned == shapes_[p].turned;
        return same;
    }

    using Turn = Turns::Turn;
    const Turns& turns() const { return turns_; }

  private:
    Job<T> job() const {
        program_.parameters = parameters_.data();
        Job<T> job{};
        job.program = &program_;
        job.weights = shapes_.data();
        return job;
    }

    const std::vector<Parameter> parameters_;
    const std::vector<Weights<T>> shapes_;
    const Kernels<T>& kernels_;
    mutable Program program_{};
    std::vector<std::vector<Memory<T>>> arrays_;  // by part, by parameter
    std::uint64_t stamp_ = 0;
    Turns turns_{
        "this process was forked in the middle of a step of another thread: the state is of no "
        "whole step; train anew or go on from a checkpoint"};
};

}  // namespace clearprop
