// The only file that knows Python: it turns NumPy arrays into pointers and calls the engine.
//
// Every call that computes gives up the GIL first. Arrays are checked by the Python side
// (clearprop/engine), which is the only caller.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "engine.hpp"
#include "interrupt.hpp"
#include "philox.hpp"

namespace nb = nanobind;

namespace clearprop {

namespace {

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

const Isa& isa_named(const std::string& name) {
    int count;
    const Isa* const* all = isas(&count);
    for (int i = 0; i < count; ++i)
        if (name == all[i]->name) return *all[i];
    throw std::invalid_argument("no kernels were built for " + name);
}

const Isa& widest() {
    int count;
    const Isa* const* all = isas(&count);
    while (!(*all)->supported()) ++all;
    return **all;
}

// Where the bytes of bits of a table row of numbers start, as the C++ structure they are.
template <class Row>
std::vector<Row> table(const nb::bytes& bytes) {
    std::vector<Row> rows(bytes.size() / sizeof(Row));
    std::memcpy(static_cast<void*>(rows.data()), bytes.c_str(), rows.size() * sizeof(Row));
    return rows;
}

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

// The data of a call; the arrays stay alive as long as this does.
struct Given {
    std::vector<Any> inputs, targets;
    std::optional<In<double, nb::ndim<1>>> weights;
    Data data() const {
        return {arrays_of(inputs), arrays_of(targets), weights ? weights->data() : nullptr};
    }
};

// A state that is held; each call has its turn, and waits for it without the GIL.
template <class T>
class PyHeld {
  public:
    explicit PyHeld(std::shared_ptr<Held<T>> held) : held_(std::move(held)) {}
    using Turn = typename Held<T>::Turn;

    void put(int part, In<T, nb::ndim<1>> flat) {
        const nb::gil_scoped_release release;
        const Turn turn(*held_);
        held_->put(part, flat.data());
    }
    void get(int part, Out<T, nb::ndim<1>> flat) const {
        const nb::gil_scoped_release release;
        const Turn turn(*held_);
        held_->get(part, flat.data());
    }
    // All parts, and the counters that steps count in, of one moment.
    void copy(const std::vector<Out<T, nb::ndim<1>>>& parts, In<std::int64_t, nb::ndim<1>> counters,
              Out<std::int64_t, nb::ndim<1>> count) const {
        const nb::gil_scoped_release release;
        const Turn turn(*held_);
        for (std::size_t part = 0; part < parts.size(); ++part)
            held_->get(static_cast<int>(part), parts[part].data());
        std::copy_n(counters.data(), counters.shape(0), count.data());
    }
    bool finite() const {
        const nb::gil_scoped_release release;
        const Turn turn(*held_);
        return held_->finite();
    }
    Held<T>& operator*() const { return *held_; }

  private:
    std::shared_ptr<Held<T>> held_;
};

template <class T>
class PyEngine {
  public:
    using Flat = Out<T, nb::ndim<1>>;
    using ReadFlat = In<T, nb::ndim<1>>;
    // Where weights stand: a flat vector, or a state that is held.
    using Stands = std::variant<const PyHeld<T>*, Flat>;
    using Read = std::variant<const PyHeld<T>*, ReadFlat>;
    using Turn = std::optional<typename Held<T>::Turn>;

    PyEngine(const std::string& isa, const nb::bytes& instructions, const nb::bytes& slots,
             const nb::bytes& parameters, const nb::bytes& uses, std::vector<double> attrs,
             std::vector<double> constants, int members, int optimizer, int optimizer_slots,
             std::vector<double> settings, std::int64_t size)
        : engine_(tables(instructions, slots, parameters, uses, std::move(attrs),
                         std::move(constants), members, optimizer, optimizer_slots, size),
                  std::move(settings), kernels(isa)) {}

    template <class Element>
    using Made = nb::ndarray<nb::numpy, Element>;
    using Part = std::tuple<long, long, Made<T>, double, double>;

