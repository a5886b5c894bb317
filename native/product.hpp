// The one product: C (m × n) = start + A (m × k) · B (k × n).
//
// All three products of a layer are this one: z = a Wᵀ (B is the transposed copy of W), Δ = δ W,
// and, tile by tile in sums.hpp, ∂J/∂W = Σ_rows δ aᵀ, where A is δ read column by column.
//
// Why it is fast: a tile of `tile_rows` × 2 registers of C stays in registers while k runs; every
// step loads one row of a B panel (2 registers) and multiplies it by tile_rows numbers of A. B
// comes in panels two registers wide, k rows after each other, so it streams; k is cut in equal
// pieces, so that a panel and the rows of A stay in the second cache, and C is continued from
// memory between pieces. Where B is larger than the second cache has room for beside the values,
// the tiles of one panel fetch the next meanwhile: no processor sees by itself that panels follow
// each other at a distance. relu, and its slope behind the product δ W, are done behind the last
// piece, before the tile leaves the registers.
//
// AVX-512 multiplies by a number of A where it stands in memory, so that a step of k is little more
// than its fma, and a neighbour on the same core (hyper-threading) finds few free slots to take
// away. For that the numbers of one step have to stand side by side: where B has several panels,
// the rows of A are packed once for all of them, tile by tile.
//
// Why the bits agree: an element of C is one chain of fma over k in order, whatever the tile it
// falls in, the rows beside it, or the piece of k it is in. So m, threads and tails change nothing.
#pragma once

#include <type_traits>

#include "tiles.hpp"

