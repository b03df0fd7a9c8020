#!/usr/bin/python3
"""Golden spikes, weights and thresholds of a competitive network that learns by pair-wise STDP, made with numpy alone.

The network of Diehl and Cook as BindsNET v0.3.3 configures it (excitatory E, inhibitory I, rule PostPre, one_spike off),
computed as that simulator does: clock-driven, float32, absolute millivolts, matrix products over all synapses in each
step, traces and thresholds multiplied by their decay in each step, every neuron's weights normalised after each learned
sample. 256 inputs (16 x 16 drawn images as Bernoulli trains), 100 E and 100 I neurons, 250 steps of 1 ms. In order:

  warm-up    300 learned samples, of which only the end is kept: W and theta "trained"
  inference  6 samples at W and theta "trained"; nothing changes
  learning   8 samples from W "trained" and theta uniform in [20, 60] mV ("learning_start") to W and theta "learned"

One step t, currents from the spikes of step t - 1 of every population:
  v = rest + (v - rest) exp(-1/tau); while learning theta = theta exp(-1/1e7); v += current where count <= 0; count -= 1;
  spike where v >= threshold (+ theta): v = reset, count = refractory, while learning theta += theta_plus;
  x = x exp(-1/20), x = 1 at a spike; while learning W -= nu0 s_pre x_post, W += nu1 x_pre s_post, W clamped to [0, 1].
State (v, count, x, the spikes of the last step) starts anew in every sample. Theta decays before spikes are looked for.

So that the order of float additions cannot decide a spike, the seed is one for which
  - no membrane comes within MARGIN of its threshold in any step of either phase, and
  - a second simulation gives the same spikes, in double, with membranes relative to rest, theta decayed once a sample
    (before it, or after it), traces as exp(-(t - t_last)/20), and only neurons that spiked normalised.
Both are asserted; margins and differences go to stderr. `generate.py --search N` tries N seeds and prints what they give.

The file: one line of JSON, then the arrays named in its "arrays" back to back, each of `count` little-endian values of
`type` (f4 or u2), the first right after the line's end.
  trained_weight, learned_weight  f4 [inputs x neurons], row by input
  trained_theta, learning_theta, learned_theta  f4 [neurons], mV
  inference_inputs_K, learning_inputs_K         u2 pairs (step, input) of sample K, ascending
  inference_spikes_K, learning_spikes_K         u2 pairs (step, neuron) of E, ascending

Regenerate: /usr/bin/python3 tests/golden/stdp/generate.py > tests/golden/stdp/parity.bin
"""
import json
import sys

import numpy as np

F = np.float32
SEED = 3
SIDE, NEURONS, STEPS = 16, 100, 250
INPUTS = SIDE * SIDE
WARM_UP, INFERENCE, LEARNING = 300, 6, 8
RATE = 0.128  # spikes per ms of a full pixel
MARGIN = 0.01  # mV, above what theta differs by when it decays once a sample
P = {
    "inputs": INPUTS, "neurons": NEURONS, "steps": STEPS, "dt": 1.0,
    "e": {"rest": -65.0, "reset": -60.0, "threshold": -52.0, "tau": 100.0, "refractory": 5},
    "i": {"rest": -60.0, "reset": -45.0, "threshold": -40.0, "tau": 10.0, "refractory": 2},
    "theta_plus": 0.05, "theta_tau": 1e7, "trace_tau": 20.0, "nu0": 1e-4, "nu1": 1e-2,
    "e_to_i": 22.5, "i_to_e": -120.0, "norm": 78.4, "one_spike": False,
}


# ---- Inputs ----------------------------------------------------------------------------------------------------------


