// Products of bfloat16 pairs by AMX: eight tiles of 16 rows × 64 bytes, one instruction a product.
//
// Why it is fast: C of 32 × 32 numbers is four tiles; a step of 16 pairs loads two tiles of A and
// two of B and multiplies each with each: 32,768 products of two numbers by four instructions. A is
// read as it stands, pairs along its rows; B as every panel of pairs stands, one row a pair of k.
//
// Why the bits agree: a tile's product sums the first numbers of its 16 pairs and the second ones,
// each by fma in order, adds both and then C: what an element becomes depends on k alone, not on
// the rows beside it. The order is not AVX512-BF16's, so these kernels are a family of their own.
//
// CLEARPROP_SIMULATED_TILES computes the same with loops, so that all but five instructions is
// tested on a processor that has none (tests/test_native_tiles.py).
#pragma once

#include "bfloat16.hpp"

namespace clearprop::CP_ISA {

#if !defined(CLEARPROP_TILES)
struct Tiles {};
#else

inline constexpr int tile_side = 16;  // rows of a tile, and numbers or pairs in a row
static_assert(tile_side == pair_group);
inline constexpr int tiled_rows = 2 * tile_side;  // of C at once

// The shapes of the eight tiles, as `ldtilecfg` reads them.
struct TileShapes {
    std::uint8_t palette = 1, first_row = 0, reserved[14] = {};
    std::uint16_t bytes[16] = {};
    std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileShapes) == 64);

#if defined(CLEARPROP_SIMULATED_TILES)
struct SimulatedTile {
    std::uint32_t at[tile_side][tile_side];
};
inline thread_local SimulatedTile simulated_tile[8];
inline thread_local TileShapes simulated_shapes;

inline void set_shapes(const TileShapes& shapes) { simulated_shapes = shapes; }
inline void release_tiles() {}
template <int tile>
void clear_tile() {
    std::memset(&simulated_tile[tile], 0, sizeof(SimulatedTile));
}
template <int tile>
void load_tile(const void* from, long distance) {
    clear_tile<tile>();
    for (int r = 0; r < simulated_shapes.rows[tile]; ++r)
        std::memcpy(simulated_tile[tile].at[r], static_cast<const char*>(from) + r * distance, 64);
}
template <int tile>
void store_tile(void* to, long distance) {
    for (int r = 0; r < simulated_shapes.rows[tile]; ++r)
        std::memcpy(static_cast<char*>(to) + r * distance, simulated_tile[tile].at[r], 64);
}
template <int c, int a, int b>
void multiply_tiles() {
    const auto number = [](std::uint32_t bits) {
        float x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    };
    for (int i = 0; i < simulated_shapes.rows[c]; ++i)
        for (int j = 0; j < tile_side; ++j) {
            float first = 0, second = 0, sum;
            for (int k = 0; k < tile_side; ++k) {
                const std::uint32_t x = simulated_tile[a].at[i][k], y = simulated_tile[b].at[k][j];
                first = __builtin_fmaf(number(x << 16), number(y << 16), first);
                second = __builtin_fmaf(number(x & 0xffff0000u), number(y & 0xffff0000u), second);
            }
            std::memcpy(&sum, &simulated_tile[c].at[i][j], sizeof sum);
            sum += first + second;
            std::memcpy(&simulated_tile[c].at[i][j], &sum, sizeof sum);
        }
}
#else
CP_INLINE void set_shapes(const TileShapes& shapes) { asm volatile("ldtilecfg %0" ::"m"(shapes)); }
CP_INLINE void release_tiles() { asm volatile("tilerelease"); }
template <int tile>
CP_INLINE void clear_tile() {
    asm volatile("tilezero %%tmm%c0" ::"i"(tile));
}
template <int tile>
CP_INLINE void load_tile(const void* from, long distance) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(distance), "i"(tile) : "memory");
}
template <int tile>
CP_INLINE void store_tile(void* to, long distance) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(distance), "i"(tile) : "memory");
}
template <int c, int a, int b>
CP_INLINE void multiply_tiles() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(c), "i"(a), "i"(b));
}
#endif

// This thread's tiles, from the first product that wants them to the end of the scope.
class Tiles {
  public:
    Tiles() = default;
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;
    CP_INLINE ~Tiles() {
        if (rows_) release_tiles();
    }

    // C (rows ≤ 32 × vectors · 16) = start + A · B, over `groups` of 16 pairs; no start: from 0.
    // Rows of A, B, the start and C are so many pairs or numbers apart; a group of A begins a_step
    // pairs behind the last. Returns where fetching has come to.
    template <int vectors, class Fetch>
    CP_INLINE Fetch product(int rows, long groups, const Pair* A, long a_row, long a_step,
                            const Pair* B, long b_row, const float* start, long start_row, float* C,
                            long c_row, Fetch fetch) {
        const bool two = rows > tile_side;
        shape(rows);
        if (!start) {
            clear_tile<0>(), clear_tile<1>(), clear_tile<2>(), clear_tile<3>();
        } else {
            const float* const lower = start + tile_side * start_row;
            load_tile<0>(start, 4 * start_row);
            if (vectors == 2) load_tile<1>(start + tile_side, 4 * start_row);
            if (two) load_tile<2>(lower, 4 * start_row);
            if (two && vectors == 2) load_tile<3>(lower + tile_side, 4 * start_row);
        }
        for (long g = 0; g < groups; ++g) {
            load_tile<4>(A, 4 * a_row);
            load_tile<6>(B, 4 * b_row);
            multiply_tiles<0, 4, 6>();
            if (vectors == 2) {
                load_tile<7>(B + tile_side, 4 * b_row);
                multiply_tiles<1, 4, 7>();
            }
            if (two) {
                load_tile<5>(A + tile_side * a_row, 4 * a_row);
                multiply_tiles<2, 5, 6>();
                if (vectors == 2) multiply_tiles<3, 5, 7>();
            }
            fetch.step();
            A += a_step;
            B += tile_side * b_row;
        }
        float* const below = C + tile_side * c_row;
        store_tile<0>(C, 4 * c_row);
        if (vectors == 2) store_tile<1>(C + tile_side, 4 * c_row);
        if (two) store_tile<2>(below, 4 * c_row);
        if (two && vectors == 2) store_tile<3>(below + tile_side, 4 * c_row);
        return fetch;
    }

  private:
    // Tiles 0 1 / 2 3 are C, 4 / 5 A, 6 7 B; the tiles of C and A have the rows that there are.
    CP_INLINE void shape(int rows) {
        if (rows == rows_) return;
        rows_ = rows;
        TileShapes shapes;
        for (int tile = 0; tile < 8; ++tile) {
            const bool lower = tile == 2 || tile == 3 || tile == 5;
            const int left = tile >= 6 ? tile_side : lower ? rows - tile_side : rows;
            shapes.bytes[tile] = 64;
            shapes.rows[tile] =
                static_cast<std::uint8_t>(left > 0 && left < tile_side ? left : tile_side);
        }
        set_shapes(shapes);
    }

    int rows_ = 0;
};
#endif

}  // namespace clearprop::CP_ISA
