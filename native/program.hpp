// What the engine runs: a program of flat tables, and a job, the program at work on one batch.
//
// Plain data, the same for every instruction set. Python writes the tables (clearprop/engine), one
// row an instruction, and the interpreter reads them; nothing here knows a network or a layer.
//
// A value of the network is a matrix, one row a sample, each row padded to whole registers with
// zeros; the members of an ensemble stand side by side in the row. A parameter with two axes is
// held in panels (see product.hpp), so that both products read it as a stream.
//
// Why it is fast: all is found before a step begins. An instruction of a block of rows is one jump
// and its arithmetic on what its slots point to, and of the kernels whole phases are called.
#pragma once

#include <cstdint>

namespace clearprop {

inline constexpr long pad_bytes = 64;  // rows are padded to one register of the widest kind

// What an operand stands for.
enum class Kind : std::int32_t {
    value,      // a row a sample, computed
    parameter,  // one row for all samples: a vector parameter (a bias, a scale)
    constant,   // one row of one number
    input,      // a row a sample, gathered from the caller's array `index`
    indices,    // one index a sample, gathered from the caller's array `index`
    target,     // a row a sample, or one class a sample, gathered likewise
};

struct Slot {
    Kind kind;
    std::int32_t width;
    std::int32_t members;  // 1: one for all members
    std::int32_t index;    // of the parameter, input, target or constant
};

enum class Op : std::int32_t {
    product,       // out = bias(c) + a · Wᵀ(b)       z = W a + b
    back_product,  // out = a · W(b)                  Δ = Wᵀ δ
    map,           // out = f(a); where b is given also b = f′(a), if the pass goes back
    map_vjp,       // out = vjp of f with x = a, y = b, dy = c (dy = 1 where c < 0: f′)
    softmax,       // out = softmax(a), over the units; function: see Workspace::join_softmax
    softmax_vjp,   // out = a ⊙ (b − Σ a ⊙ b)
    add,           // out = a + b
    subtract,      // out = a − b
    multiply,      // out = a ⊙ b
    divide,        // out = a / b
    copy,          // out = a, from column start_a to column start_out
    gather,        // out = row a of the table b
    mask,          // out = 0 with probability attr, else 1 / (1 − attr); 1 outside training
    sum_members,   // out = Σ a over members
    cost,          // cost of the row += C(x = a, y = b, t = c)
    cost_vjp,      // out = share of the sample ⊙ ∂C with x = a, y = b, t = c
};

struct Instruction {
    Op op;
    std::int32_t out, a, b, c;               // slots; −1: none
    std::int32_t function;                   // of map and cost
    std::int32_t attr;                       // the first of its settings in `attrs`
    std::int32_t accumulate;                 // add to out instead of replacing it
    std::int32_t start_out, start_a, width;  // columns of copy; width of the others
    std::int32_t needs_batch;                // runs in training only: cost and everything after it
};

enum class UseKind : std::int32_t {
    outer,           // Σ δ aᵀ
    columns,         // Σ δ
    shared_columns,  // Σ δ over the units too
    scatter,         // Σ 1ₖ δᵀ, k an index
};

// One use of a parameter by a node: its summand in ∂J/∂parameter.
struct Use {
    UseKind kind;
    std::int32_t delta, a;
    std::int32_t members;  // how many members' summands one parameter gathers (1: own member only)
};

enum class Layout : std::int32_t {
    panels,  // (rows, columns) in panels, with a transposed copy
    rows,    // (rows, columns) row after row: tables, vectors (one row)
    spread,  // one number, held as a row so that it adds like a vector
};

struct Parameter {
    Layout layout;
    std::int32_t rows, columns, members;
    std::int32_t first_use, uses;
    std::int64_t flat;  // where it starts in the flat vector
    double penalty;     // λ of its gradient λ W (0: none)
    double lr_factor, decay_factor;
    std::int32_t transposed;  // some product reads Wᵀ
    std::int32_t width;       // of a spread row
};

struct Program {
    const Instruction* instructions;
    long instruction_count;
    const Slot* slots;
    long slot_count;
    const Parameter* parameters;
    long parameter_count;
    const Use* uses;
    const double* attrs;
    const double* constants;
    std::int32_t members;    // K, at least 1
    std::int32_t optimizer;  // which; −1: none
    std::int32_t optimizer_slots;
};

// A matrix of rows: element (r, member, j) at base[r · row + member · member_stride + j].
template <class T>
struct Rows {
    T* base;
    long row, member;
};

// Two bfloat16 numbers in one word, the first in the low half: what a bfloat16 product reads.
struct Pair {
    std::uint32_t bits;
};
// Pairs that are multiplied together: of so many numbers, with zeros behind them to whole groups.
inline constexpr long pair_group = 16;
inline constexpr long grouped(long numbers) {
    return (numbers + 2 * pair_group - 1) / (2 * pair_group) * pair_group;
}

// A parameter at work: W and its companions of the same layout, and the transposed copy.
template <class T>
struct Weights {
    T* w;
    T* gradient;
    T* slot[4];
    T* transposed;
    long member;  // distance between members in w, gradient and slots
    long transposed_member;
    long row, panel;  // element (i, j) at i · row + (j / panel width) · panel + j % panel width
    long transposed_panel;
    bool turned;  // Wᵀ stands where W would, see Workspace::turn
    // In bfloat16, instead of the copy: W and Wᵀ in pairs along the axis that a product sums over
    Pair *low, *low_transposed;
    long low_member, low_transposed_member, low_panel, low_transposed_panel;
};

// Where the time of a step goes, in ticks of one thread: by Op, then these.
enum Phase { phase_gather = 16, phase_sums, phase_update, phase_wait, phases };
inline std::uint64_t ticks() {
#if defined(__x86_64__) || defined(_M_X64)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t now;
    __asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(now));
    return now;
#else
    return 0;
#endif
}

