"""Backward passes as learners write them, and wrong lines typed in by hand, with their names."""

#: Loops over samples and units, with lists.
LOOPS = """
from math import exp
def sig(t): return 1 / (1 + exp(-t))
def gradient(p, X, Y):
    W1, b1, W2, b2 = (p[k].tolist() for k in ("W1", "b1", "W2", "b2"))
    I, H, O, N = len(W1[0]), len(W1), len(W2), len(X)
    gW1 = [[0.0] * I for _ in range(H)]
    gb1 = [0.0] * H
    gW2 = [[0.0] * H for _ in range(O)]
    gb2 = [0.0] * O
    for n in range(N):
        x, t = X[n], Y[n]
        h = [sig(sum(W1[j][i] * x[i] for i in range(I)) + b1[j]) for j in range(H)]
        o = [sig(sum(W2[k][j] * h[j] for j in range(H)) + b2[k]) for k in range(O)]
        dk = [(o[k] - t[k]) * o[k] * (1 - o[k]) for k in range(O)]
        dj = []
        for j in range(H):
            s = 0.0
            for k in range(O):
                s += W2[k][j] * dk[k]
            dj.append(s * h[j] * (1 - h[j]))
        for k in range(O):
            for j in range(H):
                gW2[k][j] += dk[k] * h[j]
            gb2[k] += dk[k]
        for j in range(H):
            for i in range(I):
                gW1[j][i] += dj[j] * x[i]
            gb1[j] += dj[j]
    g = {"W1": gW1, "b1": gb1, "W2": gW2, "b2": gb2}
    return {k: np.array(v) / N for k, v in g.items()}
"""
#: One sample a column, a loop over the layers, a global cache.
COLUMNS = """
def g(z): return 1.0 / (1.0 + np.exp(-z))
cache = {}
def forward(p, X):
    A = X.T
    for l in (1, 2, 3):
        cache["A%d" % (l - 1)] = A
        Z = np.dot(p["W%d" % l], A) + p["b%d" % l].reshape(-1, 1)
        A = np.tanh(Z) if l < 3 else g(Z)
        cache["Z%d" % l] = Z
    cache["A3"] = A
    return A
def gradient(p, X, Y):
    m = X.shape[0]
    AL = forward(p, X)
    grads = {}
    dZ = AL - Y.T
    for l in (3, 2, 1):
        A = cache["A%d" % (l - 1)]
        grads["W%d" % l] = np.dot(dZ, A.T) / m + 0.2 * p["W%d" % l]
        grads["b%d" % l] = np.sum(dZ, axis=1) / m
        if l > 1:
            dA = np.dot(p["W%d" % l].T, dZ)
            dZ = dA * (1 - np.power(A, 2))
    return grads
"""
#: Source × target, one sample at a time, relu and softmax.
SAMPLES = """
def softmax(z):
    e = np.exp(z - np.max(z))
    return e / e.sum()
def gradient(p, X, Y):
    W = [p["W1"].T, p["W2"].T]          # source x target
    b = [p["b1"], p["b2"]]
    dW = [np.zeros_like(w) for w in W]
    db = [np.zeros_like(v) for v in b]
    for x, y in zip(X, Y):
        zs, acts = [], [x]
        zs.append(acts[-1] @ W[0] + b[0]); acts.append(np.maximum(zs[-1], 0))
        zs.append(acts[-1] @ W[1] + b[1]); acts.append(softmax(zs[-1]))
        delta = acts[-1] - y
        db[1] += delta
        dW[1] += np.outer(acts[-2], delta)
        delta = (W[1] @ delta) * (zs[0] > 0)
        db[0] += delta
        dW[0] += np.outer(acts[0], delta)
    n = len(X)
    return {"W1": dW[0].T / n, "b1": db[0] / n, "W2": dW[1].T / n, "b2": db[1] / n}
"""

