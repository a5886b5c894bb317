// The engine: a program with its memory, run step by step without Python.
//
// One step is: gather the batch's rows; forward, cost and backward, each thread its own rows; a
// barrier; ∂J/∂W and its update, each thread rows of its own of every parameter, and then what
// another has not come to; a barrier. Where that is faster, threads share the units of layers and
// not the rows (unit_shares.hpp), with more barriers. A batch whose values a core's cache does not
// hold is done in pieces, each with two barriers of its own (batch_pieces.hpp). The same parts are
// there apart (gradient, apply), and give the same bits; a Jacobian is one of its own.
//
// Why it is fast: nothing is allocated inside a step, no step returns to Python, and threads reach
// its two barriers at about the same time, however fast their cores are (paces.hpp, stretches.hpp;
// units are shared out equally). Rows that are only predicted or judged need no barrier: each block
// goes through the whole network on whichever thread is free.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "batch_pieces.hpp"
#include "paces.hpp"
#include "threads.hpp"
#include "workspace.hpp"

namespace clearprop {

enum class End { done = 0, stopped = 1, diverged = 2 };

// A slice of steps: batch s is rows starts[s] … starts[s + 1] − 1 of `rows`.
struct Slice {
    const std::int64_t* rows;
    const std::int64_t* starts;
    long steps;
    const double* rates;
    const double* per_step;  // (steps, per_step_count): the optimizer's scalars of each step
    long per_step_count;
    double clip;  // largest norm of the gradient; ≤ 0: none
    std::uint64_t seed;
    std::uint64_t first_step;
    int threads;
    bool by_units;  // they share units and not rows, where a batch is whole and fused
    bool fuse;      // update each part of a parameter right behind its gradient
    long piece;     // rows of a batch that are done at once; 0: as batch_pieces.hpp says
    volatile int* stop;
    double* costs;                   // J of each step
    double* norms;                   // null: not wanted
    std::uint8_t* skipped;           // batches of zero total weight
    std::uint64_t* ticks = nullptr;  // of the phases of the first thread (program.hpp)
    // What is multiplied in each step; null: by 1
    const double* penalties = nullptr;  // every λ
    const double* dropouts = nullptr;   // every dropout's rate
    const double* decays = nullptr;     // the weight decay
};

// One sum of a gradient over a subtree of the batch's blocks.
struct Node {
    long block, level;
    double cost, weight;
};

// Where weights are read from: a flat vector, or a state that is held.
template <class T>
struct From {
    From(const T* flat) : flat(flat) {}
    From(const Held<T>& held) : held(&held) {}
    const T* flat = nullptr;
    const Held<T>* held = nullptr;
};

template <class T>
class Engine : private Workspace<T> {
    using Base = Workspace<T>;

  public:
    using Base::Base;

    // Runs steps until done, stopped or diverged; `held`, or `flat` and `slots`, hold the state of
    // the last whole step, and `done` is how many steps were done, also if an exception leaves.
    void run(Held<T>& held, const Data& data, const Slice& slice, End& end, long& done);
    void run(T* flat, T* const* slots, const Data& data, const Slice& slice, End& end, long& done);
    using Base::hold;

    // The outputs' rows, in row order, without dropout: output o goes to out[o], (K, m, width).
    bool forward(From<T> from, const Data& data, const std::int64_t* rows, long m,
                 const std::vector<int>& outputs, T* const* out, int threads, volatile int* stop);

    // Makes ready for `predict`: the weights packed, memory for blocks of rows.
    void prepare(const T* flat, const Data& data);
    // One output of m rows of the only input, the members' mean, (m, width), on the caller's thread
    // and without allocating anything.
    void predict(Data& data, long m, int output, T* out);

    // Sums of ∂J/∂parameters over the subtrees of a piece of a batch whose first row has the place
    // `place`; one flat vector a node. False if stopped.
    bool gradient(const T* flat, const Data& data, const std::int64_t* rows, long m, long place,
                  double total_weight, std::uint64_t seed, std::uint64_t step, bool training,
                  double dropout_scale, int threads, volatile int* stop, std::vector<Node>& nodes,
                  std::vector<std::vector<T>>& sums);

    // Derivatives of each output that a cost reads, for each of m rows, (outputs, m, size), without
    // dropout (jacobian.cpp). `costs` are the instructions that give ∂C/∂a, none of them joined
    // with a softmax. False if stopped.
    bool jacobian(const T* flat, const Data& data, const std::int64_t* rows, long m,
                  const std::vector<long>& costs, volatile int* stop, T* out);

    // One update from a flat gradient (without the penalty). Returns its norm (with it).
    double apply(T* flat, T* const* slots, const T* gradient, double rate, const double* per_step,
                 long per_step_count, double clip, double decay_scale);

    // Σ wᵢ Cᵢ over rows, without dropout and penalty, block by block; NaN if stopped. The outputs
    // that are asked for go where `forward` puts them, and are its bits.
    double weighted_cost(From<T> from, const Data& data, const std::int64_t* rows, long m,
                         int threads, volatile int* stop, const std::vector<int>& outputs = {},
                         T* const* out = nullptr);

    // Units of a slot.
    std::size_t width(int slot) const {
        return static_cast<std::size_t>(tables_.slots[static_cast<std::size_t>(slot)].width);
    }

    // λ/2 Σ W² of parameters.
    double penalty(From<T> from);

  private:
    class Steps;
    class Jacobian;
    using Base::bound_;
    using Base::indices_;
    using Base::items_;
    using Base::kernels_;
    using Base::packed_;
    using Base::program_;
    using Base::row_cost_;
    using Base::settings_;
    using Base::share_;
    using Base::slots_;
    using Base::square_start_;
    using Base::squares_;
    using Base::tables_;
    using Base::turned_;
    using Base::weights_;

    // Has the weights packed, for a pass over m rows; true: they were.
    bool read(From<T> from, long m);
    // Rows of the data, a block of `size` of them at a time on whichever thread is free, through
    // the instructions: visit(job, first, start, count) of those from `start` on, which stand in
    // memory from row `first` on. False if stopped.
    template <class Visit>
    bool each_block(const Data& data, const std::int64_t* rows, long m, long size, int threads,
                    const Job<T>& given, Visit visit);
    // Of `count` rows that stand in memory from row `first` on, as the rows of m from `start` on.
    void take_outputs(const std::vector<int>& outputs, T* const* out, long m, long first,
                      long start, long count) const;
    // What both `run`s do, on whatever is bound (steps.cpp).
    void steps(const Data& data, const Slice& slice, End& end, long& done);
    double cost(const Job<T>& job, long first_block, long last_block) const;
    double joined_squares() const;

    // A thread saw the stop flag in a pass, or in the sums of a step. They are two, because what is
    // asked behind a barrier must not be set by a thread that has gone on from there.
    std::atomic<bool> bailed_{false}, discarded_{false};
    Waiting<T> waiting_;  // gradients of a large batch's pieces
    Paces paces_;
    bool read_before_ = false;  // weights from a flat vector
};

// Σ w of a batch: blocks and tree as every sum over rows.
double total_weight(const double* weights, const std::int64_t* rows, long m);

}  // namespace clearprop
