#!/usr/bin/python3
"""Golden values for the bias that a scaled neuron needs, made without Torpor's code and without its method.

Minimises E[(f(eps (s - b) + b + db) - f(s))^2] over db by repeated grid search on the error itself (no derivative). The
expectation is a sum over 400 panels of numpy's Gauss-Legendre rule, a panel ending wherever a ReLU has its kink, or over
the samples. Also eq. 11 of Merkel's paper as the same sums.

Regenerate: /usr/bin/python3 tests/golden/neuron_bias.py > tests/golden/neuron_bias.csv
"""
import numpy as np

SAMPLES = [round(float(np.sin(12.9 * i) * 3 - 0.4), 6) for i in range(1, 41)]
EPSILONS = [0.05, 0.3, 0.7, 1.2, 3]
CASES = [
    ("normal", -0.1, 0.25, 0.7),
    ("normal", 1.5, 2.0, -0.3),
    ("normal", -4.0, 1.5, 0.2),
    ("uniform", -1.0, 2.0, 0.1),
    ("uniform", 3.0, 9.0, 0.0),
    ("samples", 0, 0, 0.25),
]


NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


def points(kind, first, second, kinks):
    if kind == "samples":
        s = np.array(SAMPLES)
        return s, np.full(s.size, 1 / s.size)
    low, high = (first - 12 * second, first + 12 * second) if kind == "normal" else (first, second)
    ends = np.unique(np.concatenate([np.linspace(low, high, 401), [k for k in kinks if low < k < high]]))
    half = np.diff(ends)[:, None] / 2
    s = (ends[:-1, None] + half + half * NODES).ravel()
    weight = (half * WEIGHTS).ravel()
    if kind == "normal":
        weight = weight * np.exp(-(((s - first) / second) ** 2) / 2)
    return s, weight / weight.sum()


def relu(s):
    return np.maximum(s, 0)


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


FUNCTIONS = {
    "relu": (relu, lambda s: (s > 0).astype(float)),
    "sigmoid": (sigmoid, lambda s: sigmoid(s) * (1 - sigmoid(s))),
    "tanh": (np.tanh, lambda s: 1 - np.tanh(s) ** 2),
}


def optimum(f, case, eps):
    kind, first, second, b = case

    def error(db):
        s, p = points(kind, first, second, [0, -((1 - eps) * b + db) / eps])
        return float((p * (f(eps * (s - b) + b + db) - f(s)) ** 2).sum())

    s, _ = points(kind, first, second, [])
    ends = (1 - eps) * (np.array([s.min(), s.max()]) - b)
    low, high = ends.min(), ends.max()
    count = 401
    while True:
        grid = np.linspace(low, high, count)
        errors = [error(db) for db in grid]
        best = int(np.argmin(errors))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
        count = 11
        if high - low < 1e-8:
            return grid[best], errors[best], error(0)


print("distribution,first,second,bias,activation,epsilon,change,error,unchanged_error,tangent")
for case in CASES:
    kind, first, second, b = case
    s, p = points(kind, first, second, [0])
    for name, (f, slope) in FUNCTIONS.items():
        weight = p * slope(s) ** 2
        m = float((weight * s).sum() / weight.sum())
        for eps in EPSILONS:
            db, error, unchanged = optimum(f, case, eps)
            print(f"{kind},{first},{second},{b},{name},{eps},{db:.9f},{error:.12g},{unchanged:.12g},{(1 - eps) * (m - b):.9f}")
