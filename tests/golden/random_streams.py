#!/usr/bin/python3
"""Numbers of one random stream, from the definition of Philox4x32-10 (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", SC 2011), for tests/engine/base/random_test.cc."""

MASK = 0xFFFFFFFF


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def stream(seed, purpose, layer, sample, step, blocks):
    h = philox([sample & MASK, sample >> 32, step, purpose << 16 | layer], [seed & MASK, seed >> 32])
    return [x for i in range(blocks) for x in philox([i, 0, h[2], h[3]], [h[0], h[1]])]


print(stream(seed=42, purpose=5, layer=3, sample=7, step=11, blocks=2)[:6])
