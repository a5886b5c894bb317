// Several epochs of a state that is held, each followed by a look at rows that do not train.
//
// What is done is what the parts do one after the other, with the same bits: steps, the cost of the
// rows judged, the weights of the least cost kept. Why it is fast: an epoch of a small network is
// over in the time that its caller takes to go around once, and a caller who holds a lock that
// other threads wait for takes it once for all of them.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>

#include "engine.hpp"

namespace clearprop {

// Looks at m rows of `data`, the e-th behind step ends[e] of the slice.
template <class T>
struct Looks {
    const Data& data;
    long m;
    double weight;  // Σ w of them
    int threads;
    const std::int64_t* ends;
    long count;
    double least;          // the least figure before the first
    T* best;               // flat: the weights of the least figure
    double* figures;       // J of the rows, with the penalty
    double* seconds;       // since the call began
    std::int64_t* looked;  // how many looks are whole: `figures`, `seconds` and `best` are theirs
};

// Runs the steps with a look behind each epoch, until done, stopped or diverged, or behind an epoch
// whose figures are such that the caller is to look itself: what is no number, or so large that
// sums of it are none.
template <class T>
void run_epochs(Engine<T>& engine, Held<T>& held, const Data& data, const Slice& slice,
                Looks<T>& looks, End& end, long& done) {
    constexpr double large = 1e100;
    const auto clock = [] { return std::chrono::steady_clock::now(); };
    const auto began = clock();
    for (long e = 0; e < looks.count; ++e) {
        const long first = done;
        Slice epoch = slice;
        epoch.starts += first;
        epoch.steps = looks.ends[e] - first;
        epoch.rates += first;
        epoch.per_step += first * slice.per_step_count;
        epoch.first_step += static_cast<std::uint64_t>(first);
        epoch.costs += first;
        if (slice.norms) epoch.norms += first;
        epoch.skipped += first;
        if (slice.penalties) epoch.penalties += first;
        if (slice.dropouts) epoch.dropouts += first;
        if (slice.decays) epoch.decays += first;
        long part = 0;
        try {
            engine.run(held, data, epoch, end, part);
        } catch (...) {
            done = first + part;
            throw;
        }
        done = first + part;
        if (end != End::done || !held.finite()) return;
        for (long s = 0; s < epoch.steps; ++s)
            if (epoch.costs[s] > large) return;
        const double total =
            engine.weighted_cost(held, looks.data, nullptr, looks.m, looks.threads, slice.stop);
        if (*slice.stop) {
            end = End::stopped;
            return;
        }
        const double figure = total / looks.weight + engine.penalty(held);
        if (!std::isfinite(figure)) return;
        if (figure < looks.least) {
            looks.least = figure;
            held.get(0, looks.best);
        }
        looks.figures[e] = figure;
        looks.seconds[e] = std::chrono::duration<double>(clock() - began).count();
        *looks.looked = e + 1;
    }
}

}  // namespace clearprop
