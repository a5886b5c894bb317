// Written by tools/generate.py from the rows of clearprop/operations and clearprop/optimizers.
// Change the rows, then run it again.
// clang-format off
#pragma once

#include "../mathematics.hpp"

namespace clearprop::CP_ISA::generated {

struct identity_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return x;
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy;
    }
};
struct sigmoid_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return 1 / (1 + exp(-x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * (y * (1 - y));
    }
};
struct tanh_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return tanh(x);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * (1 - y * y);
    }
};
struct relu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return select(x <= 0, 0, x);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return select(y > 0, dy, 0);
    }
};
struct leaky_relu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        const double slope = setting[0];
        return select(x > 0, x, slope * x);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        const double slope = setting[0];
        return select(x > 0, dy, slope * dy);
    }
};
struct elu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        const double alpha = setting[0];
        return select(x > 0, x, alpha * expm1(x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        const double alpha = setting[0];
        return select(x > 0, dy, dy * (y + alpha));
    }
};
struct selu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return select(x > 0, 1.0507009873554805 * x, 1.7580993408473766 * expm1(x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return select(x > 0, 1.0507009873554805 * dy, dy * (y + 1.7580993408473766));
    }
};
struct gelu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return 0.5 * x * (1 + erf(0.7071067811865476 * x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * (0.5 * (1 + erf(0.7071067811865476 * x)) + x * 0.3989422804014327 * exp(-(0.7071067811865476 * x * (0.7071067811865476 * x))));
    }
};
struct silu_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return x / (1 + exp(-x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * (1 / (1 + exp(-x)) * (1 + x * (1 - 1 / (1 + exp(-x)))));
    }
};
struct mish_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * (tanh(fmax(x, 0) + log1p(exp(-fabs(x)))) + x / (1 + exp(-x)) * (1 - tanh(fmax(x, 0) + log1p(exp(-fabs(x)))) * tanh(fmax(x, 0) + log1p(exp(-fabs(x))))));
    }
};
struct softplus_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy / (1 + exp(-x));
    }
};
struct softsign_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return x / (1 + fabs(x));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy / ((1 + fabs(x)) * (1 + fabs(x)));
    }
};
struct exp_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] const double* setting) {
        return exp(x);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V dy, [[maybe_unused]] const double* setting) {
        return dy * y;
    }
};
struct squared_error_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return 0.5 * (x - t) * (x - t);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return x - t;
    }
};
struct absolute_error_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return fabs(x - t);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return select(x > t, 1, select(x < t, -1, x - t));
    }
};
struct huber_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        const double limit = setting[0];
        return select(fabs(x - t) <= limit, 0.5 * (x - t) * (x - t), limit * (fabs(x - t) - 0.5 * limit));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        const double limit = setting[0];
        return select(fabs(x - t) <= limit, x - t, select(x > t, limit, -limit));
    }
};
struct log_cosh_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return select(fabs(x - t) < 1, log1p(0.5 * expm1(fabs(x - t)) * expm1(fabs(x - t)) * exp(-fabs(x - t))), fabs(x - t) + log1p(exp(-2 * fabs(x - t))) - 0.6931471805599453);
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return tanh(x - t);
    }
};
struct quantile_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        const double quantile = setting[0];
        return select(t > x, quantile * (t - x), (1 - quantile) * (x - t));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        const double quantile = setting[0];
        return select(t > x, -quantile, select(x > t, 1 - quantile, x - t));
    }
};
struct poisson_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return exp(x) - t * x;
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return y - t;
    }
};
struct binary_cross_entropy_row {
    template <class V>
    CP_INLINE static V value([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return (1 - t) * fmax(x, 0) + t * fmax(-x, 0) + log1p(exp(-fabs(x)));
    }
    template <class V>
    CP_INLINE static V vjp([[maybe_unused]] V x, [[maybe_unused]] V y, [[maybe_unused]] V t, [[maybe_unused]] const double* setting) {
        return y - t;
    }
};
namespace optimizers {
struct sgd_row {
    static constexpr int slots = 0;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        w = w - rate * g;
    }
};
struct momentum_row {
    static constexpr int slots = 1;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double momentum = setting[1];
        V u = slot[0];
        u = momentum * u + g;
        w = w - rate * u;
        slot[0] = u;
    }
};
struct nesterov_row {
    static constexpr int slots = 1;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double momentum = setting[1];
        V u = slot[0];
        u = momentum * u + g;
        w = w - rate * (g + momentum * u);
        slot[0] = u;
    }
};
struct rmsprop_row {
    static constexpr int slots = 1;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double rho = setting[1];
        const double epsilon = setting[2];
        V v = slot[0];
        v = rho * v + (1 - rho) * g * g;
        w = w - rate * g / (sqrt(v) + epsilon);
        slot[0] = v;
    }
};
struct adam_row {
    static constexpr int slots = 2;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double beta1 = setting[1];
        const double beta2 = setting[2];
        const double epsilon = setting[3];
        const double correct1 = setting[4];
        const double correct2 = setting[5];
        V m = slot[0];
        V v = slot[1];
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        w = w - rate * (m * correct1) / (sqrt(v * correct2) + epsilon);
        slot[0] = m;
        slot[1] = v;
    }
};
struct adamw_row {
    static constexpr int slots = 2;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double beta1 = setting[1];
        const double beta2 = setting[2];
        const double epsilon = setting[3];
        const double correct1 = setting[5];
        const double correct2 = setting[6];
        V m = slot[0];
        V v = slot[1];
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        w = w - rate * decay * w - rate * (m * correct1) / (sqrt(v * correct2) + epsilon);
        slot[0] = m;
        slot[1] = v;
    }
};
struct rprop_row {
    static constexpr int slots = 2;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double grow = setting[1];
        const double shrink = setting[2];
        const double smallest = setting[3];
        const double largest = setting[4];
        V s = slot[0];
        V h = slot[1];
        s = select(s > 0, s, 1);
        s = select(g * h > 0, fmin(s * grow, largest), select(g * h < 0, fmax(s * shrink, smallest), s));
        h = select(g * h < 0, 0, select(g > 0, 1, select(g < 0, -1, g)));
        w = w - rate * s * h;
        slot[0] = s;
        slot[1] = h;
    }
};
struct lion_row {
    static constexpr int slots = 1;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double beta1 = setting[1];
        const double beta2 = setting[2];
        V m = slot[0];
        w = w - rate * decay * w - rate * select((beta1 * m + (1 - beta1) * g) > 0, 1, select((beta1 * m + (1 - beta1) * g) < 0, -1, (beta1 * m + (1 - beta1) * g)));
        m = beta2 * m + (1 - beta2) * g;
        slot[0] = m;
    }
};
struct schedule_free_row {
    static constexpr int slots = 2;
    template <class V>
    CP_INLINE static void step(V& w, V g, [[maybe_unused]] V* slot, double rate,
                               [[maybe_unused]] double decay,
                               [[maybe_unused]] const double* setting) {
        const double beta1 = setting[1];
        const double beta2 = setting[2];
        const double epsilon = setting[3];
        const double correct2 = setting[6];
        const double warm = setting[7];
        const double share = setting[8];
        const double rest = setting[9];
        V v = slot[0];
        V s = slot[1];
        v = beta2 * v + (1 - beta2) * g * g;
        s = rest * s - warm * rate * (g / (sqrt(v * correct2) + epsilon) + decay * w);
        w = w + beta1 * share * s - (1 - beta1) * warm * rate * (g / (sqrt(v * correct2) + epsilon) + decay * w);
        slot[0] = v;
        slot[1] = s;
    }
};
}  // namespace optimizers