    // `counters` (steps done, of them skipped) is written with the state and before Python, and so
    // a signal handler of Python's, runs again: whatever happens then, they belong together.
    int run(const Stands& state, const std::vector<Flat>& slots,
            Out<std::int64_t, nb::ndim<1>> counters, const Given& given,
            In<std::int64_t, nb::ndim<1>> rows, In<std::int64_t, nb::ndim<1>> borders,
            In<double, nb::ndim<1>> rates, In<double, nb::ndim<2>> per_step, double clip,
            std::uint64_t seed, int threads, bool fuse, Stop stop, Out<double, nb::ndim<1>> costs,
            Out<double, nb::ndim<1>> norms, std::optional<In<double, nb::ndim<1>>> penalties,
            std::optional<Out<std::uint64_t, nb::ndim<1>>> ticks) {
        const std::size_t steps = rates.shape(0);
        std::vector<std::uint8_t> skipped(steps);
        const Slice slice{rows.data(),
                          borders.data(),
                          static_cast<long>(steps),
                          rates.data(),
                          per_step.data(),
                          static_cast<long>(per_step.shape(1)),
                          clip,
                          seed,
                          static_cast<std::uint64_t>(counters.data()[0]),
                          threads,
                          fuse,
                          stop.data(),
                          costs.data(),
                          norms.shape(0) ? norms.data() : nullptr,
                          skipped.data(),
                          ticks ? ticks->data() : nullptr,
                          penalties ? penalties->data() : nullptr};
        End end = End::done;
        const Data data = given.data();
        std::vector<T*> slot_pointers = pointers(slots);
        const auto held = std::get_if<const PyHeld<T>*>(&state);
        long done = 0;
        {
            nb::gil_scoped_release release;
            const Interruptible guard(stop.data());
            Turn turn;
            if (held) turn.emplace(***held);
            const Counting counting{counters.data(), skipped, done};
            if (held)
                engine_.run(***held, data, slice, end, done);
            else
                engine_.run(std::get<Flat>(state).data(), slot_pointers.data(), data, slice, end,
                            done);
        }
        return static_cast<int>(end);
    }

    bool forward(const Read& weights, const Given& given,
                 std::optional<In<std::int64_t, nb::ndim<1>>> rows, long m,
                 const std::vector<int>& outputs, const std::vector<Out<T>>& out, int threads,
                 Stop stop) {
        std::vector<T*> to;
        for (const Out<T>& one : out) to.push_back(one.data());
        const Data data = given.data();
        nb::gil_scoped_release release;
        const Interruptible guard(stop.data());
        Turn turn;
        return engine_.forward(from(weights, turn), data, rows ? rows->data() : nullptr, m, outputs,
                               to.data(), threads, stop.data());
    }

    void prepare(ReadFlat flat) {
        const std::lock_guard lock(guard_);
        ready_.inputs.resize(1);
        engine_.prepare(flat.data(), ready_);
    }

    // Outputs of rows of x, or of the one row that it is; shapes are checked here, because the
    // caller has no time to. Calls from several threads follow each other.
    void predict(const Any& x, const Out<T>& out, std::size_t width, int output) {
        const auto [code, bits, lanes] = x.dtype();
        const std::size_t d = x.ndim(), m = d == 2 ? x.shape(0) : 1;
        if (code != static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) || bits < 32 ||
            d == 0 || d > 2 || x.shape(d - 1) != width)
            throw std::invalid_argument("x");
        const std::size_t units = engine_.width(output);
        if (out.ndim() != d || out.shape(d - 1) != units || (d == 2 && out.shape(0) != m))
            throw std::invalid_argument("out");
        const nb::gil_scoped_release release;
        const std::lock_guard lock(guard_);
        ready_.inputs[0] = {x.data(), bits == 64 ? Type::f64 : Type::f32,
                            d == 2 ? static_cast<long>(x.stride(0)) : 0,
                            static_cast<long>(x.stride(d - 1))};
        engine_.predict(ready_, static_cast<long>(m), output, out.data());
    }

    double weighted_cost(const Read& weights, const Given& given,
                         std::optional<In<std::int64_t, nb::ndim<1>>> rows, long m, int threads,
                         Stop stop) {
        const Data data = given.data();
        nb::gil_scoped_release release;
        const Interruptible guard(stop.data());
        Turn turn;
        return engine_.weighted_cost(from(weights, turn), data, rows ? rows->data() : nullptr, m,
                                     threads, stop.data());
    }

