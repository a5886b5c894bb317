// The engine as Python calls it: slices of steps, predictions, gradients in pieces.
//
// It owns an engine, whose calls take turns, and the compiled model's input; a held state is
// Python's own object (bind_held.hpp). Tables of a program come as bytes and are the C++ structures
// themselves.
//
// Why it is fast: the interpreter's lock is given up once for a whole slice of steps, whose numbers
// are read and written in NumPy's own memory; `predict`, whose call takes longer than a small
// network's row, checks shapes here instead of in Python.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "bind.hpp"
#include "bind_held.hpp"
#include "epochs.hpp"
#include "interrupt.hpp"
#include "isa.hpp"
#include "turns.hpp"

namespace clearprop {

namespace {

// Where the bytes of bits of a table row of numbers start, as the C++ structure they are.
template <class Row>
std::vector<Row> table(const nb::bytes& bytes) {
    std::vector<Row> rows(bytes.size() / sizeof(Row));
    std::memcpy(static_cast<void*>(rows.data()), bytes.c_str(), rows.size() * sizeof(Row));
    return rows;
}

template <class T>
class PyEngine {
  public:
    using Flat = Out<T, nb::ndim<1>>;
    using ReadFlat = In<T, nb::ndim<1>>;
    // Where weights stand: a flat vector, or a state that is held.
    using Stands = std::variant<const PyHeld<T>*, Flat>;
    using Read = std::variant<const PyHeld<T>*, ReadFlat>;
    using Turn = std::optional<typename Held<T>::Turn>;
    // Rows that are judged behind epochs, how many, their Σ w, threads; the epochs' last steps; the
    // least figure so far, where its weights go; figures, seconds and how many there are.
    using Behind = std::tuple<const Given*, long, double, int, In<std::int64_t, nb::ndim<1>>,
                              double, Flat, Out<double, nb::ndim<1>>, Out<double, nb::ndim<1>>,
                              Out<std::int64_t, nb::ndim<1>>>;

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
            std::uint64_t seed, int threads, bool by_units, bool fuse, long piece, Stop stop,
            Out<double, nb::ndim<1>> costs, Out<double, nb::ndim<1>> norms,
            std::optional<In<double, nb::ndim<1>>> penalties,
            std::optional<Out<std::uint64_t, nb::ndim<1>>> ticks, std::optional<Behind> behind,
            std::optional<In<double, nb::ndim<1>>> dropouts,
            std::optional<In<double, nb::ndim<1>>> decays) {
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
                          by_units,
                          fuse,
                          piece,
                          stop.data(),
                          costs.data(),
                          norms.shape(0) ? norms.data() : nullptr,
                          skipped.data(),
                          ticks ? ticks->data() : nullptr,
                          penalties ? penalties->data() : nullptr,
                          dropouts ? dropouts->data() : nullptr,
                          decays ? decays->data() : nullptr};
        End end = End::done;
        const Data data = given.data();
        std::vector<T*> slot_pointers = pointers(slots);
        const auto held = std::get_if<const PyHeld<T>*>(&state);
        if (behind && !held) throw std::invalid_argument("behind epochs a held state is judged");
        const Data judged = behind ? std::get<0>(*behind)->data() : Data{};
        std::optional<Looks<T>> looks = looks_of(behind, judged);
        long done = 0;
        {
            nb::gil_scoped_release release;
            const Interruptible guard(stop.data());
            const Turns::Turn own(turns_);
            Turn turn;
            if (held) turn.emplace((***held).turns());
            const Counting counting{counters.data(), skipped, done};
            if (looks)
                run_epochs(engine_, ***held, data, slice, *looks, end, done);
            else if (held)
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
        std::vector<T*> to = pointers(out);
        const Data data = given.data();
        nb::gil_scoped_release release;
        const Interruptible guard(stop.data());
        const Turns::Turn own(turns_);
        Turn turn;
        return engine_.forward(from(weights, turn), data, rows ? rows->data() : nullptr, m, outputs,
                               to.data(), threads, stop.data());
    }

    void prepare(ReadFlat flat) {
        const nb::gil_scoped_release release;
        const Turns::Turn own(turns_);
        ready_.inputs.resize(1);
        engine_.prepare(flat.data(), ready_);
    }