def image(rng, kind):
    """Two strokes that the kind fixes, moved a little."""
    at = np.random.default_rng(1000 + kind).uniform(2, SIDE - 3, (3, 2)) + rng.normal(0, 0.5, (1, 2))
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    pixels = np.zeros((SIDE, SIDE))
    for a, b in zip(at, at[1:]):
        along = np.clip(((y - a[0]) * (b - a)[0] + (x - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum(), 0, 1)
        distance = np.hypot(y - a[0] - along * (b - a)[0], x - a[1] - along * (b - a)[1])
        pixels = np.maximum(pixels, np.clip(2.5 - distance, 0, 1))
    return np.round(255 * pixels.ravel()) / 255


def train(rng, kind):
    """Bernoulli spikes [steps x inputs]."""
    return rng.random((STEPS, INPUTS)) < RATE * image(rng, kind)


# ---- The network as the peer computes it -----------------------------------------------------------------------------


class Clock:
    """float32, absolute millivolts, everything in every step."""

    def __init__(self, weight, theta):
        self.weight, self.theta = weight.astype(F), theta.astype(F)
        self.to_i = (F(P["e_to_i"]) * np.eye(NEURONS)).astype(F)
        self.to_e = (F(P["i_to_e"]) * (1 - np.eye(NEURONS))).astype(F)
        self.margin, self.clamped = np.inf, [0, 0]

    def membrane(self, of, v, count, current, threshold):
        decay = F(np.exp(F(-1 / of["tau"])))
        v = decay * (v - F(of["rest"])) + F(of["rest"])
        v = v + (count <= 0).astype(F) * current
        count = count - 1
        self.margin = min(self.margin, np.abs(v - threshold).min())
        spikes = v >= threshold
        count = np.where(spikes, of["refractory"], count)
        return np.where(spikes, F(of["reset"]), v).astype(F), count, spikes

    def sample(self, inputs, learning):
        e, i = P["e"], P["i"]
        v_e, v_i = np.full(NEURONS, e["rest"], F), np.full(NEURONS, i["rest"], F)
        count_e, count_i = np.zeros(NEURONS, int), np.zeros(NEURONS, int)
        s_x, s_e, s_i = np.zeros(INPUTS, F), np.zeros(NEURONS, F), np.zeros(NEURONS, F)
        x_pre, x_post = np.zeros(INPUTS, F), np.zeros(NEURONS, F)
        trace_decay, theta_decay = F(np.exp(F(-1 / P["trace_tau"]))), F(np.exp(F(-1 / P["theta_tau"])))
        out = np.zeros((STEPS, NEURONS), bool)
        for t in range(STEPS):
            into_e = s_x @ self.weight + s_i @ self.to_e
            into_i = s_e @ self.to_i
            if learning:
                self.theta = self.theta * theta_decay
            v_e, count_e, fired = self.membrane(e, v_e, count_e, into_e, F(e["threshold"]) + self.theta)
            v_i, count_i, fired_i = self.membrane(i, v_i, count_i, into_i, np.full(NEURONS, i["threshold"], F))
            s_x, s_e, s_i = inputs[t].astype(F), fired.astype(F), fired_i.astype(F)
            out[t] = fired
            if learning:
                self.theta = self.theta + F(P["theta_plus"]) * s_e
                x_pre = np.where(inputs[t], F(1), x_pre * trace_decay)
                x_post = np.where(fired, F(1), x_post * trace_decay)
                self.weight = self.weight - F(P["nu0"]) * np.outer(s_x, x_post)
                self.weight = self.weight + F(P["nu1"]) * np.outer(x_pre, s_e)
                self.clamped[0] += int((self.weight < 0).sum())
                self.clamped[1] += int((self.weight > 1).sum())
                self.weight = np.clip(self.weight, F(0), F(1))
        if learning:
            self.weight = self.weight * (F(P["norm"]) / self.weight.sum(0, dtype=F))
        assert self.weight.dtype == F and self.theta.dtype == F and v_e.dtype == F and x_pre.dtype == F
        return out


# ---- The same network, otherwise computed ----------------------------------------------------------------------------


class Closed:
    """Double, relative to rest, closed-form traces, theta decayed once a sample: must give the same spikes."""

    def __init__(self, weight, theta, decay_first):
        self.weight, self.theta, self.decay_first = weight.astype(float), theta.astype(float), decay_first

    def sample(self, inputs, learning):
        v, u = np.zeros(NEURONS), np.zeros(NEURONS)
        free_e, free_i = np.zeros(NEURONS, int), np.zeros(NEURONS, int)  # first step that takes input again
        last_in, last_out = np.full(INPUTS, -1e9), np.full(NEURONS, -1e9)
        out = np.zeros((STEPS, NEURONS), bool)
        before_x, before_e, before_i = [], [], []
        whole = np.exp(-STEPS / P["theta_tau"])
        if learning and self.decay_first:
            self.theta *= whole
        trace = lambda t, last: np.exp(-(t - last) / P["trace_tau"])
        for t in range(STEPS):
            current = self.weight[before_x].sum(0)
            current += P["i_to_e"] * len(before_i)
            current[before_i] -= P["i_to_e"]
            v *= np.exp(-1 / P["e"]["tau"])
            v[free_e <= t] += current[free_e <= t]
            fired = np.flatnonzero(v >= P["e"]["threshold"] - P["e"]["rest"] + self.theta)
            v[fired] = P["e"]["reset"] - P["e"]["rest"]
            # The count is `refractory` after the spike's step and falls before input is looked at again.
            free_e[fired] = t + 1 + P["e"]["refractory"]
            u *= np.exp(-1 / P["i"]["tau"])
            for k in before_e:
                if free_i[k] <= t:
                    u[k] += P["e_to_i"]
            fired_i = np.flatnonzero(u >= P["i"]["threshold"] - P["i"]["rest"])
            u[fired_i] = P["i"]["reset"] - P["i"]["rest"]
            free_i[fired_i] = t + 1 + P["i"]["refractory"]
            before_x, before_e, before_i = np.flatnonzero(inputs[t]), fired, fired_i
            out[t, fired] = True
            if learning:
                self.theta[fired] += P["theta_plus"]
                last_in[before_x], last_out[fired] = t, t
                self.weight[before_x] -= P["nu0"] * trace(t, last_out)
                self.weight[:, fired] += P["nu1"] * trace(t, last_in)[:, None]
                np.clip(self.weight, 0, 1, out=self.weight)
        if learning:
            spiked = out.any(0)
            self.weight[:, spiked] *= P["norm"] / self.weight[:, spiked].sum(0)
            if not self.decay_first:
                self.theta *= whole
        return out


# ---- The golden run --------------------------------------------------------------------------------------------------


def run(seed):
    """(arrays, facts) or (None, why the seed will not do)."""
    rng = np.random.default_rng(seed)
    kinds = np.concatenate([rng.permutation(10) for _ in range(WARM_UP // 10 + 2)])
    net = Clock(0.3 * rng.random((INPUTS, NEURONS)), rng.uniform(20, 60, NEURONS))
    for n in range(WARM_UP):
        net.sample(train(rng, kinds[n]), True)
    arrays = {"trained_weight": net.weight, "trained_theta": net.theta}
    trained, theta = net.weight, rng.uniform(20, 60, NEURONS).astype(F)
    arrays["learning_theta"] = theta
    facts, counts = {}, {}
    for phase, samples, start in [("inference", INFERENCE, net.theta), ("learning", LEARNING, theta)]:
        clock = Clock(trained, start)
        shadows = [Closed(trained, start, first) for first in (False, True)]
        counts[phase] = []
        for k in range(samples):
            inputs = train(rng, kinds[WARM_UP + k])
            out = clock.sample(inputs, phase == "learning")
            for shadow in shadows:
                if (shadow.sample(inputs, phase == "learning") != out).any():
                    return None, f"{phase} sample {k} depends on how it is computed (margin {clock.margin:.1e} mV)"
            arrays[f"{phase}_inputs_{k}"], arrays[f"{phase}_spikes_{k}"] = np.argwhere(inputs), np.argwhere(out)
            counts[phase].append(int(out.sum()))
        facts[phase + "_margin_mv"] = float(clock.margin)
    arrays["learned_weight"], arrays["learned_theta"] = clock.weight, clock.theta
    facts["output_spikes"] = counts
    facts["max_abs_dw"] = [float(np.abs(s.weight - clock.weight).max()) for s in shadows]
    facts["max_abs_dtheta_mv"] = [float(np.abs(s.theta - clock.theta).max()) for s in shadows]
    facts["clamped"] = clock.clamped
    facts["changed"] = float((np.abs(clock.weight - trained) > 1e-4).mean())
    if min(facts["inference_margin_mv"], facts["learning_margin_mv"]) < MARGIN:
        return None, f"near ties: {facts}"
    return arrays, facts


def main():
    if sys.argv[1:2] == ["--search"]:
        for seed in range(int(sys.argv[2])):
            arrays, facts = run(seed)
            print(seed, "no:" if arrays is None else "yes:", facts, flush=True)
        return
    arrays, facts = run(SEED)
    assert arrays is not None, facts
    assert all(1 <= n <= 60 for phase in facts["output_spikes"].values() for n in phase)
    print(json.dumps(facts), file=sys.stderr)
    data = {name: a.astype("<f4" if a.dtype == F else "<u2").ravel() for name, a in arrays.items()}
    header = dict(P, seed=SEED, samples={"inference": INFERENCE, "learning": LEARNING},
                  arrays=[{"name": n, "type": a.dtype.str[1:], "count": a.size} for n, a in data.items()])
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + b"".join(a.tobytes() for a in data.values()))


main()