    std::optional<std::vector<Part>> gradient(ReadFlat flat, const Given& given,
                                              In<std::int64_t, nb::ndim<1>> rows, long place,
                                              double total_weight, std::uint64_t seed,
                                              std::uint64_t step, bool training, int threads,
                                              Stop stop) {
        std::vector<Node> nodes;
        std::vector<std::vector<T>> sums;
        const Data data = given.data();
        bool whole;
        {
            nb::gil_scoped_release release;
            const Interruptible guard(stop.data());
            whole = engine_.gradient(flat.data(), data, rows.data(),
                                     static_cast<long>(rows.shape(0)), place, total_weight, seed,
                                     step, training, threads, stop.data(), nodes, sums);
        }
        if (!whole) return std::nullopt;
        std::vector<Part> found;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            T* copy = new T[sums[i].size() + 1];
            std::copy(sums[i].begin(), sums[i].end(), copy);
            found.emplace_back(nodes[i].block, nodes[i].level, owned(copy, {sums[i].size()}),
                               nodes[i].cost, nodes[i].weight);
        }
        return found;
    }

    double apply(Flat flat, const std::vector<Flat>& slots, ReadFlat gradient, double rate,
                 In<double, nb::ndim<1>> per_step, double clip) {
        std::vector<T*> slot_pointers = pointers(slots);
        nb::gil_scoped_release release;
        return engine_.apply(flat.data(), slot_pointers.data(), gradient.data(), rate,
                             per_step.data(), static_cast<long>(per_step.shape(0)), clip);
    }

    double penalty(const Read& weights) {
        const nb::gil_scoped_release release;
        Turn turn;
        return engine_.penalty(from(weights, turn));
    }

    // A state in zeros.
    PyHeld<T> hold() const { return PyHeld<T>(engine_.hold()); }

  private:
    // Counts what was done into (steps done, of them skipped), whatever ends it.
    struct Counting {
        std::int64_t* counters;
        const std::vector<std::uint8_t>& skipped;
        const long& done;
        ~Counting() {
            counters[0] += done;
            counters[1] += std::count(skipped.begin(), skipped.begin() + done, 1);
        }
    };
    // Where to read weights from; `turn` is taken of a state that is held.
    static From<T> from(const Read& weights, Turn& turn) {
        if (const auto held = std::get_if<const PyHeld<T>*>(&weights)) {
            turn.emplace(***held);
            return ***held;
        }
        return std::get<ReadFlat>(weights).data();
    }
    static Tables tables(const nb::bytes& instructions, const nb::bytes& slots,
                         const nb::bytes& parameters, const nb::bytes& uses,
                         std::vector<double> attrs, std::vector<double> constants, int members,
                         int optimizer, int optimizer_slots, std::int64_t size) {
        return {table<Instruction>(instructions),
                table<Slot>(slots),
                table<Parameter>(parameters),
                table<Use>(uses),
                std::move(attrs),
                std::move(constants),
                members,
                optimizer,
                optimizer_slots,
                size};
    }
    // Of an instruction set, in float also "avx512bf16", and "…+bfloat16" for products of bfloat16
    // made of the set's other instructions.
    static const Kernels<T>& kernels(const std::string& isa) {
        if constexpr (std::is_same_v<T, float>) {
            const std::size_t plus = isa.find("+bfloat16");
            if (plus != std::string::npos) return *isa_named(isa.substr(0, plus)).bf16;
            if (isa == "avx512bf16" && bfloat16_kernels()) return *bfloat16_kernels();
            return *isa_named(isa).f32;
        } else
            return *isa_named(isa).f64;
    }
    static std::vector<T*> pointers(const std::vector<Flat>& arrays) {
        std::vector<T*> found;
        for (const Flat& one : arrays) found.push_back(one.data());
        return found;
    }

    Engine<T> engine_;
    Data ready_;  // of predict
    std::mutex guard_;
};

