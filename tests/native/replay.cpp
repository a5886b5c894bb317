// Runs a recorded call of the engine without Python, so that its bits can be had on another kind of
// processor (under emulation) or in a sanitizer's build. Used by tests/test_native_elsewhere.py.
//
//     replay RECORD RESULT [ISA]
//
// RECORD is blobs, each its length (int64) and its bytes, in the order they are read below; RESULT
// gets the parameters, the optimizer's slots and the costs after the steps, as plain bytes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../../native/engine.hpp"
#include "../../native/isa.hpp"

using namespace clearprop;

namespace {

class Record {
  public:
    explicit Record(const char* path) : file_(path, std::ios::binary) {}

    template <class T>
    std::vector<T> next() {
        std::int64_t bytes = 0;
        file_.read(reinterpret_cast<char*>(&bytes), sizeof bytes);
        std::vector<T> found(static_cast<std::size_t>(bytes) / sizeof(T));
        file_.read(reinterpret_cast<char*>(found.data()), bytes);
        if (!file_) {
            std::fprintf(stderr, "the record is too short\n");
            std::exit(2);
        }
        return found;
    }

  private:
    std::ifstream file_;
};

// The kernels of an instruction set, or one's of bfloat16 products, by name; without one the
// widest.
template <class T>
struct Chosen {
    std::string name, family;
    const Kernels<T>* kernels;
};

template <class T>
Chosen<T> chosen(const char* name) {
    int count;
    const Isa* const* all = isas(&count);
    if constexpr (std::is_same_v<T, float>)
        if (const Kernels<float>* pairs = name ? bfloat16_kernels(name) : nullptr)
            return {name, name, pairs};
    for (int i = 0; i < count; ++i)
        if (all[i]->supported() && (name == nullptr || std::strcmp(name, all[i]->name) == 0)) {
            if constexpr (std::is_same_v<T, float>)
                return {all[i]->name, all[i]->family, all[i]->f32};
            else
                return {all[i]->name, all[i]->family, all[i]->f64};
        }
    std::fprintf(stderr, "no such instruction set here\n");
    std::exit(2);
}

template <class T>
int replay(Record& record, const char* result, const char* name) {
    Tables tables;
    tables.instructions = record.next<Instruction>();
    tables.slots = record.next<Slot>();
    tables.parameters = record.next<Parameter>();
    tables.uses = record.next<Use>();
    tables.attrs = record.next<double>();
    tables.constants = record.next<double>();
    const auto numbers = record.next<std::int64_t>();  // members, optimizer, slots, seed, threads
    tables.members = static_cast<int>(numbers[0]);
    tables.optimizer = static_cast<int>(numbers[1]);
    tables.optimizer_slots = static_cast<int>(numbers[2]);
    const auto settings = record.next<double>();
    auto flat = record.next<T>();
    tables.size = static_cast<std::int64_t>(flat.size());
    std::vector<std::vector<T>> slots(static_cast<std::size_t>(numbers[2]),
                                      std::vector<T>(flat.size()));
    std::vector<T*> slot_pointers;
    for (auto& slot : slots) slot_pointers.push_back(slot.data());

    // Inputs and targets: a width each (0: indices), then the numbers row after row.
    const auto widths = record.next<std::int64_t>();
    const auto target_widths = record.next<std::int64_t>();
    std::vector<std::vector<double>> reals;
    std::vector<std::vector<std::int64_t>> indices;
    reals.reserve(widths.size() + target_widths.size());
    indices.reserve(widths.size() + target_widths.size());
    Data data;
    auto take = [&](std::int64_t width) -> Array {
        if (width == 0) {
            indices.push_back(record.next<std::int64_t>());
            return {indices.back().data(), Type::i64, 1, 0};
        }
        reals.push_back(record.next<double>());
        return {reals.back().data(), Type::f64, static_cast<long>(width), 1};
    };
    for (const std::int64_t width : widths) data.inputs.push_back(take(width));
    for (const std::int64_t width : target_widths) data.targets.push_back(take(width));
    const auto weights = record.next<double>();
    if (!weights.empty()) data.weights = weights.data();

    const auto rows = record.next<std::int64_t>();
    const auto borders = record.next<std::int64_t>();
    const auto rates = record.next<double>();
    const auto per_step = record.next<double>();
    const auto clip = record.next<double>();
    const long steps = static_cast<long>(rates.size());
    std::vector<double> costs(rates.size()), norms(rates.size());
    std::vector<std::uint8_t> skipped(rates.size());
    volatile int stop = 0;
    Slice slice{rows.data(),
                borders.data(),
                steps,
                rates.data(),
                per_step.data(),
                steps == 0 ? 0 : static_cast<long>(per_step.size()) / steps,
                clip[0],
                static_cast<std::uint64_t>(numbers[3]),
                0,
                static_cast<int>(numbers[4]),
                false,
                true,
                0,
                &stop,
                costs.data(),
                clip[0] > 0 ? norms.data() : nullptr,  // null: updated as it is summed
                skipped.data()};
    const Chosen<T> isa = chosen<T>(name);
    Engine<T> engine(tables, settings, *isa.kernels);
    End end = End::done;
    long done = 0;
    const auto first_flat = flat;
    const auto first_slots = slots;
    const auto run = [&] {
        std::copy(first_flat.begin(), first_flat.end(), flat.begin());
        for (std::size_t s = 0; s < slots.size(); ++s)
            std::copy(first_slots[s].begin(), first_slots[s].end(), slots[s].begin());
        engine.run(flat.data(), slot_pointers.data(), data, slice, end, done);
        return std::make_tuple(done, flat, slots, costs);
    };
    // Without clipping by one thread, and by threads that share units: the same bits.
    const double clipped = slice.clip;
    slice.clip = 0;
    slice.norms = nullptr;
    slice.threads = 1;
    const auto unclipped = run();
    slice.threads = static_cast<int>(numbers[4]);
    slice.by_units = true;
    if (run() != unclipped) return 1;
    // As it was recorded, in pieces and whole: the same bits.
    slice.by_units = false;
    slice.clip = clipped;
    slice.norms = clipped > 0 ? norms.data() : nullptr;
    slice.piece = row_block;
    const auto in_pieces = run();
    slice.piece = 0;
    if (run() != in_pieces || done != steps) return 1;

    // A pass over the first batch's rows alone, and its cost, depend on no thread either.
    const auto judged = [&](int threads) {
        int output = -1;
        for (const Instruction& one : tables.instructions)
            if (one.op == Op::cost) output = one.b;
        const Slot& slot = tables.slots[static_cast<std::size_t>(output)];
        const long m = borders[1] - borders[0];
        std::vector<T> outputs(static_cast<std::size_t>(m * slot.width * slot.members));
        engine.forward(flat.data(), data, rows.data(), m, {output},
                       std::vector<T*>{outputs.data()}.data(), threads, &stop);
        const double cost = engine.weighted_cost(flat.data(), data, rows.data(), m, threads, &stop);
        return std::make_pair(outputs, cost);
    };
    if (judged(1) != judged(static_cast<int>(numbers[4]))) return 1;

    // Where a network has no members, each row's own derivatives: every number of them is written.
    if (tables.members == 1) {
        std::vector<long> vjps;
        std::size_t outputs = 0;
        for (std::size_t i = 0; i < tables.instructions.size(); ++i) {
            if (tables.instructions[i].op != Op::cost_vjp) continue;
            vjps.push_back(static_cast<long>(i));
            outputs += engine.width(tables.instructions[i].out);
        }
        const long m = borders[1] - borders[0];
        std::vector<T> R(outputs * static_cast<std::size_t>(m) * flat.size(), std::nan(""));
        if (!engine.jacobian(flat.data(), data, rows.data(), m, vjps, &stop, R.data())) return 1;
        if (!std::all_of(R.begin(), R.end(), [](T one) { return std::isfinite(one); })) return 1;
    }

    std::ofstream out(result, std::ios::binary);
    auto write = [&](const auto& vector) {
        out.write(reinterpret_cast<const char*>(vector.data()),
                  static_cast<std::streamsize>(vector.size() * sizeof vector[0]));
    };
    write(flat);
    for (const auto& slot : slots) write(slot);
    write(costs);
    std::printf("%s %s\n", isa.name.c_str(), isa.family.c_str());
    return out ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: replay RECORD RESULT [ISA]\n");
        return 2;
    }
    Record record(argv[1]);
    const bool wide = record.next<std::int64_t>()[0] == 64;
    const char* isa = argc > 3 ? argv[3] : nullptr;
    return wide ? replay<double>(record, argv[2], isa) : replay<float>(record, argv[2], isa);
}
