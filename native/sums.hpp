// Sums over the rows of a batch, in one shape that the batch alone fixes: ∂J/∂parameter.
//
// Rows are cut in blocks of `row_block`. Within a block a sum is one chain in row order from zero,
// through all uses of the parameter; blocks are joined by a tree, split at the largest power of
// two below their number. So the bits are the same for any number of threads, each of which owns
// some rows of every parameter, and for a batch that comes in pieces cut between blocks: a piece
// gives the sums of whole subtrees, and joining those does what the whole would have done.
//
// Why it is fast: where a batch leaves the first-level cache, the δ of many units and one panel of
// a are packed, so that every tile reads two short streams, the δ tile after tile; and what is to
// be done with a sum (the optimizer's step) is done behind `chunk_rows` of a panel, while the sum
// is near, and fetched while it is summed.
#pragma once

#include <type_traits>

#include "elementwise.hpp"
#include "product.hpp"
#include "transposing.hpp"
#include "tree.hpp"

namespace clearprop::CP_ISA {

// Numbers of scratch in front of what is packed: the sums of one panel of a chunk.
template <class T>
inline constexpr long scratch_sums = chunk_rows * panel_width<T>;

// Rows of a gradient that are summed at once, where δ is packed
template <class T, class E>
inline constexpr int unit_rows = has_tiles && !std::is_same_v<T, E> ? 32 : tile_rows;

// What a thread's rows, of the batch or of a gradient, are a multiple of: whole tiles, or where
// those are high a third of one, so that parts are about equal. Lower tiles lose little.
template <class T, class E>
inline constexpr int part_rows = unit_rows<T, E> == 12 ? 4 : unit_rows<T, E>;

// The sums of one parameter's gradient over some of its rows and some blocks of the batch.
// E is what its products read: T, or pairs of bfloat16.
template <class T, class E = T>
class RowSum {
    using V = Vector<T>;
    static constexpr bool low = !std::is_same_v<T, E>;
    static constexpr bool tiled = low && has_tiles;
    static constexpr int most_rows = unit_rows<T, E>;  // of the gradient, summed at once

  public:
    CP_INLINE RowSum(const Job<T>& job, long parameter, long first_block, long last_block)
        : job_(job),
          parameter_(job.program->parameters[parameter]),
          weights_(job.weights[parameter]),
          first_block_(first_block),
          last_block_(last_block) {}

    // Sums a patch of the gradient.
    void run(const Patch& patch) const { run(patch, NoUpdate{*this}); }
    // Of a parameter that is held in panels, panel by panel of a chunk of rows: `then` says where
    // the sum goes, fetches what it will need of a tile, and does what is to be done behind a
    // panel.
    template <class Then>
    void run(const Patch& patch, Then then) const {
        if (parameter_.uses == 0) return;  // it does not lead to the cost: its gradient stays zero
        for (int k = 0; k < parameter_.members; ++k) {
            if (parameter_.layout == Layout::panels)
                outer(k, patch, then);
            else if (parameter_.layout == Layout::spread)
                shared_columns(k);
            else if (use(0).kind == UseKind::scatter)
                scatter(k, patch.first, patch.last);
            else
                columns_sum(k);
        }
    }

  private:
    // The sums stay in the gradient's array.
    struct NoUpdate {
        const RowSum& sum;
        T* place(int k, long q, long i) const {
            return sum.gradient(k) + q * sum.weights_.panel + i * panel_width<T>;
        }
        using Fetch = NoFetch;
        bool fetches() const { return false; }
        Fetch fetch(int, long, long, int, long) const { return {}; }
        void done(int, long, long, long, T*) const {}
    };

    const Use& use(long u) const { return job_.program->uses[parameter_.first_use + u]; }
    long block_end(long block) const {
        const long end = (block + 1) * row_block;
        return end < job_.m ? end : job_.m;
    }
    T* gradient(int k) const { return weights_.gradient + k * weights_.member; }