template <class T>
void bind_engine(nb::module_& module, const char* name, const char* held) {
    using E = PyEngine<T>;
    using H = PyHeld<T>;
    nb::class_<H>(module, held, "A state where steps read and write it; see native/held.hpp.")
        .def("put", &H::put, nb::arg("part"), nb::arg("flat"))
        .def("get", &H::get, nb::arg("part"), nb::arg("flat").noconvert())
        .def("copy", &H::copy, nb::arg("parts"), nb::arg("counters"), nb::arg("count").noconvert())
        .def("finite", &H::finite);
    nb::class_<E>(module, name, "A program with its memory; see native/engine.hpp.")
        .def(nb::init<const std::string&, const nb::bytes&, const nb::bytes&, const nb::bytes&,
                      const nb::bytes&, std::vector<double>, std::vector<double>, int, int, int,
                      std::vector<double>, std::int64_t>(),
             nb::arg("isa"), nb::arg("instructions"), nb::arg("slots"), nb::arg("parameters"),
             nb::arg("uses"), nb::arg("attrs"), nb::arg("constants"), nb::arg("members"),
             nb::arg("optimizer"), nb::arg("optimizer_slots"), nb::arg("settings"), nb::arg("size"))
        .def("hold", &E::hold)
        .def("run", &E::run, nb::arg("state"), nb::arg("slots"), nb::arg("counters"),
             nb::arg("given"), nb::arg("rows"), nb::arg("borders"), nb::arg("rates"),
             nb::arg("per_step"), nb::arg("clip"), nb::arg("seed"), nb::arg("threads"),
             nb::arg("fuse"), nb::arg("stop"), nb::arg("costs"), nb::arg("norms"),
             nb::arg("penalties") = nb::none(), nb::arg("ticks") = nb::none())
        .def("forward", &E::forward, nb::arg("weights"), nb::arg("given"), nb::arg("rows").none(),
             nb::arg("m"), nb::arg("outputs"), nb::arg("out"), nb::arg("threads"), nb::arg("stop"))
        .def("prepare", &E::prepare, nb::arg("flat"))
        .def("predict", &E::predict, nb::arg("x"), nb::arg("out").noconvert(), nb::arg("width"),
             nb::arg("output"),
             nb::sig("def predict(self, x: numpy.typing.NDArray[typing.Any], out: "
                     "numpy.typing.NDArray[typing.Any], width: int, output: int) -> None"))
        .def("weighted_cost", &E::weighted_cost, nb::arg("weights"), nb::arg("given"),
             nb::arg("rows").none(), nb::arg("m"), nb::arg("threads"), nb::arg("stop"))
        .def("gradient", &E::gradient, nb::arg("flat"), nb::arg("given"), nb::arg("rows"),
             nb::arg("place"), nb::arg("total_weight"), nb::arg("seed"), nb::arg("step"),
             nb::arg("training"), nb::arg("threads"), nb::arg("stop"))
        .def("apply", &E::apply, nb::arg("flat"), nb::arg("slots"), nb::arg("gradient"),
             nb::arg("rate"), nb::arg("per_step"), nb::arg("clip"))
        .def("penalty", &E::penalty, nb::arg("weights"));
}

std::vector<std::tuple<std::string, std::string, bool>> instruction_sets() {
    int count;
    const Isa* const* all = isas(&count);
    std::vector<std::tuple<std::string, std::string, bool>> found;
    for (int i = 0; i < count; ++i)
        found.emplace_back(all[i]->name, all[i]->family, all[i]->supported());
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
    kernels.multiply(A.data(), A.stride(0), A.stride(1), packed.get(), C.get(), m, n, k);
    T* result = new T[static_cast<std::size_t>(m * n) + 1];
    for (long i = 0; i < m; ++i) std::copy_n(C.get() + i * panels * width, n, result + i * n);
    return owned(result, {static_cast<std::size_t>(m), static_cast<std::size_t>(n)});
}

auto permutation(std::uint64_t seed, std::uint64_t epoch, std::uint64_t n, std::uint64_t start,
                 std::size_t count, const std::string& isa) {
    std::int64_t* rows = new std::int64_t[count + 1];
    const Isa& chosen = isa.empty() ? widest() : isa_named(isa);
    chosen.places(Order(seed, epoch, n), start, static_cast<long>(count), rows);
    return owned(rows, {count});
}

