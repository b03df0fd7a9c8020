#!/usr/bin/python3
"""Golden parameters of Adamax, algorithm 2 of Kingma and Ba (2015, section 7.1) as it is written there, in double.

Eleven parameters start at 1 and see 40 gradients, exact in float32; one sees gradients of a hundredth, one a single large
one, one changes sign in every step. alpha 0.002 (the paper's), beta1 0.9, beta2 0.999. Kept: gradients [40 x 11] and the
parameters after steps 1, 2, 10 and 40. PyTorch's Adamax gives the same to 1e-6 (it adds 1e-8 to |g|).

Regenerate: /usr/bin/python3 tests/golden/adamax.py > tests/golden/adamax.json
"""
import json

import numpy as np

ALPHA, BETA1, BETA2, STEPS, SIZE = 0.002, 0.9, 0.999, 40, 11
g = np.random.default_rng(20261121).normal(size=(STEPS, SIZE))
g[:, 1] *= 1e-2
g[1:, 2] *= 1e-3
g[0, 2] = 50
g[:, 3] = np.abs(g[:, 3]) * (-1.0) ** np.arange(STEPS)
g = g.astype(np.float32).astype(float)

theta, m, u, after = np.ones(SIZE), np.zeros(SIZE), np.zeros(SIZE), {}
for t in range(1, STEPS + 1):
    m = BETA1 * m + (1 - BETA1) * g[t - 1]
    u = np.maximum(BETA2 * u, np.abs(g[t - 1]))
    theta = theta - ALPHA / (1 - BETA1 ** t) * m / u
    if t in (1, 2, 10, 40):
        after[str(t)] = theta.tolist()
print(json.dumps({"learning_rate": ALPHA, "gradients": g.tolist(), "after": after}, indent=None))