#: What is written for what, the mistake's id, and the layer ("" for every one).
IN_LOOPS = [
    ("                s += W2", "                s = W2", "last-unit-only", "2"),
    ("gW2[k][j] += ", "gW2[k][j] = ", "one-sample-only", "3"),
    ("(o[k] - t[k])", "(t[k] - o[k])", "sign-of-delta", "3"),
    ("(o[k] - t[k]) * o[k] * (1 - o[k])", "(o[k] - t[k])", "output-derivative-missing", "3"),
    ("dj.append(s * h[j] * (1 - h[j]))", "dj.append(s)", "derivative-missing", "2"),
    ("s * h[j] * (1 - h[j])", "s * sig(h[j]) * (1 - sig(h[j]))", "derivative-of-activation", "2"),
    ("s * h[j] * (1 - h[j])", "s * (1 - h[j] ** 2)", "derivative-of-another-function", "2"),
    ("np.array(v) / N", "np.array(v)", "mean-missing", "3"),
    ("np.array(v) / N", "np.array(v) / (N - 1)", "another-count", "3"),
    ("np.array(v) / N", 'np.array(v) / (N if k[0] == "W" else 1)', "mean-missing", ""),
    ("for n in range(N):", "for n in range(1, N):", "sample-left-out", "3"),
    ("for n in range(N):", "for n in range(N - 1):", "sample-left-out", "3"),
    ("gb1[j] += dj[j]", "gb1[j] = dj[j]", "bias-not-summed", "2"),
    ("            gb2[k] += dk[k]\n", "", "parameter-forgotten", "3"),
    ("dk = [(o[k]", "dk = [2 * (o[k]", "factor-two", "3"),
    (" + b1[j]) for j", ") for j", "bias-missing-in-forward", "2"),
    ("(o[k] - t[k]) * o[k]", "abs(o[k] - t[k]) * o[k]", "cost-for-derivative", "3"),
    ("(o[k] - t[k]) * o[k]", "(round(o[k]) - t[k]) * o[k]", "thresholded-output", "3"),
    ("(o[k] - t[k]) * o[k]", "(o[k] - t[k]) ** 2 * o[k]", "cost-for-derivative", "3"),
    ("(o[k] - t[k]) * o[k]", "0.5 * (o[k] - t[k]) ** 2 * o[k]", "cost-for-derivative", "3"),
    ("s * h[j] * (1 - h[j])", "s * h[j] * (1 + h[j])", "derivative-misremembered", "2"),
    ("s * h[j] * (1 - h[j])", "s * h[j] * (h[j] - 1)", "derivative-sign", "2"),
]
IN_COLUMNS = [
    ("np.power(A, 2)", 'np.power(cache["Z%d" % (l - 1)], 2)', "preactivation-in-derivative", ""),
    ("(1 - np.power(A, 2))", "(1 - A)", "derivative-misremembered", ""),
    ("(1 - np.power(A, 2))", "A * (1 - A)", "derivative-of-another-function", ""),
    ("dZ = dA * (1 - np.power(A, 2))", "dZ = dA", "derivative-missing", ""),
    ("dZ = AL - Y.T", "dZ = (AL - Y.T) / m", "mean-twice", "4"),
    ("dZ = AL - Y.T", "dZ = (AL - Y.T) * AL * (1 - AL)", "link-derivative-twice", "4"),
    ("dZ = AL - Y.T", "dZ = -(Y.T / AL - (1 - Y.T) / (1 - AL))", "output-derivative-missing", "4"),
    ("+ 0.2 * p", "+ 0.2 / m * p", "l2-over-batch", ""),
    (' + 0.2 * p["W%d" % l]', "", "l2-missing", ""),
    ("+ 0.2 * p", "+ 0.4 * p", "l2-factor-two", ""),
    ("np.sum(dZ, axis=1) / m", 'np.sum(dZ, axis=1) / m + 0.2 * p["b%d" % l]', "l2-on-biases", ""),
    ("+ 0.2 * p", "- 0.2 * p", "l2-sign", ""),
    ('+ 0.2 * p["W%d" % l]', '+ 0.1 * p["W%d" % l] ** 2', "l2-not-differentiated", ""),
    ('+ 0.2 * p["W%d" % l]', '+ 0.2 * np.sign(p["W%d" % l])', "l1-for-l2", ""),
    ("np.sum(dZ, axis=1) / m", "np.mean(dZ, axis=1) / m", "bias-averaged", ""),
    ("np.sum(dZ, axis=1) / m", "np.sum(dZ, axis=1)", "mean-missing", ""),
    ("np.sum(dZ, axis=1) / m", "np.sum(dZ) / m * np.ones(len(dZ))", "bias-summed-over-units", ""),
    ("np.sum(dZ, axis=1) / m", "dZ[:, 0] / m", "bias-not-summed", ""),
    ("np.sum(dZ, axis=1) / m", "np.sum(dZ, axis=0) / m", "bias-summed-over-units", ""),
    ('np.dot(p["W%d" % l].T, dZ)', 'np.dot(grads["W%d" % l].T, dZ)', "gradient-for-weights", ""),
    ("(1 - np.power(A, 2))", "(A > 0)", "derivative-of-another-function", ""),
    (
        'dA = np.dot(p["W%d" % l].T, dZ)',
        'dA = np.dot((p["W%d" % l] - 0.1 * grads["W%d" % l]).T, dZ)',
        "updated-weights-in-backward",
        "",
    ),
    ("else g(Z)", "else Z", "preactivation-in-cost", "4"),
    ("dZ = AL - Y.T", "dZ = Y.T - AL", "sign-of-delta", "4"),
    ("m = X.shape[0]", "m = X.shape[1]", "another-count", "4"),
    ("m = X.shape[0]", "m = X.size", "another-count", "4"),
    ("m = X.shape[0]", "m = Y.size", "sum-over-outputs-as-mean", "4"),
    ("    return grads", "    return {k: -v for k, v in grads.items()}", "gradient-negated", ""),
    (
        "    return grads",
        "    return {k: -0.01 * v for k, v in grads.items()}",
        "update-for-gradient",
        "",
    ),
    (
        "    return grads",
        "    return {k: p[k] - 0.01 * v for k, v in grads.items()}",
        "update-for-gradient",
        "",
    ),
]
IN_SAMPLES = [
    ("delta = acts[-1] - y\n", "delta = (acts[-1] - y) * y\n", "softmax-elementwise", "3"),
    ("delta = acts[-1] - y\n", "delta = -y / acts[-1]\n", "softmax-derivative-missing", "3"),
    (
        "delta = acts[-1] - y\n",
        "delta = -y / acts[-1] * acts[-1] * (1 - acts[-1])\n",
        "softmax-elementwise",
        "3",
    ),
    (
        "delta = acts[-1] - y\n",
        "delta = (acts[-1] - y) * acts[-1] * (1 - acts[-1])\n",
        "link-derivative-twice",
        "3",
    ),
    ("delta = acts[-1] - y\n", "delta = softmax(acts[-1]) - y\n", "softmax-twice", "3"),
    ("delta = acts[-1] - y\n", "delta = zs[-1] - y\n", "preactivation-in-cost", "3"),
    (
        "delta = (W[1] @ delta) * (zs[0] > 0)",
        "delta = np.maximum(W[1] @ delta, 0)",
        "derivative-of-arriving",
        "2",
    ),
    ("(W[1] @ delta) * (zs[0] > 0)", "(W[1] @ delta)", "derivative-missing", "2"),
    ("(zs[0] > 0)", "np.maximum(zs[0], 0)", "function-for-derivative", "2"),
    ("(zs[0] > 0)", "(zs[0] < 0)", "relu-mask-inverted", "2"),
    ("(zs[0] > 0)", "(W[1] @ delta > 0)", "derivative-of-arriving", "2"),
    ('"W1": dW[0].T / n', '"W1": dW[0].T', "mean-missing", "2"),
    ("dW[1] += np.outer", "dW[1] = np.outer", "one-sample-only", "3"),
    (
        "dW[1] += np.outer(acts[-2], delta)",
        "dW[1] += np.outer(zs[0], delta)",
        "preactivation-in-gradient",
        "3",
    ),
    ("acts[-1] - y\n", "y - acts[-1]\n", "sign-of-delta", "3"),
    (
        "delta = acts[-1] - y\n",
        "delta = (acts[-1] - y) / len(y)\n",
        "sum-over-outputs-as-mean",
        "3",
    ),
    ("delta = acts[-1] - y\n", "delta = acts[-1]\n", "target-missing", "3"),
]
