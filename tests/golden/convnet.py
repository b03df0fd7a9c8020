#!/usr/bin/python3
"""Golden scores and powers of a small convolutional network, by brute force over places (none of Torpor's code).

Input 2 x 6 x 5; convolution of 3 channels, kernel 3 x 2, stride 2 x 1, padding 1 x 1, ReLU; largest of 2 x 2 with stride
1; dense 3 (sigmoid). Weights in 64ths and inputs in 16ths: exact in float32. Every use of a weight draws u^2 |w| and
every use of a bias |b| (Merkel, eq. 3), at each place of a convolution anew. For each mode: scores, synaptic power of
each sample, NASP with the inputs that each layer really sees, and nominal NASP (inputs of the full-power network). All
in double. Also the draw of each input of the convolution, sum of |w| over the uses of it.

Regenerate: /usr/bin/python3 tests/golden/convnet.py > tests/golden/convnet.json
"""
import json

import numpy as np

rng = np.random.default_rng(20261121)
C, H, W, N, KH, KW, SH, SW, PH, PW = 2, 6, 5, 3, 3, 2, 2, 1, 1, 1
W1 = rng.integers(-96, 97, (N, C, KH, KW)) / 64
b1 = rng.integers(-32, 33, N) / 64
OH, OW = (H + 2 * PH - KH) // SH + 1, (W + 2 * PW - KW) // SW + 1
QH, QW = OH - 1, OW - 1
W2 = rng.integers(-96, 97, (3, N * QH * QW)) / 64
b2 = rng.integers(-64, 65, 3) / 64
X = rng.integers(0, 17, (12, C, H, W)) / 16
X[rng.random(X.shape) < 0.3] = 0


def uses():
    """Every use of a weight that sees an input and not the padding."""
    for n in range(N):
        for y in range(OH):
            for x in range(OW):
                for c in range(C):
                    for i in range(KH):
                        for j in range(KW):
                            row, column = y * SH + i - PH, x * SW + j - PW
                            if 0 <= row < H and 0 <= column < W:
                                yield n, y, x, c, i, j, row, column


def conv(u, w, b):
    s = np.zeros((N, OH, OW)) + b[:, None, None]
    power = np.abs(b).sum() * OH * OW
    for n, y, x, c, i, j, row, column in uses():
        s[n, y, x] += w[n, c, i, j] * u[c, row, column]
        power += abs(w[n, c, i, j]) * u[c, row, column] ** 2
    return s, power


def pool(u):
    return np.array([[[u[n, y:y + 2, x:x + 2].max() for x in range(QW)] for y in range(QH)] for n in range(N)])


def dense(u, w, b):
    return w @ u + b, (np.abs(w) @ (u * u)).sum() + np.abs(b).sum()


draw = np.zeros((C, H, W))
for n, y, x, c, i, j, row, column in uses():
    draw[c, row, column] += abs(W1[n, c, i, j])

full_hidden, full = [], []
for u in X:
    s, p1 = conv(u, W1, b1)
    h = pool(np.maximum(s, 0)).ravel()
    full_hidden.append(h)
    full.append(p1 + dense(h, W2, b2)[1])

modes = []
for e1, e2 in [(1, 1), (0.5, 0.5), (0.2, 0.2), (0.1, 0.1), (0.3, 0.8)]:
    for bias in ["NONE", "HOMOGENEOUS"]:
        c1, c2 = (b1, b2) if bias == "NONE" else (e1 * b1, e1 * e2 * b2)
        scores, power, nominal = [], [], []
        for u, h_full in zip(X, full_hidden):
            s, p1 = conv(u, e1 * W1, c1)
            score, p2 = dense(pool(np.maximum(s, 0)).ravel(), e2 * W2, c2)
            scores.append(score.tolist())
            power.append(p1 + p2)
            nominal.append(p1 + dense(h_full, e2 * W2, c2)[1])
        modes.append({"epsilon": [e1, e2], "bias": bias, "scores": scores, "power": power,
                      "nasp": sum(power) / sum(full), "nasp_nominal": sum(nominal) / sum(full)})

print(json.dumps({"W1": W1.ravel().tolist(), "b1": b1.tolist(), "W2": W2.ravel().tolist(), "b2": b2.tolist(),
                  "inputs": X.ravel().tolist(), "draw": draw.ravel().tolist(), "full_power": sum(full) / len(full),
                  "modes": modes}, indent=0))