    // Calls visit(use, member) for each summand of the parameter's member k, in order.
    template <class Visit>
    CP_INLINE void summands(int k, Visit visit) const {
        for (long u = 0; u < parameter_.uses; ++u) {
            const Use& one = use(u);
            if (one.members == 1)
                visit(one, k);
            else
                for (int member = 0; member < one.members; ++member) visit(one, member);
        }
    }

    // ∂J/∂W = Σ δ aᵀ, tile by tile: C (rows of W × columns) = Σ over rows r of δ_r · a_r
    template <class Then>
    void outer(int k, const Patch& patch, Then then) const {
        const long first = patch.first, last = patch.last;
        const bool packed = worth_packing(last - first);
        const long units = packed ? packed_units(last - first) : last - first;
        for (long u0 = first; u0 < last; u0 += units) {
            const long u1 = last - u0 < units ? last : u0 + units;
            for (long i0 = u0; packed && i0 < u1; i0 += chunk_rows)
                pack_delta(k, i0, u1 - i0 < chunk_rows ? u1 : i0 + chunk_rows, i0 - u0);
            for (long q = patch.first_panel; q < patch.last_panel; ++q) {
                if (packed) pack_a(k, q);
                for (long i0 = u0; i0 < u1; i0 += chunk_rows) {
                    const long i1 = u1 - i0 < chunk_rows ? u1 : i0 + chunk_rows;
                    T* const sums = then.place(k, q, i0);
                    const int at_once = packed ? most_rows : Cut(i1 - i0, tile_rows).rows(0);
                    for (long i = i0; i < i1; i += at_once) {
                        const int rows = static_cast<int>(i1 - i < at_once ? i1 - i : at_once);
                        const E* delta = packed ? packed_tile(i - u0) : nullptr;
                        T* G = sums + (i - i0) * panel_width<T>;
                        if (parameter_.columns - q * panel_width<T> > V::lanes)
                            outer_tile<2>(k, i, rows, q, delta, G, then);
                        else
                            outer_tile<1>(k, i, rows, q, delta, G, then);
                    }
                    then.done(k, q, i0, i1, sums);
                }
            }
        }
    }

    // Units whose δ is packed together: as few equal parts of all, in chunks, as the scratch holds
    long packed_units(long all) const {
        const long most = most_packed / ((rows_of_batch() + 2) * chunk_rows);
        const long chunks = (all + chunk_rows - 1) / chunk_rows;
        const long parts = most ? (chunks + most - 1) / most : chunks;
        return (chunks + parts - 1) / parts * chunk_rows;
    }

    // Where a is larger than the first-level cache and both streams are read several times. Pairs
    // are always packed; several uses of a parameter are summed as floats, in every precision.
    bool worth_packing(long rows) const {
        const Use& only = use(0);
        const bool one = parameter_.uses == 1 && only.members == 1;
        const long bytes = rows_of_batch() * job_.slots[only.a].row * static_cast<long>(sizeof(T));
        return one && (low || (rows >= 32 && bytes > 32768));
    }
    long rows_of_batch() const { return block_end(last_block_ - 1) - first_block_ * row_block; }
    static long steps(long rows) {  // of a chain
        return low ? whole_groups<tiled>((rows + 1) / 2) : rows;
    }
    E* packed_a() const { return reinterpret_cast<E*>(job_.scratch + scratch_sums<T>); }
    // A line between the tiles, so that they do not share the sets of the cache.
    E* packed_tile(long i) const {
        constexpr long line = pad_bytes / static_cast<long>(sizeof(E));
        const long k = steps(rows_of_batch());
        return packed_a() + k * panel_width<T> + i * k + i / most_rows * line;
    }

    // a_r,j of panel q, row after row, or pairs of rows
    void pack_a(int k, long q) const {
        const Rows<T>& a = job_.slots[use(0).a];
        const long rows = rows_of_batch(), row = a.row;
        const T* from = a.base + first_block_ * row_block * row + k * a.member + q * panel_width<T>;
        E* to = packed_a();
        if constexpr (low) {
            for (long r = 0; r < rows; r += 2, from += 2 * row)
                for (int j = 0; j < panel_width<T>; j += V::lanes, to += V::lanes)
                    store_pairs(V::load(from + j),
                                r + 1 < rows ? V::load(from + row + j) : V::zero(), to);
            for (; to < packed_a() + steps(rows) * panel_width<T>; to += V::lanes)
                store_pairs(V::zero(), V::zero(), to);
        } else
            for (long r = 0; r < rows; ++r, from += row, to += panel_width<T>) {
                V::load(from).store(to);
                V::load(from + V::lanes).store(to + V::lanes);
            }
    }