    // Outputs of rows of x, or of the one row that it is; shapes are checked here, because the
    // caller has no time to.
    void predict(const Any& x, const Out<T>& out, std::size_t width, int output) {
        const auto [code, bits, lanes] = x.dtype();
        const std::size_t d = x.ndim(), m = d == 2 ? x.shape(0) : 1;
        if (code != static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float) || bits < 32 ||
            d == 0 || d > 2 || x.shape(d - 1) != width)
            throw std::invalid_argument("x");
        const std::size_t units = engine_.width(output);
        if (out.ndim() != d || out.shape(d - 1) != units || (d == 2 && out.shape(0) != m))
            throw std::invalid_argument("out");
        if (shared(x, out)) throw std::invalid_argument("out is some of the memory of x");
        const nb::gil_scoped_release release;
        const Turns::Turn own(turns_);
        ready_.inputs[0] = {x.data(), bits == 64 ? Type::f64 : Type::f32,
                            d == 2 ? static_cast<long>(x.stride(0)) : 0,
                            static_cast<long>(x.stride(d - 1))};
        engine_.predict(ready_, static_cast<long>(m), output, out.data());
    }

    double weighted_cost(const Read& weights, const Given& given,
                         std::optional<In<std::int64_t, nb::ndim<1>>> rows, long m, int threads,
                         Stop stop, const std::vector<int>& outputs,
                         const std::vector<Out<T>>& out) {
        std::vector<T*> to = pointers(out);
        const Data data = given.data();
        nb::gil_scoped_release release;
        const Interruptible guard(stop.data());
        const Turns::Turn own(turns_);
        Turn turn;
        return engine_.weighted_cost(from(weights, turn), data, rows ? rows->data() : nullptr, m,
                                     threads, stop.data(), outputs, to.data());
    }