inline constexpr const char* function_names[] = {"identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "exp"};
template <class Visit>
CP_INLINE void with_function(int number, Visit visit) {
    switch (number) {
        case 0: visit(generated::identity_row{}); break;
        case 1: visit(generated::sigmoid_row{}); break;
        case 2: visit(generated::tanh_row{}); break;
        case 3: visit(generated::relu_row{}); break;
        case 4: visit(generated::leaky_relu_row{}); break;
        case 5: visit(generated::elu_row{}); break;
        case 6: visit(generated::selu_row{}); break;
        case 7: visit(generated::gelu_row{}); break;
        case 8: visit(generated::silu_row{}); break;
        case 9: visit(generated::mish_row{}); break;
        case 10: visit(generated::softplus_row{}); break;
        case 11: visit(generated::softsign_row{}); break;
        case 12: visit(generated::exp_row{}); break;
        default: break;
    }
}
inline constexpr const char* cost_names[] = {"squared_error", "absolute_error", "huber", "log_cosh", "quantile", "poisson", "binary_cross_entropy"};
template <class Visit>
CP_INLINE void with_cost(int number, Visit visit) {
    switch (number) {
        case 0: visit(generated::squared_error_row{}); break;
        case 1: visit(generated::absolute_error_row{}); break;
        case 2: visit(generated::huber_row{}); break;
        case 3: visit(generated::log_cosh_row{}); break;
        case 4: visit(generated::quantile_row{}); break;
        case 5: visit(generated::poisson_row{}); break;
        case 6: visit(generated::binary_cross_entropy_row{}); break;
        default: break;
    }
}
inline constexpr const char* optimizer_names[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "rprop", "lion", "schedule_free"};
template <class Visit>
CP_INLINE void with_optimizer(int number, Visit visit) {
    switch (number) {
        case 0: visit(generated::optimizers::sgd_row{}); break;
        case 1: visit(generated::optimizers::momentum_row{}); break;
        case 2: visit(generated::optimizers::nesterov_row{}); break;
        case 3: visit(generated::optimizers::rmsprop_row{}); break;
        case 4: visit(generated::optimizers::adam_row{}); break;
        case 5: visit(generated::optimizers::adamw_row{}); break;
        case 6: visit(generated::optimizers::rprop_row{}); break;
        case 7: visit(generated::optimizers::lion_row{}); break;
        case 8: visit(generated::optimizers::schedule_free_row{}); break;
        default: break;
    }
}

}  // namespace clearprop::CP_ISA::generated