    // δ_r,i of units i0 … i1 − 1: of the first tile of units row after row, of the next tile, …;
    // they are packed from unit `at_unit` on.
    void pack_delta(int k, long i0, long i1, long at_unit) const {
        const Rows<T>& delta = job_.slots[use(0).delta];
        if constexpr (tiled) return pack_delta_tiles(delta, k, i0, i1, at_unit);
        const long rows = rows_of_batch(), row = delta.row;
        const long distance = packed_tile(most_rows) - packed_tile(0);
        const T* from = delta.base + first_block_ * row_block * row + k * delta.member + i0;
        E* to = packed_tile(at_unit);
        for (long r = 0; r < rows; r += low ? 2 : 1, from += (low ? 2 : 1) * row, to += tile_rows) {
            const E* units;
            E pairs[chunk_rows + V::lanes];
            if constexpr (low) {
                for (long i = 0; i < i1 - i0; i += V::lanes)
                    store_pairs(V::load(from + i),
                                r + 1 < rows ? V::load(from + row + i) : V::zero(), pairs + i);
                units = pairs;
            } else
                units = from;
            E* at = to;
            for (long i = 0; i < i1 - i0; i += tile_rows, at += distance)
                __builtin_memcpy(at, units + i, tile_rows * sizeof(E));
        }
    }

    // The same for the processor's tiles: of 32 units and 16 pairs of rows two tiles, a unit's
    // pairs beside each other, then the next 16 pairs, …
    void pack_delta_tiles(const Rows<T>& delta, int k, long i0, long i1, long at_unit) const {
        const long rows = rows_of_batch(), row = delta.row;
        const T* const from = delta.base + first_block_ * row_block * row + k * delta.member;
        for (long i = i0; i < i1; i += V::lanes) {
            const long unit = at_unit + i - i0;
            E* to = packed_tile(unit / most_rows * most_rows) + unit % most_rows * V::lanes;
            for (long r = 0; r < rows; r += 2 * V::lanes, to += most_rows * V::lanes) {
                alignas(64) E pairs[V::lanes * V::lanes];
                for (long pair = 0; pair < V::lanes; ++pair) {
                    const long at = r + 2 * pair;
                    store_pairs(at < rows ? V::load(from + at * row + i) : V::zero(),
                                at + 1 < rows ? V::load(from + (at + 1) * row + i) : V::zero(),
                                pairs + pair * V::lanes);
                }
                V square[V::lanes];
                __builtin_memcpy(square, pairs, sizeof pairs);
                transpose_in_registers<T>(square);
                __builtin_memcpy(to, square, sizeof pairs);
            }
        }
    }

    template <int vectors, class Then>
    void outer_tile(int k, long i, int rows, long q, const E* packed, T* G,
                    const Then& then) const {
        constexpr int width = panel_width<T>;
        typename Then::Fetch fetched{};
        auto* const fetch = packed && then.fetches() ? &fetched : nullptr;
        if (fetch) fetched = then.fetch(k, q, i, rows, fetching_steps());
        if (last_block_ - first_block_ == 1)
            return chain<vectors>(k, i, rows, q, first_block_, packed, G, fetch);
        alignas(64) T waiting[tree_depth][most_rows * width];
        const auto join = [&](int slot) {
            for (int r = 0; r < rows; ++r)
                for (int j = 0; j < vectors; ++j) {
                    T* at = waiting[slot] + r * width + j * V::lanes;
                    (V::load(at) + V::load(at + most_rows * width)).store(at);
                }
        };
        Tree tree;
        for (long block = first_block_; block < last_block_; ++block)
            chain<vectors>(k, i, rows, q, block, packed,
                           waiting[tree.push(block - first_block_, join)], fetch);
        tree.finish(join);
        for (int r = 0; r < rows; ++r)
            for (int j = 0; j < vectors; ++j)
                V::load(waiting[0] + r * width + j * V::lanes).store(G + r * width + j * V::lanes);
    }

