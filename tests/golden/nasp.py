#!/usr/bin/python3
"""Golden scores and powers of a small scaled network, made with numpy alone (none of Torpor's code).

A 6-5-3 network (ReLU, sigmoid) with weights in 64ths and inputs in 16ths, so that every number is exact in float32 and
in decimal. One hidden unit never fires. For each mode: scores (pre-activations of the last layer), synaptic power of
each sample (Merkel, eq. 3), NASP with the inputs that each layer really sees, and nominal NASP (hidden inputs of the
full-power network). All in double.

Regenerate: /usr/bin/python3 tests/golden/nasp.py > tests/golden/nasp.json
"""
import json
import math

import numpy as np

rng = np.random.default_rng(20240607)
W1 = rng.integers(-96, 97, (5, 6)) / 64
b1 = rng.integers(-32, 33, 5) / 64
b1[3] = -12.0  # never fires
W2 = rng.integers(-96, 97, (3, 5)) / 64
b2 = rng.integers(-64, 65, 3) / 64
X = rng.integers(0, 17, (24, 6)) / 16
X[rng.random(X.shape) < 0.3] = 0


def relu(s):
    return np.maximum(s, 0)


def power(u, w, b):
    return (u * u) @ np.abs(w).sum(0) + np.abs(b).sum()


S1 = X @ W1.T + b1
H = relu(S1)
S2 = H @ W2.T + b2
assert (S1[:, 3] <= 0).all()


def table_relu(s):
    mu, sigma = s.mean(), s.std()
    if (s <= 0).all():
        return 0.0
    a = mu / sigma
    return mu + sigma * math.exp(-a * a / 2) / math.sqrt(2 * math.pi) / (math.erfc(-a / math.sqrt(2)) / 2)


def table_sigmoid(s):
    return 1.05**2 / (s.var() + 1.05**2) * s.mean()


m1 = np.array([table_relu(S1[:, i]) for i in range(5)])
m2 = np.array([table_sigmoid(S2[:, i]) for i in range(3)])
full = power(X, W1, b1) + power(H, W2, b2)

modes = []
for e1, e2 in [(1, 1), (0.5, 0.5), (0.2, 0.2), (0.1, 0.1), (0.05, 0.05), (0.3, 0.8)]:
    for bias in ["NONE", "TABLE", "HOMOGENEOUS"]:
        c1, c2 = {
            "NONE": (b1, b2),
            "TABLE": (e1 * b1 + (1 - e1) * m1, e2 * b2 + (1 - e2) * m2),
            "HOMOGENEOUS": (e1 * b1, e1 * e2 * b2),
        }[bias]
        h = relu(e1 * X @ W1.T + c1)
        scores = e2 * h @ W2.T + c2
        real = power(X, e1 * W1, c1) + power(h, e2 * W2, c2)
        nominal = power(X, e1 * W1, c1) + power(H, e2 * W2, c2)
        modes.append({"epsilon": [e1, e2], "bias": bias, "scores": scores.tolist(), "power": real.tolist(),
                      "nasp": real.sum() / full.sum(), "nasp_nominal": nominal.sum() / full.sum()})

print(json.dumps({"W1": W1.tolist(), "b1": b1.tolist(), "W2": W2.tolist(), "b2": b2.tolist(), "inputs": X.tolist(),
                  "full_power": full.mean(), "pooled_stddev": [S1.std(), S2.std()], "modes": modes}, indent=0))
