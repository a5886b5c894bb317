// The engine: a program with its memory, run step by step without Python.
//
// One step is: gather the batch's rows; forward, cost and backward, each thread its own rows; a
// barrier; ∂J/∂W and its update, each thread its own rows of every parameter; a barrier. Nothing is
// allocated inside a step. The same parts are there apart (gradient, apply), and give the same
// bits.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "program.hpp"
#include "threads.hpp"

namespace clearprop {

// What a caller's array is: any strides, float, double, or indices of 32 or 64 bits.
enum class Type { f32, f64, i32, i64 };
struct Array {
    const void* data;
    Type type;
    long row, column;  // distances in elements
};

// Zeroed memory on a cache line's bound.
template <class T>
class Memory {
  public:
    T* resize(std::size_t n) {
        if (n > size_) {
            data_.reset(static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64})));
            std::fill_n(data_.get(), n, T());
            size_ = n;
        }
        return data_.get();
    }
    T* get() const { return data_.get(); }

  private:
    struct Free {
        void operator()(T* p) const { ::operator delete(p, std::align_val_t{64}); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

// A program that owns its tables.
struct Tables {
    std::vector<Instruction> instructions;
    std::vector<Slot> slots;
    std::vector<Parameter> parameters;
    std::vector<Use> uses;
    std::vector<double> attrs, constants;
    int members = 1, optimizer = -1, optimizer_slots = 0;
    std::int64_t size = 0;  // of the flat vector
};

struct Data {
    std::vector<Array> inputs, targets;
    const double* weights = nullptr;  // by row; null: all 1
};

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
    bool fuse;  // update each part of a parameter right behind its gradient
    volatile int* stop;
    double* costs;          // J of each step
    double* norms;          // null: not wanted
    std::uint8_t* skipped;  // batches of zero total weight
};

// One sum of a gradient over a subtree of the batch's blocks.
struct Node {
    long block, level;
    double cost, weight;
};

template <class T>
class Engine {
  public:
    Engine(Tables tables, std::vector<double> settings, const Kernels<T>& kernels);

    // Runs steps until done, stopped or diverged; `flat` and `slots` hold the state of the last
    // whole step. Returns how many steps were done.
    long run(T* flat, T* const* slots, const Data& data, const Slice& slice, End& end);

    // The outputs' rows, in row order, without dropout: output o goes to out[o], (K, m, width).
    bool forward(const T* flat, const Data& data, const std::int64_t* rows, long m,
                 const std::vector<int>& outputs, T* const* out, int threads, volatile int* stop);

    // Sums of ∂J/∂parameters over the subtrees of a piece of a batch whose first row has the place
    // `place`; one flat vector a node. False if stopped.
    bool gradient(const T* flat, const Data& data, const std::int64_t* rows, long m, long place,
                  double total_weight, std::uint64_t seed, std::uint64_t step, bool training,
                  int threads, volatile int* stop, std::vector<Node>& nodes,
                  std::vector<std::vector<T>>& sums);

    // One update from a flat gradient (without the penalty). Returns its norm (with it).
    double apply(T* flat, T* const* slots, const T* gradient, double rate, const double* per_step,
                 long per_step_count, double clip);

    // Σ wᵢ Cᵢ over rows, without dropout and penalty, block by block; NaN if stopped.
    double weighted_cost(const T* flat, const Data& data, const std::int64_t* rows, long m,
                         int threads, volatile int* stop);

    // λ/2 Σ W² of parameters.
    double penalty(const T* flat);

    const Tables& tables() const { return tables_; }

  private:
    struct Item {  // rows of a parameter: what one thread sums and updates at a time
        long parameter, first, last;
        int owner;
    };

    void reserve(long m, const Data& data);
    void grow(long m);
    void divide(int threads, long m);
    void pack(const T* flat, T* const* slots);
    void unpack(T* flat, T* const* slots) const;
    void gather(const Data& data, const std::int64_t* rows, long first, long last);
    bool pass(const Job<T>& job, const Data& data, const std::int64_t* rows, int rank, int threads);
    double cost(const Job<T>& job, long first_block, long last_block) const;
    double joined_squares() const;
    UpdateScalars scalars(double rate, const double* per_step, long count);
    Job<T> job(long m) const;

    Tables tables_;
    const Kernels<T>& kernels_;
    Program program_;
    std::vector<double> settings_;
    std::vector<Rows<T>> slots_;
    std::vector<Weights<T>> weights_;
    std::vector<Memory<T>> values_, arrays_;
    Memory<T> constants_;
    std::vector<Memory<std::int32_t>> index_memory_, list_memory_;
    std::vector<std::int32_t*> indices_, lists_;
    Memory<double> share_, row_cost_;
    std::vector<double> squares_;
    std::vector<long> square_start_;
    std::vector<Item> items_;
    long m_ = 0;
    std::atomic<bool> bailed_{false};
};

// Σ w of a batch: blocks and tree as every sum over rows.
double total_weight(const double* weights, const std::int64_t* rows, long m);

}  // namespace clearprop
