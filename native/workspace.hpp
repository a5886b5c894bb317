// A program with its memory: where every value, weight and slot of the optimizer stands, how the
// caller's arrays get there, and which thread owns what.
//
// All other memory is here and is made before a run: for the largest batch of a slice, once. Rows
// of values are padded to whole cache lines; matrices stand in panels as the product reads them. A
// run binds to a state that is held in panels (held.hpp); a flat vector that Python keeps is packed
// into one of the workspace's own when a slice begins, and unpacked when it ends.
//
// Why it is fast: no step allocates, rows go through all instructions `pass_rows` at a time, which
// a near cache holds (unless threads share units, each instruction by all), and a thread's stretch
// of the parameters stays its own from step to step, and so in its core's cache. workspace.cpp says
// more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "held.hpp"
#include "items.hpp"
#include "memory.hpp"
#include "program.hpp"

namespace clearprop {

inline constexpr long pass_rows = 128;  // rows that go through all instructions together

// What a caller's array is: any strides, float, double, or indices of 32 or 64 bits.
enum class Type { f32, f64, i32, i64 };
struct Array {
    const void* data;
    Type type;
    long row, column;  // distances in elements
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

template <class T>
class Workspace {
  public:
    Workspace(Tables tables, std::vector<double> settings, const Kernels<T>& kernels);

    // Makes room for the values of m rows of these data, in batches of that many or of `batch`.
    void reserve(long m, const Data& data, long batch = 0);
    // Bytes that the values of a row take.
    double bytes_of_a_row() const;
    // Whose part of the parameters is whose (items.hpp), and of the instructions where threads
    // share units (unit_shares.hpp).
    void divide(int threads, long m, bool by_units = false);
    // Room for whole gradients: of clipping, pieces and L-BFGS.
    void make_gradients();
    // Memory that is each thread's own, for batches of m rows.
    void make_scratch(int threads, long m);
    // Points to the numbers of a state, from now on until another is bound or a vector packed.
    void bind(const Held<T>& held);
    // Weights, and slots if any are given, into panels of its own; nothing to do where these
    // weights stand there already (true). Whoever changes the weights after that clears `packed_`.
    bool pack(const T* flat, T* const* slots);
    void unpack(T* flat, T* const* slots) const;
    // A state in zeros for this program.
    std::shared_ptr<Held<T>> hold() const;
    // Rows first … last − 1 of the batch: gathered, then through the instructions, in about equal
    // parts. False if stopped.
    bool pass(const Job<T>& job, const Data& data, const std::int64_t* rows, long first, long last);
    Job<T> job(long m, int rank = -1) const;
    Job<T> with_scratch(Job<T> job, int rank) const;
    // What an update reads; `settings` is a copy of settings_ that the thread owns.
    UpdateScalars scalars(std::vector<double>& settings, double rate, const double* per_step,
                          long count) const;

  protected:
    // Marks each softmax that its cross-entropy follows (function 1), and its δ too while nothing
    // else reads a (2): those instructions are then done in one pass over the rows.
    void join_softmax();
    std::shared_ptr<Held<T>> hold_nothing() const;  // its memory is made with what is put there
    // A matrix that no product sends δ back through, such as a first layer's, is held as Wᵀ alone,
    // which the forward product reads: rows and columns, and δ and a of its uses, change places in
    // the tables. No second copy is refreshed, and ∂J/∂Wᵀ = Σ a δᵀ is the same chain of fma. Not
    // where Wᵀ, padded to whole registers, is larger by more than a fourth.
    void turn();
    void grow(long m);
    // Whether a slot has rows of numbers: others are read elsewhere, or are written by nobody, as z
    // is where relu is done in its place.
    std::vector<bool> has_rows() const;
    void gather(const Data& data, const std::int64_t* rows, long first, long last);

    Tables tables_;
    const Kernels<T>& kernels_;
    Program program_;
    std::vector<double> settings_;  // weight decay, the optimizer's settings, its per-step scalars
    std::vector<Rows<T>> slots_;
    std::vector<Weights<T>> weights_;
    std::vector<Memory<T>> values_, arrays_;
    Memory<T> constants_;
    std::vector<Memory<std::int32_t>> index_memory_, list_memory_;
    std::vector<std::int32_t*> indices_, lists_;
    Memory<double> share_, row_cost_;
    std::vector<Memory<T>> scratch_;   // by thread
    std::vector<Memory<Pair>> pairs_;  // of the weights, in bfloat16
    std::vector<double> squares_;      // of each row of each parameter
    std::vector<long> square_start_;   // by parameter
    std::vector<bool> turned_;         // by parameter
    Items items_;                      // of the parameters, and whose they are
    std::vector<Share> sharing_;       // by instruction, where threads share units
    std::shared_ptr<Held<T>> own_;     // where flat vectors are packed
    std::uint64_t bound_ = 0;          // the stamp of the state that is bound; 0: unknown
    std::vector<T> packed_;            // the flat vector that stands in own panels; empty: unknown
    long m_ = 0;
};

}  // namespace clearprop