    // Steps of a tile's sum that fetch: of the processor's tiles, which take few, those of all
    // blocks
    long fetching_steps() const {
        return tiled ? steps(rows_of_batch()) / pair_group
                     : steps(block_end(first_block_) - first_block_ * row_block);
    }

    // One block's chain of a tile: A(i, r) = δ_r,i read through strides, B(r, j) = a_r,j.
    template <int vectors, class Fetch>
    CP_INLINE void chain(int k, long i, int rows, long q, long block, const E* packed, T* C,
                         Fetch* fetch) const {
        const long length = block_end(block) - block * row_block;
        if (!packed) return float_chain<vectors>(k, i, rows, q, block, C);
        const long r = steps((block - first_block_) * row_block);
        const E *const A = packed + r * most_rows, *const B = packed_a() + r * panel_width<T>;
#if defined(CLEARPROP_TILES)
        if constexpr (tiled) {
            const auto sum = [&](auto with) {
                constexpr long width = panel_width<T>;
                return tiles_.template product<vectors>(rows, steps(length) / pair_group, A,
                                                        pair_group, most_rows * pair_group, B,
                                                        width, nullptr, 0, C, width, with);
            };
            fetch ? void(*fetch = sum(*fetch)) : void(sum(NoFetch{}));
            return;
        }
#endif
        Product<T, E> p{};
        p.b_k = p.c_row = panel_width<T>;
        if (fetch && block == first_block_)
            any_tile<T, E, vectors, true>(rows, p, A, tile_rows, B, C, nullptr, steps(length),
                                          Start::zero, {}, *fetch);
        else
            any_tile<T, E, vectors, true>(rows, p, A, tile_rows, B, C, nullptr, steps(length),
                                          Start::zero);
    }
    template <int vectors>
    CP_INLINE void float_chain(int k, long i, int rows, long q, long block, T* C) const {
        const long r0 = block * row_block, length = block_end(block) - r0;
        Product<T> p{};
        p.c_row = panel_width<T>;
        Start start = Start::zero;
        summands(k, [&](const Use& one, int member) {
            const Rows<T>&delta = job_.slots[one.delta], &a = job_.slots[one.a];
            p.b_k = a.row;
            any_tile<T, T, vectors, true>(
                rows, p, delta.base + r0 * delta.row + member * delta.member + i, delta.row,
                a.base + r0 * a.row + member * a.member + q * panel_width<T>, C, nullptr, length,
                start);
            start = Start::given;
        });
    }

    // One block's chains of `n` registers of column sums, side by side: Σ δ_r from column j on.
    template <int n>
    CP_INLINE void column_chains(int k, long block, long j, V* sum) const {
        V own[n];
        for (V& one : own) one = V::zero();
        summands(k, [&](const Use& use, int member) {
            const Rows<T>& delta = job_.slots[use.delta];
            const T* at = delta.base + block * row_block * delta.row + member * delta.member + j;
            for (long r = block * row_block; r < block_end(block); ++r, at += delta.row)
                for (int i = 0; i < n; ++i) own[i] = own[i] + V::load(at + i * V::lanes);
        });
        for (int i = 0; i < n; ++i) sum[i] = own[i];
    }

    // ∂J/∂b = Σ δ
    void columns_sum(int k) const {
        constexpr int most = 4;
        for (long j = 0; j < parameter_.columns; j += most * V::lanes) {
            const long left = (parameter_.columns - j + V::lanes - 1) / V::lanes;
            if (left >= most) columns_from<most>(k, j);
            if (left == 3) columns_from<3>(k, j);
            if (left == 2) columns_from<2>(k, j);
            if (left == 1) columns_from<1>(k, j);
        }
    }
    template <int n>
    void columns_from(int k, long j) const {
        V waiting[tree_depth][n];
        const auto join = [&](int slot) {
            for (int i = 0; i < n; ++i) waiting[slot][i] = waiting[slot][i] + waiting[slot + 1][i];
        };
        Tree tree;
        for (long block = first_block_; block < last_block_; ++block)
            column_chains<n>(k, block, j, waiting[tree.push(block - first_block_, join)]);
        tree.finish(join);
        for (int i = 0; i < n; ++i) waiting[0][i].store(gradient(k) + j + i * V::lanes);
    }