namespace clearprop::CP_ISA {

// A tile wants 2 · tile_rows registers of sums, 2 of B and, where fma does not read it in memory,
// one for the number of A. Of 16 registers (AVX2, baseline) 6 rows take 15. AVX-512 has 32: with
// A packed, 12 rows are 24 fma for 2 loads of B, and the most in whole fours, as pack_tiles packs
// them (16 would leave none for B). Beside a neighbour on the same core 8 rows reach 0.84 of what
// nothing but fma does, 12 reach 0.88, 14 one or two hundredths more (docs/performance.md).
#if CP_BYTES == 64
inline constexpr int tile_rows = 12;
#elif defined(CLEARPROP_ISA_NEON)
inline constexpr int tile_rows = 8;
#else
inline constexpr int tile_rows = 6;
#endif
// Rows of a tile where they stand apart: their distances want registers too.
inline constexpr int apart_rows = tile_rows < 8 ? tile_rows : 8;
inline constexpr long k_piece = 512;  // k × 2 registers of B ≤ 64 KB; changes no bits

template <class T>
inline constexpr int panel_width = 2 * Vector<T>::lanes;

// From so many panels of B on, packing A is worth its time.
inline constexpr long few_panels = 8;
template <class T, class E>
inline constexpr bool packs_rows =
    CP_BYTES == 64 && std::is_same_v<T, float> && std::is_same_v<T, E>;

enum class Start { zero, row, given };  // C starts from 0, from one row of biases, or from itself

// E is what A and B hold: T, or pairs of bfloat16; then k counts pairs, with zeros to whole groups.
template <class T, class E = T>
struct Product {
    long m, n, k;
    const E* A;
    long a_row, a_k;  // A(i, k) = A[i · a_row + k · a_k]
    const E* B;
    long b_k, b_panel;  // B(k, p · panel_width + j) = B[k · b_k + p · b_panel + j]
    T* C;
    long c_row, c_panel;  // C(i, p · panel_width + j) = C[i · c_row + p · c_panel + j]
    Start start;
    const T* bias;  // the row of Start::row, padded as C
    // What is done to C behind the last piece of k: 0 where C ≤ 0, or 0 where not y > 0, y as C
    bool rectify = false;
    const T* y = nullptr;
    long y_row = 0;
    // Room for a piece of A, packed: m · k_piece numbers and a register; null: A is read as it
    // stands
    T* room = nullptr;
};

template <class T>
CP_INLINE long panels_of(long columns) {
    return (columns + panel_width<T> - 1) / panel_width<T>;
}

// What is done to a tile before it is stored (Product::rectify, y); nothing.
template <class T>
struct End {
    bool rectify = false;
    const T* y = nullptr;
    CP_INLINE static Vector<T> rectified(Vector<T> c) {
        return select(c <= Vector<T>::zero(), Vector<T>::zero(), c);
    }
    CP_INLINE static Vector<T> sloped(Vector<T> c, const T* y) {
        return select(Vector<T>::load(y) > Vector<T>::zero(), c, Vector<T>::zero());
    }
};

// What is fetched into the second cache while a tile is multiplied, a little with each step of k,
// for many requests at once would be waited for. Of the panel of B that comes next, `each` numbers.
template <class E>
struct NextPanel {
    const E* at;
    long each;
    CP_INLINE void step() {
        __builtin_prefetch(at, 0, 2);
        at += each;
    }
};
struct NoFetch {
    CP_INLINE void step() {}
};

// Pairs in whole groups of 16, as the processor's tiles sum them; else as many as there are
template <bool tiled>
CP_INLINE constexpr long whole_groups(long k) {
    return tiled ? grouped(2 * k) : k;
}

// One tile: `rows` × `vectors` registers of C. Of A, what one step of k reads stands side by side,
// or in rows that are a_row apart. Every loop over registers is unrolled, or they would be memory.
template <class T, class E, int rows, int vectors, bool beside, class Fetch>
CP_INLINE void tile(const Product<T, E>& p, const E* A, long a_k, const E* B, T* C, const T* bias,
                    long k, Start start, End<T> end, Fetch fetch) {
    using V = Vector<T>;
    const auto each = [](auto visit) {
        CP_UNROLL
        for (int i = 0; i < rows; ++i) {
            CP_UNROLL
            for (int j = 0; j < vectors; ++j) visit(i, j);
        }
    };
    V c[rows][vectors];
    if (start == Start::zero) {
        each([&](int i, int j) { c[i][j] = V::zero(); });
    } else {
        const T* const from = start == Start::row ? bias : C;
        const long row = start == Start::row ? 0 : p.c_row;
        each([&](int i, int j) { c[i][j] = V::load(from + i * row + j * V::lanes); });
    }
    for (long s = 0; s < k; ++s) {
        Factor<T, E> b[vectors];
        CP_UNROLL
        for (int j = 0; j < vectors; ++j) b[j] = Factor<T, E>::load(B + j * V::lanes);
        CP_UNROLL
        for (int i = 0; i < rows; ++i) {
            if constexpr (beside) {
                CP_UNROLL
                for (int j = 0; j < vectors; ++j) c[i][j] = multiply_add(A + i, b[j], c[i][j]);
            } else {
                const auto a = Factor<T, E>::all(A[i * p.a_row]);
                CP_UNROLL
                for (int j = 0; j < vectors; ++j) c[i][j] = multiply_add(a, b[j], c[i][j]);
            }
        }
        fetch.step();
        A += a_k;
        B += p.b_k;
    }
    if (end.rectify) each([&](int i, int j) { c[i][j] = end.rectified(c[i][j]); });
    if (end.y)
        each([&](int i, int j) {
            c[i][j] = end.sloped(c[i][j], end.y + i * p.y_row + j * V::lanes);
        });
    each([&](int i, int j) { c[i][j].store(C + i * p.c_row + j * V::lanes); });
}

// The tile of so many rows, `most` at most: the same instructions for each element.
template <class T, class E, int vectors, bool beside, class Fetch = NoFetch,
          int most = beside ? tile_rows : apart_rows>
CP_INLINE void any_tile(int rows, const Product<T, E>& p, const E* A, long a_k, const E* B, T* C,
                        const T* bias, long k, Start start, End<T> end = {}, Fetch fetch = {}) {
    if constexpr (most > 0) {
        if (rows == most)
            tile<T, E, most, vectors, beside>(p, A, a_k, B, C, bias, k, start, end, fetch);
        else
            any_tile<T, E, vectors, beside, Fetch, most - 1>(rows, p, A, a_k, B, C, bias, k, start,
                                                             end, fetch);
    }
}

#if defined(CLEARPROP_TILES)
inline constexpr bool has_tiles = true;

// NextPanel of a tile that sums 16 pairs with each step: so many bytes, as whole lines.
struct NextLines {
    const char* at;
    long each;
    CP_INLINE void step() {
        for (const char* const end = at + each; at < end; at += pad_bytes)
            __builtin_prefetch(at, 0, 2);
    }
};

// The rows of C beside one panel of pairs by the processor's tiles; k is in whole groups.
template <int vectors, bool far>
void tiled_panel(Tiles& tiles, const Product<float, Pair>& p, const Pair* A, const Pair* B,
                 float* C, const float* bias, long k, Start start, End<float> end,
                 const Pair* next) {
    using V = VectorF;
    constexpr long width = panel_width<float>;
    const long groups = k / tile_side;
    std::conditional_t<far, NextLines, NoFetch> fetch{};
    if constexpr (far) {
        const long steps = (p.m + tiled_rows - 1) / tiled_rows * groups;
        const long lines = k * width / tile_side;
        fetch = {reinterpret_cast<const char*>(next), (lines + steps - 1) / steps * pad_bytes};
    }
    alignas(64) float tile[tiled_rows * width];  // before its end
    const bool ends = end.rectify || end.y;
    for (long i = 0; i < p.m;
         i += tiled_rows, A += tiled_rows * p.a_row, C += tiled_rows * p.c_row) {
        const int rows = static_cast<int>(p.m - i < tiled_rows ? p.m - i : tiled_rows);
        const float* const from = start == Start::zero ? nullptr : start == Start::row ? bias : C;
        fetch = tiles.product<vectors>(rows, groups, A, p.a_row, tile_side, B, p.b_k, from,
                                       start == Start::row ? 0 : p.c_row, ends ? tile : C,
                                       ends ? width : p.c_row, fetch);
        for (int r = 0; ends && r < rows; ++r)
            for (int j = 0; j < vectors * V::lanes; j += V::lanes) {
                V c = V::load(tile + r * width + j);
                if (end.rectify) c = end.rectified(c);
                if (end.y) c = end.sloped(c, end.y + (i + r) * p.y_row + j);
                c.store(C + r * p.c_row + j);
            }
    }
}
#else
inline constexpr bool has_tiles = false;
#endif

// Rows of A cut into tiles of about equal height; the higher ones come first.
struct Cut {
    long tiles, height, higher;
    CP_INLINE Cut(long m, int most) {
        const auto rows = static_cast<unsigned>(m);  // half the time of a division of 64 bits
        const unsigned count = m > most ? (rows + most - 1) / most : 1;
        tiles = count;
        height = rows / count;
        higher = rows % count;
    }
    CP_INLINE long first(long tile) const {
        return tile * height + (tile < higher ? tile : higher);
    }
    CP_INLINE int rows(long tile) const { return static_cast<int>(height + (tile < higher)); }
};

#if CP_BYTES == 64
// A's numbers of k steps as the tiles read them: of the first tile step after step, of the next …
// Four steps at a time: of rows r, r + 4 and r + 8 each four numbers in a register, and four such
// registers transposed within their quarters: half of the exchanges that whole squares would take.
inline void pack_tiles(const Product<float>& p, const Cut& cut, const float* A, long k) {
    for (long t = 0; t < cut.tiles; ++t) {
        const int rows = cut.rows(t);
        const float* row[tile_rows];
        for (int i = 0; i < tile_rows; ++i)  // what is missing is written and then replaced
            row[i] = A + (cut.first(t) + (i < rows ? i : 0)) * p.a_row;
        float* to = p.room + cut.first(t) * k;
        for (long s = 0; s < k; s += 4) {
            const auto four = [&](int i) { return _mm_loadu_ps(row[i] + s); };
            __m512 a[4];
            for (int i = 0; i < 4; ++i) {
                a[i] = _mm512_insertf32x4(_mm512_castps128_ps512(four(i)), four(i + 4), 1);
                a[i] = _mm512_insertf32x4(a[i], four(i + 8), 2);
            }
            const auto low = [](__m512 x, __m512 y) { return (__m512d)_mm512_unpacklo_ps(x, y); };
            const auto high = [](__m512 x, __m512 y) { return (__m512d)_mm512_unpackhi_ps(x, y); };
            const __m512d halves[4] = {low(a[0], a[1]), low(a[2], a[3]), high(a[0], a[1]),
                                       high(a[2], a[3])};
            for (int h = 0; h < 4 && s + 2 * (h / 2) < k; h += 2) {
                const __m512d first = _mm512_unpacklo_pd(halves[h], halves[h + 1]),
                              second = _mm512_unpackhi_pd(halves[h], halves[h + 1]);
                _mm512_storeu_ps(to, (__m512)first);
                _mm512_storeu_ps(to + rows, (__m512)second);
                to += 2 * rows;
            }
        }
    }
}
#endif

// The rows of C beside one panel of B, tile by tile; `next` is the panel that comes behind it.
template <class T, class E, int vectors, bool beside, bool far>
void panel(const Product<T, E>& p, const Cut& cut, const E* A, const E* B, T* C, const T* bias,
           long k, Start start, End<T> end, const E* next) {
    const long each = far ? (panel_width<T> + cut.tiles - 1) / cut.tiles : 0;
    const T* const y = end.y;
    for (long t = 0; t < cut.tiles; ++t, next += each * k) {
        const long i = cut.first(t);
        const int rows = cut.rows(t);
        if (y) end.y = y + i * p.y_row;
        std::conditional_t<far, NextPanel<E>, NoFetch> fetch{};
        if constexpr (far) fetch = {next, each};
        any_tile<T, E, vectors, beside>(rows, p, A + i * (beside ? k : p.a_row),
                                        beside ? rows : p.a_k, B, C + i * p.c_row, bias, k, start,
                                        end, fetch);
    }
}

template <class T, class E, bool far>
void product(const Product<T, E>& p) {
    constexpr bool tiled = has_tiles && !std::is_same_v<T, E>;
    [[maybe_unused]] Tiles tiles;
    const long panels = panels_of<T>(p.n), all = whole_groups<tiled>(p.k);
    const bool packed = packs_rows<T, E> && p.room && p.m > 1 && p.a_k == 1 && panels >= few_panels;
    [[maybe_unused]] const Cut cut(p.m, packed ? tile_rows : apart_rows);
    const long pieces = all > k_piece ? (all + k_piece - 1) / k_piece : 1;
    const long piece = whole_groups<tiled>((all + pieces - 1) / pieces);
    for (long k0 = 0; k0 == 0 || k0 < all; k0 += piece) {
        const long k = all - k0 < piece ? all - k0 : piece;
        const Start start = k0 ? Start::given : p.start;
        const bool last = k0 + k >= all;
        if constexpr (packs_rows<T, E>)
            if (packed) pack_tiles(p, cut, p.A + k0, k);
        for (long q = 0; q < panels; ++q) {
            const E* A = p.A + k0 * p.a_k;
            const E* B = p.B + k0 * p.b_k + q * p.b_panel;
            const E* next = q + 1 < panels ? B + p.b_panel : p.B + (last ? 0 : k0 + k) * p.b_k;
            T* C = p.C + q * p.c_panel;
            End<T> end;
            if (last) end = {p.rectify, p.y ? p.y + q * panel_width<T> : nullptr};
            const T* bias = p.start == Start::row ? p.bias + q * panel_width<T> : nullptr;
            const bool wide = p.n - q * panel_width<T> > Vector<T>::lanes;
            if constexpr (tiled) {
#if defined(CLEARPROP_TILES)
                if (wide)
                    tiled_panel<2, far>(tiles, p, A, B, C, bias, k, start, end, next);
                else
                    tiled_panel<1, far>(tiles, p, A, B, C, bias, k, start, end, next);
#endif
            } else {
                const auto multiply = [&](auto beside, const E* rows) {
                    if (wide)
                        panel<T, E, 2, beside(), far>(p, cut, rows, B, C, bias, k, start, end,
                                                      next);
                    else
                        panel<T, E, 1, beside(), far>(p, cut, rows, B, C, bias, k, start, end,
                                                      next);
                };
                if constexpr (packs_rows<T, E>)
                    packed ? multiply(std::true_type(), p.room) : multiply(std::false_type(), A);
                else
                    multiply(std::false_type(), A);
            }
        }
    }
}

template <class T, class E>
void product(const Product<T, E>& p) {
    // half of the second cache, which values want too
    const bool far = static_cast<double>(p.n) * p.k * sizeof(E) > 5e5;
    far ? product<T, E, true>(p) : product<T, E, false>(p);
}

}  // namespace clearprop::CP_ISA