// Whether every batch has a row, within `rows`, and every row is one of 0 … n − 1
bool windows_fit(In<std::int64_t, nb::ndim<1>> rows, In<std::int64_t, nb::ndim<1>> borders,
                 std::int64_t n) {
    const std::int64_t* border = borders.data();
    const std::int64_t count = static_cast<std::int64_t>(rows.shape(0));
    const std::size_t last = borders.shape(0) - 1;
    bool fit = border[0] >= 0 && border[last] <= count;
    for (std::size_t i = 0; i < last; ++i) fit &= border[i] < border[i + 1];
    std::uint64_t largest = 0;  // as an unsigned number a negative one is larger than any row
    for (std::int64_t i = 0; i < count; ++i)
        largest = std::max(largest, static_cast<std::uint64_t>(rows.data()[i]));
    return fit && (count == 0 || largest < static_cast<std::uint64_t>(n));
}

double weight_of(In<double, nb::ndim<1>> weights, In<std::int64_t, nb::ndim<1>> rows) {
    return total_weight(weights.data(), rows.data(), static_cast<long>(rows.shape(0)));
}

}  // namespace

}  // namespace clearprop

NB_MODULE(_native, module) {
    using namespace clearprop;
    module.doc() = "The native engine of ClearProp.";
    module.attr("row_block") = row_block;
    module.attr("phases") = static_cast<int>(phases);
    module.def(
        "version", [] { return CLEARPROP_VERSION; },
        "The version of the package this module was built for.");
    module.def("instruction_sets", &instruction_sets,
               "(name, family, whether this processor has it), widest first.");
    module.def("kernel_names", &kernel_names, nb::arg("kind"),
               "Rows with native kernels, by number: kind is function, cost or optimizer.");
    module.def(
        "has_bfloat16", [] { return bfloat16_kernels() != nullptr; },
        "Whether this processor multiplies bfloat16 numbers (AVX512-BF16).");
    module.def("available_cores", &available_cores, "Cores this process may use.");
    module.def(
        "structure_sizes",
        [] {
            return std::make_tuple(sizeof(Instruction), sizeof(Slot), sizeof(Parameter),
                                   sizeof(Use));
        },
        "Bytes of a row of each table, so that both sides can be held to one layout.");
    module.def(
        "philox",
        [](std::uint64_t seed, std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
            const Counter made = philox(seed, {{a, b, c, d}});
            return std::make_tuple(made.word[0], made.word[1], made.word[2], made.word[3]);
        },
        "The four words Philox4x32-10 makes of a counter.");
    module.def("permutation", &permutation, nb::arg("seed"), nb::arg("epoch"), nb::arg("n"),
               nb::arg("start"), nb::arg("count"), nb::arg("isa") = "",
               "Rows start … start + count − 1 of the order of n rows in an epoch.");
    module.def("windows_fit", &windows_fit, nb::arg("rows"), nb::arg("borders"), nb::arg("n"),
               "Whether batches have rows, within rows, that are 0 to n − 1.");
    module.def("total_weight", &weight_of, nb::arg("weights"), nb::arg("rows"),
               "Σ w of a batch, in the one shape of every sum over rows.");
    module.def("elementary_f32", &elementary<float>, nb::arg("isa"), nb::arg("function"),
               nb::arg("x"), "exp, expm1, log, log1p, tanh, erf, sqrt by number: for tests.");
    module.def("elementary_f64", &elementary<double>, nb::arg("isa"), nb::arg("function"),
               nb::arg("x"), "As elementary_f32.");
    module.def("product_f32", &product<float>, nb::arg("isa"), nb::arg("A"), nb::arg("B"),
               "A · B: for tests.");
    module.def("product_f64", &product<double>, nb::arg("isa"), nb::arg("A"), nb::arg("B"),
               "As product_f32.");
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
    bind_engine<float>(module, "EngineF32", "HeldF32");
    bind_engine<double>(module, "EngineF64", "HeldF64");
}
