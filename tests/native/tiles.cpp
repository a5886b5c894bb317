// Products of pairs by tiles beside loops in double, of every shape around theirs; and a number
// that two runs share whose products have the same bits. Leaves with 77 where there are no tiles.
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "../../native/tiles_given.hpp"

using namespace clearprop;
using namespace clearprop::CP_ISA;

namespace {

float low(Pair p) {
    const std::uint32_t bits = p.bits << 16;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
float high(Pair p) {
    const std::uint32_t bits = p.bits & 0xffff0000u;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

}  // namespace

int main() {
    if (!tiles_given()) return 77;
    std::uint64_t digest = 0;
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    double worst = 0;
    long cases = 0, unequal = 0;
    for (long m : {1, 7, 8, 15, 16, 17, 31, 32, 33, 64, 70})
        for (long n : {1, 10, 16, 17, 32, 33, 63})
            for (long k : {1, 2, 15, 16, 17, 32, 40, 513, 1024, 1040})
                for (int start = 0; start < 3; ++start) {
                    const long width = panel_width<float>, panels = panels_of<float>(n);
                    const long all = grouped(2 * k), a_row = all + 5, c_row = panels * width;
                    std::vector<Pair> A(m * a_row), B(panels * width * all);
                    std::vector<float> C(m * c_row), bias(c_row), y(m * c_row);
                    const auto fill = [&](std::vector<Pair>& pairs) {
                        for (std::size_t i = 0; i < pairs.size(); i += VectorF::lanes) {
                            float numbers[2 * VectorF::lanes];
                            for (float& x : numbers) x = normal(random);
                            Pair stored[VectorF::lanes];
                            store_pairs(VectorF::load(numbers),
                                        VectorF::load(numbers + VectorF::lanes), stored);
                            for (std::size_t j = i; j < pairs.size() && j < i + VectorF::lanes; ++j)
                                pairs[j] = stored[j - i];
                        }
                    };
                    fill(A), fill(B);
                    for (long s = k; s < all; ++s) {  // zeros behind k
                        for (long i = 0; i < m; ++i) A[i * a_row + s] = Pair{};
                        for (long j = 0; j < panels * width; ++j)
                            B[j / width * width * all + s * width + j % width] = Pair{};
                    }
                    for (float& x : C) x = normal(random);
                    for (float& x : bias) x = normal(random);
                    for (float& x : y) x = normal(random);
                    const std::vector<float> before = C;
                    Product<float, Pair> p{m,
                                           n,
                                           k,
                                           A.data(),
                                           a_row,
                                           1,
                                           B.data(),
                                           width,
                                           width * all,
                                           C.data(),
                                           c_row,
                                           width,
                                           static_cast<Start>(start),
                                           bias.data(),
                                           cases % 3 == 1,
                                           cases % 3 == 2 ? y.data() : nullptr,
                                           c_row};
                    product<float, Pair>(p);
                    const std::vector<float> whole = C;
                    for (const float& x : whole) {
                        std::uint32_t bits;
                        std::memcpy(&bits, &x, sizeof bits);
                        digest = digest * 0x100000001b3u ^ bits;
                    }
                    for (long i = 0; i < m; ++i)
                        for (long j = 0; j < n; ++j) {
                            const double from = start == 0   ? 0
                                                : start == 1 ? bias[j]
                                                             : before[i * c_row + j];
                            double sum = from, size = std::fabs(from);
                            for (long s = 0; s < k; ++s) {
                                const Pair a = A[i * a_row + s];
                                const Pair b = B[j / width * width * all + s * width + j % width];
                                sum += double(low(a)) * low(b) + double(high(a)) * high(b);
                                size += std::fabs(double(low(a)) * low(b)) +
                                        std::fabs(double(high(a)) * high(b));
                            }
                            if (p.rectify && sum < 0) sum = 0;
                            if (p.y && !(y[i * c_row + j] > 0)) sum = 0;
                            const double off = std::fabs(whole[i * c_row + j] - sum) / size;
                            worst = off > worst ? off : worst;
                        }
                    // A row alone is the row among the others.
                    C = before;
                    const long row = (cases * 7) % m;
                    p.m = 1, p.A += row * a_row, p.C += row * c_row;
                    if (p.y) p.y += row * c_row;
                    product<float, Pair>(p);
                    for (long j = 0; j < n; ++j)
                        unequal += C[row * c_row + j] != whole[row * c_row + j];
                    ++cases;
                }
    std::printf("%ld cases, worst %.3g, unequal %ld, digest %llx\n", cases, worst, unequal,
                static_cast<unsigned long long>(digest));
    return worst < 5e-7 && unequal == 0 ? 0 : 1;
}