// Adds the ticks from its making to its end to a phase; nothing where nobody asks.
class Timed {
  public:
    Timed(std::uint64_t* all, int phase)
        : at_(all ? all + phase : nullptr), start_(all ? ticks() : 0) {}
    ~Timed() {
        if (at_) *at_ += ticks() - start_;
    }

  private:
    std::uint64_t *at_, start_;
};

// How an instruction is shared out among threads (unit_shares.hpp).
struct Share {
    bool by_units;  // columns of all rows, else all columns of some rows
    bool meet;      // threads meet before it
};

template <class T>
struct Job {
    const Program* program;
    const Rows<T>* slots;
    const Weights<T>* weights;
    const std::int32_t* const* indices;  // gathered, by slot (indices, and class targets)
    const double* share;                 // wᵢ / Σ w of each row of the batch
    std::int32_t* const* lists;  // scratch of scatter uses, by use: heads (levels), next (m)
    double* row_cost;            // C of each row, summed over the costs
    T* scratch;                  // of this thread: what a sum over rows packs (scratch_size)
    long m;
    long first_place;  // of row 0 in the whole batch
    std::uint64_t seed;
    std::uint32_t step;
    bool training;             // masks drop
    bool with_batch;           // run instructions that need targets
    bool costs_alone;          // of those none after the last cost: nothing goes back
    const volatile int* stop;  // polled between instructions
    std::uint64_t* ticks;      // of the phases; null: not wanted
    int rank, parts;           // this thread of so many
    const Share* sharing;      // by instruction, where they share units (unit_shares.hpp)
};

// Rows first … last − 1 of a parameter; where it is held in panels, of these panels alone.
struct Patch {
    long parameter, first, last, first_panel, last_panel;
};

inline constexpr int most_settings = 16;  // of an optimizer, its per-step scalars among them

// The scalars of one update: everything the generated functor reads beside w, g and the slots.
struct UpdateScalars {
    double learning_rate;
    double weight_decay;
    double gradient_scale;   // of clipping; 1: none
    double penalty_scale;    // of every λ in this step; 1: as the parameters have it
    const double* settings;  // the optimizer's settings, then its per-step scalars
    long count;              // of them
};