    // ∂J/∂b = Σ δ over the units too: the columns of a block first, then their sum
    void shared_columns(int k) const {
        T waiting[tree_depth];
        const auto join = [&](int slot) { waiting[slot] += waiting[slot + 1]; };
        Tree tree;
        const int width = parameter_.width;
        for (long block = first_block_; block < last_block_; ++block) {
            const int slot = tree.push(block - first_block_, join);
            waiting[slot] = sum_of_row<T>(width, [&](int j) {
                V sum;
                column_chains<1>(k, block, j, &sum);
                return sum;
            });
        }
        tree.finish(join);
        for (int j = 0; j < width; j += V::lanes) {
            const V all(waiting[0]);
            (width - j < V::lanes ? all.keep(width - j) : all).store(gradient(k) + j);
        }
    }

    // ∂J/∂E = Σ 1ₖ δᵀ: row e of the table gathers the δ of the samples whose index is e. A list of
    // those samples for each e, in row order, makes the work proportional to samples and levels.
    void scatter(int k, long first, long last) const {
        const long m0 = first_block_ * row_block, m1 = block_end(last_block_ - 1);
        const long levels = parameter_.rows;
        for (long u = 0; u < parameter_.uses; ++u) {
            std::int32_t* head = job_.lists[parameter_.first_use + u];
            std::int32_t* next = head + levels;
            const std::int32_t* index = job_.indices[use(u).a];
            for (long e = first; e < last; ++e) head[e] = -1;
            for (long r = m1 - 1; r >= m0; --r)
                if (index[r] >= first && index[r] < last) {
                    next[r] = head[index[r]];
                    head[index[r]] = static_cast<std::int32_t>(r);
                }
        }
        for (long e = first; e < last; ++e) {
            T* row = gradient(k) + e * weights_.row;
            for (long j = 0; j < parameter_.columns; j += V::lanes) scatter_row(k, e, j, row + j);
        }
    }

    void scatter_row(int k, long e, long j, T* out) const {
        V waiting[tree_depth];
        const auto join = [&](int slot) { waiting[slot] = waiting[slot] + waiting[slot + 1]; };
        Tree tree;
        for (long from = 0;;) {  // blocks that hold a sample of this level, in order
            long earliest = job_.m;
            for (long u = 0; u < parameter_.uses; ++u) {
                const long r = first_at(u, e, from);
                if (r >= 0 && r < earliest) earliest = r;
            }
            if (earliest == job_.m) break;
            const long block = earliest / row_block;
            const int slot = tree.push(block - first_block_, join);
            V sum = V::zero();
            summands(k, [&](const Use& one, int member) {
                const long u = &one - &use(0);
                const Rows<T>& delta = job_.slots[one.delta];
                const T* at = delta.base + member * delta.member + j;
                for (long r = first_at(u, e, block * row_block); r >= 0 && r < block_end(block);
                     r = next_of(u, r))
                    sum = sum + V::load(at + r * delta.row);
            });
            waiting[slot] = sum;
            from = (block + 1) * row_block;
        }
        tree.finish(join);
        (tree.empty() ? V::zero() : waiting[0]).store(out);
    }
    CP_INLINE long next_of(long u, long r) const {
        return job_.lists[parameter_.first_use + u][parameter_.rows + r];
    }
    CP_INLINE long first_at(long u, long e, long from) const {
        long r = job_.lists[parameter_.first_use + u][e];
        while (r >= 0 && r < from) r = next_of(u, r);
        return r;
    }

    const Job<T>& job_;
    const Parameter& parameter_;
    const Weights<T>& weights_;
    const long first_block_, last_block_;
    [[maybe_unused]] mutable Tiles tiles_;
};

}  // namespace clearprop::CP_ISA