    std::optional<std::vector<Part>> gradient(ReadFlat flat, const Given& given,
                                              In<std::int64_t, nb::ndim<1>> rows, long place,
                                              double total_weight, std::uint64_t seed,
                                              std::uint64_t step, bool training, int threads,
                                              Stop stop, double dropout_scale) {
        std::vector<Node> nodes;
        std::vector<std::vector<T>> sums;
        const Data data = given.data();
        bool whole;
        {
            nb::gil_scoped_release release;
            const Interruptible guard(stop.data());
            const Turns::Turn own(turns_);
            whole =
                engine_.gradient(flat.data(), data, rows.data(), static_cast<long>(rows.shape(0)),
                                 place, total_weight, seed, step, training, dropout_scale, threads,
                                 stop.data(), nodes, sums);
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

    bool jacobian(ReadFlat flat, const Given& given, In<std::int64_t, nb::ndim<1>> rows,
                  const std::vector<long>& costs, Out<T, nb::ndim<3>> out, Stop stop) {
        if (out.shape(1) != rows.shape(0) || out.shape(2) != flat.shape(0))
            throw std::invalid_argument("out");
        const Data data = given.data();
        nb::gil_scoped_release release;
        const Interruptible guard(stop.data());
        const Turns::Turn own(turns_);
        return engine_.jacobian(flat.data(), data, rows.data(), static_cast<long>(rows.shape(0)),
                                costs, stop.data(), out.data());
    }

    double apply(Flat flat, const std::vector<Flat>& slots, ReadFlat gradient, double rate,
                 In<double, nb::ndim<1>> per_step, double clip, double decay_scale) {
        std::vector<T*> slot_pointers = pointers(slots);
        nb::gil_scoped_release release;
        const Turns::Turn own(turns_);
        return engine_.apply(flat.data(), slot_pointers.data(), gradient.data(), rate,
                             per_step.data(), static_cast<long>(per_step.shape(0)), clip,
                             decay_scale);
    }

    double penalty(const Read& weights) {
        const nb::gil_scoped_release release;
        const Turns::Turn own(turns_);
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
    // Whether rows written to `out` could be read from x later, or `out` begins within an element.
    // Where both have their rows at the same places, each is read before it is written.
    static bool shared(const Any& x, const Out<T>& out) {
        const auto at = [](const void* p) { return reinterpret_cast<std::intptr_t>(p); };
        if (at(out.data()) % static_cast<std::intptr_t>(sizeof(T))) return true;
        const std::intptr_t item = x.dtype().bits / 8;
        std::intptr_t first = at(x.data()), last = first + item;
        for (std::size_t d = 0; d < x.ndim(); ++d) {
            const std::intptr_t reach = (static_cast<std::intptr_t>(x.shape(d)) - 1) * x.stride(d);
            (reach < 0 ? first : last) += reach * item;
        }
        const std::intptr_t begin = at(out.data()),
                            end = begin + static_cast<std::intptr_t>(out.size() * sizeof(T));
        if (end <= first || last <= begin || !x.size()) return false;
        if (x.ndim() == 1) return false;  // one row is read first
        return begin != at(x.data()) ||
               x.stride(0) * item != static_cast<std::intptr_t>(out.shape(1) * sizeof(T));
    }
    static std::optional<Looks<T>> looks_of(const std::optional<Behind>& behind,
                                            const Data& judged) {
        if (!behind) return std::nullopt;
        const auto& [given, m, weight, threads, ends, least, best, figures, seconds, looked] =
            *behind;
        return Looks<T>{judged,         m,
                        weight,         threads,
                        ends.data(),    static_cast<long>(ends.shape(0)),
                        least,          best.data(),
                        figures.data(), seconds.data(),
                        looked.data()};
    }
    // Where to read weights from; `turn` is taken of a state that is held.
    static From<T> from(const Read& weights, Turn& turn) {
        if (const auto held = std::get_if<const PyHeld<T>*>(&weights)) {
            turn.emplace((***held).turns());
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
    // Of an instruction set, in float also "avx512amx", "avx512bf16", and "…+bfloat16" for products
    // of bfloat16 made of the set's other instructions.
    static const Kernels<T>& kernels(const std::string& isa) {
        if constexpr (std::is_same_v<T, float>) {
            const std::size_t plus = isa.find("+bfloat16");
            if (plus != std::string::npos) return *isa_named(isa.substr(0, plus)).bf16;
            if (const Kernels<float>* own = bfloat16_kernels(isa)) return *own;
            return *isa_named(isa).f32;
        } else
            return *isa_named(isa).f64;
    }
    template <class Array>
    static std::vector<T*> pointers(const std::vector<Array>& arrays) {
        std::vector<T*> found;
        for (const Array& one : arrays) found.push_back(one.data());
        return found;
    }

    Engine<T> engine_;
    Data ready_;  // of predict
    // A call has all of the engine's memory: where threads share an engine, calls follow each
    // other.
    Turns turns_{
        "this process was forked while another thread computed with this network: its memory is of "
        "no whole pass; open the model anew"};
};

template <class T>
void bind_engine_of(nb::module_& module, const char* name, const char* held) {
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
             nb::arg("by_units"), nb::arg("fuse"), nb::arg("piece"), nb::arg("stop"),
             nb::arg("costs"), nb::arg("norms"), nb::arg("penalties") = nb::none(),
             nb::arg("ticks") = nb::none(), nb::arg("behind") = nb::none(),
             nb::arg("dropouts") = nb::none(), nb::arg("decays") = nb::none())
        .def("forward", &E::forward, nb::arg("weights"), nb::arg("given"), nb::arg("rows").none(),
             nb::arg("m"), nb::arg("outputs"), nb::arg("out"), nb::arg("threads"), nb::arg("stop"))
        .def("prepare", &E::prepare, nb::arg("flat"))
        .def("predict", &E::predict, nb::arg("x"), nb::arg("out").noconvert(), nb::arg("width"),
             nb::arg("output"),
             nb::sig("def predict(self, x: numpy.typing.NDArray[typing.Any], out: "
                     "numpy.typing.NDArray[typing.Any], width: int, output: int) -> None"))
        .def("weighted_cost", &E::weighted_cost, nb::arg("weights"), nb::arg("given"),
             nb::arg("rows").none(), nb::arg("m"), nb::arg("threads"), nb::arg("stop"),
             nb::arg("outputs") = std::vector<int>{}, nb::arg("out") = std::vector<Out<T>>{})
        .def("gradient", &E::gradient, nb::arg("flat"), nb::arg("given"), nb::arg("rows"),
             nb::arg("place"), nb::arg("total_weight"), nb::arg("seed"), nb::arg("step"),
             nb::arg("training"), nb::arg("threads"), nb::arg("stop"),
             nb::arg("dropout_scale") = 1.0)
        .def("jacobian", &E::jacobian, nb::arg("flat"), nb::arg("given"), nb::arg("rows"),
             nb::arg("costs"), nb::arg("out").noconvert(), nb::arg("stop"))
        .def("apply", &E::apply, nb::arg("flat"), nb::arg("slots"), nb::arg("gradient"),
             nb::arg("rate"), nb::arg("per_step"), nb::arg("clip"), nb::arg("decay_scale") = 1.0)
        .def("penalty", &E::penalty, nb::arg("weights"));
}

}  // namespace

void bind_engine(nb::module_& module) {
    module.def(
        "structure_sizes",
        [] {
            return std::make_tuple(sizeof(Instruction), sizeof(Slot), sizeof(Parameter),
                                   sizeof(Use));
        },
        "Bytes of a row of each table, so that both sides can be held to one layout.");
    bind_engine_of<float>(module, "EngineF32", "HeldF32");
    bind_engine_of<double>(module, "EngineF64", "HeldF64");
}

}  // namespace clearprop