inline constexpr int row_block = 128;  // rows in one chain of a sum over rows: a bound of the bits

// Numbers of scratch that a sum over the rows of a batch of m needs: the sums of `chunk_rows` rows
// of one panel, one panel of a and the δ of many units, packed (sums.hpp).
inline constexpr long chunk_rows = 96;
inline constexpr long most_packed = 1L << 19;  // numbers of δ, where a chunk has no more
inline constexpr long scratch_size(long m, long panel_width, long widest) {
    m = (m + 31) / 32 * 32;  // whole tiles
    const long all = (m + 2) * (widest + chunk_rows), chunk = (m + 2) * chunk_rows;
    const long packed = all < most_packed ? all : most_packed > chunk ? most_packed : chunk;
    const long sums = chunk_rows * panel_width + (m + 2) * panel_width + packed;
    const long pairs = row_block * (widest + pad_bytes);  // a block of values as pairs
    return sums > pairs ? sums : pairs;
}

template <class T>
struct Kernels {
    int panel_width;
    int part_rows;  // where threads share rows, a thread's are a multiple of so many
    bool pairs;     // products read pairs of bfloat16
    // Instructions on rows first … last − 1; false if it was stopped.
    bool (*rows)(const Job<T>&, long first, long last);
    // Instructions begin … end − 1, by one of the threads that share units; rows first … last − 1
    // are its own where an instruction is shared out by rows.
    bool (*shared)(const Job<T>&, long first, long last, long begin, long end);
    // ∂J/∂parameter, a patch of it, from blocks first_block … last_block − 1 of rows; where scalars
    // are given, each part is updated behind its sum, while it is in the near cache.
    void (*sum_rows)(const Job<T>&, const Patch&, long first_block, long last_block,
                     const UpdateScalars* update);
    // Penalty, clipping, optimizer on rows first … last − 1, and their part of the transposed copy.
    void (*update)(const Job<T>&, long parameter, long first, long last, const UpdateScalars&);
    // Σ (g + λ w)² (λ times its scale) or Σ w² of each row, the members' rows after each other.
    void (*squares)(const Job<T>&, long parameter, long first, long last, bool of_weights,
                    double penalty_scale, double* out);
    // Between the flat vector (canonical, unpadded) and `array` (w, gradient or a slot).
    void (*pack)(const Job<T>&, long parameter, const T* flat, T* array);
    void (*unpack)(const Job<T>&, long parameter, const T* array, T* flat);
    // The copies of W that products read, of rows first … last − 1
    void (*transpose)(const Job<T>&, long parameter, long first, long last);
    // For tests: one elementary function over an array; one product.
    void (*elementary)(int function, const T* x, T* y, long n);
    void (*multiply)(const T* A, long a_row, long a_k, const T* B, T* C, long m, long n, long k,
                     T* room);
};

// The kernels of each instruction set that was compiled; null where it was not.
struct Names {
    const char* const* name;
    int count;
};
struct Order;
struct Isa {
    const char* name;
    const char* family;  // those of one family give the same bits
    bool (*supported)();
    const Kernels<float>* f32;
    const Kernels<double>* f64;
    const Kernels<float>* bf16;  // float with bfloat16 products, made of other instructions
    Names functions, costs,
        optimizers;  // the rows that have kernels, in the order of their numbers
    // Rows of places start … start + count − 1 of an epoch's order
    void (*places)(const Order&, std::uint64_t start, long count, std::int64_t* rows);
};
const Isa* const* isas(int* count);

// float with one kind of the processor's own bfloat16 products.
struct Bfloat16 {
    const char* name;
    bool (*supported)();
    const Kernels<float>* kernels;
};
const Bfloat16* const* bfloat16_sets(int* count);  // those that were compiled, fastest first

}  // namespace clearprop
