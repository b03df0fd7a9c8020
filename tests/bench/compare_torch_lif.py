#!/usr/bin/python3
"""Compares networks of leaky neurons with PyTorch on this machine, one thread each, in one run.

The same networks as lif_bench: 784 - H - 10 over 25 steps, latency code, membranes integrated over time, cross-entropy,
Adam, batches of 128; and the pattern task 700 - 400 - 250 over 250 steps with van Rossum's distance and the reset's
gradient. Spikes are encoded beforehand and the read-out's filter is summed before its weights. Three ways, all without
leaving PyTorch's own operators:

  autograd  one dense product over all steps, then elementwise operations step by step, the surrogate's gradient as an
            autograd.Function: what is usually written. The bars refer to it.
  adjoint   the same product; traces filtered over all steps by a product with the filter's matrix or in place, the
            reset alone step by step, and the adjoint scan written out as one autograd.Function for the layer; loops
            plain or compiled by TorchScript. The fastest of these.
  lookup    as `adjoint`, with PyTorch's sparse product or its embedding bags for the input product: sums of rows of the
            weights, which is what an event-driven simulator does. The fastest of these.

`--check` proves that these are the same networks: losses and gradients of golden cases, in double.

lif_bench prints a row after each measurement. It is stopped after each row that is compared, PyTorch is timed, and it
goes on: measurements alternate within seconds, and other load hurts both alike. Times are the processes' own. Median of
the rounds' ratios.

  /usr/bin/python3 tests/bench/compare_torch_lif.py build/release/bin/lif_bench [--rounds 3] [--seconds 0.5]

Needs Debian's python3-torch. Prints a table, or one JSON object with -o json.
"""
import argparse
import itertools
import json
import math
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import torch

ALPHA, BETA, GAMMA, THRESHOLD, SLOPE = 0.7, 0.9, 0.9, 1.0, 5.0
STEPS, BATCH = 25, 128
# Rows of lif_bench, and what is asked of them (issue of the family lif).
ROWS = {"latency H200 T25 training": 6, "latency H200 T25 inference": 10, "latency H1000 T25 training": 6,
        "latency H1000 T25 inference": 10, "pattern 700-400-250 T250": 12}


# ---- One layer -------------------------------------------------------------------------------------------------------


def reset_scan(p, s, gamma: float, delta: float, threshold: float, delayed: bool):
    """P [steps x n] becomes U in place; s receives the spikes."""
    r = torch.zeros_like(p[0])
    for n in range(p.shape[0]):
        u = p[n]
        u.sub_(r)
        torch.gt(u, threshold, out=s[n])
        if delayed:
            r.mul_(gamma).add_(s[n], alpha=delta)
        else:
            r.add_(s[n], alpha=delta).mul_(gamma)


def reset_adjoint(g, slope, gamma: float, delta: float, delayed: bool):
    """dL/dS [steps x n] becomes dL/dU in place; `slope` is the surrogate's."""
    r = torch.zeros_like(g[0])
    for k in range(g.shape[0]):
        n = g.shape[0] - 1 - k
        g[n].add_(r).mul_(slope[n])
        if delayed:
            r.mul_(gamma).sub_(g[n], alpha=delta)
        else:
            r.sub_(g[n], alpha=delta).mul_(gamma)


def filter_scan(h, alpha: float, beta: float):
    for n in range(1, h.shape[0]):
        h[n].add_(h[n - 1], alpha=alpha)
    for n in range(1, h.shape[0]):
        h[n].add_(h[n - 1], alpha=beta)


def filter_adjoint(h, alpha: float, beta: float):
    for k in range(1, h.shape[0]):
        h[h.shape[0] - 1 - k].add_(h[h.shape[0] - k], alpha=beta)
    for k in range(1, h.shape[0]):
        h[h.shape[0] - 1 - k].add_(h[h.shape[0] - k], alpha=alpha)


PLAIN = {f.__name__: f for f in (reset_scan, reset_adjoint, filter_scan, filter_adjoint)}
SCRIPTED = {name: torch.jit.script(f) for name, f in PLAIN.items()}


def decays(decay, steps, dtype):
    """Lower triangle of decay^(n - m)."""
    n = torch.arange(steps, dtype=dtype)
    apart = n[:, None] - n[None, :]
    return (torch.tensor(float(decay), dtype=dtype) ** apart.clamp(min=0)).tril()


class Layer:
    """Constants of a layer and the way it is computed; without loops by autograd."""

    def __init__(self, steps, alpha, beta, gamma, delta, threshold, slope, delayed=False, reset_gradient=False,
                 by_product=True, loops=SCRIPTED, dtype=torch.float32):
        self.alpha, self.beta, self.gamma, self.delta, self.threshold = alpha, beta, gamma, delta, threshold
        self.slope, self.delayed, self.reset_gradient, self.by_product, self.loops = \
            slope, delayed, reset_gradient, by_product, loops
        self.kernel = decays(beta, steps, dtype) @ decays(alpha, steps, dtype)
        if delayed:  # two steps later: one through Q, one through P
            late = torch.zeros_like(self.kernel)
            late[2:] = self.kernel[:-2]
            self.kernel = late

    def spikes(self, h, learning=True):
        """Weighted inputs [steps x n] to spikes."""
        return spikes_by_autograd(h, self) if self.loops is None else Spikes.apply(h, self, learning)

    def filter(self, h):
        """[steps x n] of weighted inputs to P, may use h's memory."""
        if self.by_product:
            return self.kernel @ h
        if not self.delayed:
            self.loops["filter_scan"](h, self.alpha, self.beta)
            return h
        p = torch.zeros_like(h)
        p[2:] = h[:-2]
        self.loops["filter_scan"](p[2:], self.alpha, self.beta)
        return p

    def filter_back(self, g):
        if self.by_product:
            return self.kernel.t() @ g
        if not self.delayed:
            self.loops["filter_adjoint"](g, self.alpha, self.beta)
            return g
        h = torch.zeros_like(g)
        h[:-2] = g[2:]
        self.loops["filter_adjoint"](h[:-2], self.alpha, self.beta)
        return h


class SuperSpike(torch.autograd.Function):
    """The step of x = U - threshold."""

    @staticmethod
    def forward(ctx, x, slope):
        ctx.slope = slope
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        return g / (1 + ctx.slope * ctx.saved_tensors[0].abs()) ** 2, None


def spikes_by_autograd(h, layer):
    p = q = r = torch.zeros_like(h[0])
    spikes = []
    for drive in h.unbind(0):
        if not layer.delayed:
            q = torch.add(drive, q, alpha=layer.alpha)
            p = torch.add(q, p, alpha=layer.beta)
        s = SuperSpike.apply(p - r - layer.threshold, layer.slope)
        of_reset = s if layer.reset_gradient else s.detach()
        if layer.delayed:
            r = torch.add(layer.delta * of_reset, r, alpha=layer.gamma)
            p = torch.add(q, p, alpha=layer.beta)
            q = torch.add(drive, q, alpha=layer.alpha)
        else:
            r = layer.gamma * torch.add(r, of_reset, alpha=layer.delta)
        spikes.append(s)
    return torch.stack(spikes)


class Spikes(torch.autograd.Function):
    """Weighted inputs [steps x n] to spikes."""

    @staticmethod
    def forward(ctx, h, layer, learning):
        u = layer.filter(h.detach())
        s = torch.empty_like(u)
        layer.loops["reset_scan"](u, s, layer.gamma, layer.delta, layer.threshold, layer.delayed)
        if learning:
            ctx.layer = layer
            ctx.save_for_backward(u)
        return s

    @staticmethod
    def backward(ctx, g):
        layer, (u,) = ctx.layer, ctx.saved_tensors
        slope = u.sub(layer.threshold).abs_().mul_(layer.slope).add_(1).pow_(-2)
        if layer.reset_gradient:
            g = g.clone()
            layer.loops["reset_adjoint"](g, slope, layer.gamma, layer.delta, layer.delayed)
        else:
            g = slope.mul_(g)
        return layer.filter_back(g), None, None


# ---- The networks ----------------------------------------------------------------------------------------------------


class Product:
    """One product of a dense matrix [steps batch x inputs]."""

    def __init__(self, spikes):
        self.x = spikes

    def __call__(self, w):
        return self.x @ w


class Sparse:
    def __init__(self, spikes):
        self.x = spikes.to_sparse().coalesce()

    def __call__(self, w):
        return torch.sparse.mm(self.x, w)


class Bags:
    def __init__(self, spikes):
        at = spikes.nonzero()
        self.inputs = at[:, 1].contiguous()
        counts = torch.bincount(at[:, 0], minlength=spikes.shape[0])
        self.begin = torch.cumsum(counts, 0) - counts

    def __call__(self, w):
        return torch.nn.functional.embedding_bag(self.inputs, w, self.begin, mode="sum")


class Images:
    """784 - hidden - 10: weights [inputs x outputs], spikes of a batch [steps x batch x inputs]."""

    def __init__(self, hidden, spikes, labels, product, layer, weights=None):
        self.layer, self.labels = layer, labels
        self.steps, self.batch, inputs = spikes.shape
        self.product = product(spikes.reshape(-1, inputs))
        self.w1, self.w2 = weights or (torch.empty(inputs, hidden).uniform_(-1, 1).mul_(math.sqrt(3 / 100)),
                                       torch.empty(hidden, 10).uniform_(-1, 1).mul_(math.sqrt(3 / hidden)))
        for w in (self.w1, self.w2):
            w.requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.w1, self.w2], lr=2e-3)
        # The time mean of an integrating membrane as the weight of each step's spikes.
        self.mean = layer.kernel.mean(0)

    def scores(self, learning):
        h = self.product(self.w1).reshape(self.steps, -1)
        s = self.layer.spikes(h, learning)
        return (self.mean @ s).reshape(self.batch, -1) @ self.w2

    def loss(self):
        return torch.nn.functional.cross_entropy(self.scores(True), self.labels)

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()
        self.optimizer.step()

    def infer(self):
        with torch.inference_mode():
            return self.scores(False)


class Pattern:
    """inputs - hidden - outputs, one sample: spikes [steps x inputs], target [steps x outputs]."""

    def __init__(self, spikes, target, product, layers, weights=None, hidden=400):
        self.product, self.target, self.layers = product(spikes), target, layers
        inputs, outputs = spikes.shape[1], target.shape[1]
        self.w1, self.w2 = weights or (
            torch.empty(inputs, hidden).uniform_(-1, 1).mul_(0.6 * math.sqrt(3 / inputs)),
            torch.empty(hidden, outputs).uniform_(-1, 1).mul_(0.3 * math.sqrt(3 / hidden)))
        for w in (self.w1, self.w2):
            w.requires_grad_(True)
        self.optimizer = torch.optim.Adam([self.w1, self.w2], lr=3e-4)
        self.rossum = decays(0.75, spikes.shape[0], spikes.dtype)

    def loss(self):
        s = self.layers[0].spikes(self.product(self.w1))
        s = self.layers[1].spikes(s @ self.w2)
        f = self.rossum @ (s - self.target)
        return ((f * f).sum() / 5e-3).sqrt()

    train = Images.train


# ---- Proof -----------------------------------------------------------------------------------------------------------


def rows_of(words):
    return torch.tensor([[float(c) for c in word] for word in words], dtype=torch.float64)


def golden_layer(of, case, by_product, loops):
    return Layer(case["steps"], of["alpha"], of["beta"], of["gamma"], of["delta"], of["threshold"], case["slope"],
                 case["order"] == "DELAYED", case["reset_gradient"], by_product, loops, torch.float64)


def check():
    """Golden cases of two layers that these classes can express; the largest difference."""
    path = pathlib.Path(__file__).parent.parent / "golden/lif/gradients.json"
    worst, cases = 0.0, 0
    for case in json.loads(path.read_text())["cases"]:
        if not case["name"].startswith(("integrating", "van rossum ")):
            continue
        for by_product in (True, False):
            for loops in (None, PLAIN, SCRIPTED):
                for product in (Product, Sparse, Bags):
                    cases += 1
                    difference = golden_difference(case, by_product, loops, product)
                    assert difference < 1e-10, (case["name"], by_product, product.__name__, difference)
                    worst = max(worst, difference)
    assert cases >= 18 * 6
    return worst


def golden_difference(case, by_product, loops, product):
    layers = [golden_layer(of, case, by_product, loops) for of in case["layers"]]
    weights = lambda: tuple(torch.tensor(of["weights"], dtype=torch.float64).t().contiguous() for of in case["layers"])
    wanted = [torch.tensor(of["gradient"], dtype=torch.float64).t() for of in case["layers"]]
    spikes = torch.stack([rows_of(sample) for sample in case["inputs"]], 1)
    if case["loss"] == "CE":
        network = Images(0, spikes, torch.tensor(case["labels"]), product, layers[0], weights())
        loss = network.loss()
        loss.backward()
        gradients = [network.w1.grad, network.w2.grad]
    else:
        loss, gradients = 0.0, [0.0, 0.0]
        for k, target in enumerate(case["targets"]):
            network = Pattern(spikes[:, k].contiguous(), rows_of(target), product, layers, weights())
            one = network.loss()
            one.backward()
            loss += one / case["samples"]
            gradients = [g + w.grad / case["samples"] for g, w in zip(gradients, (network.w1, network.w2))]
    return max([abs(loss.item() - case["loss_value"])] +
               [(got - want).abs().max().item() for got, want in zip(gradients, wanted)])


# ---- Timing ----------------------------------------------------------------------------------------------------------


def rate(step, each, seconds):
    step()
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        step()
        count += 1
    return count * each / (time.process_time() - start)


def latency_spikes(events):
    """A batch [steps x batch x 784] with about so many spikes a sample, as a latency code has them: at most one an
    input, none in the last four steps."""
    spikes = torch.zeros(STEPS, BATCH, 784)
    chosen = (torch.rand(BATCH, 784) < events / 784).nonzero()
    at = torch.randint(0, STEPS - 4, (len(chosen),))
    spikes[at, chosen[:, 0], chosen[:, 1]] = 1
    return spikes


def pattern_spikes(events):
    interval = 1.25 + 0.25 * (torch.arange(700) // 5)
    spikes = (torch.rand(250, 700) < events / (1 / interval).sum() / 250 / interval).float()
    return spikes, (torch.rand(250, 250) < 0.038).float()


# Products, filters by product or in place, and loops of each kind.
KINDS = {"autograd": ((Product,), (False,), (None,)),
         "adjoint": ((Product,), (True, False), (PLAIN, SCRIPTED)),
         "lookup": ((Sparse, Bags), (True, False), (PLAIN, SCRIPTED))}


def candidates(what, kind, events):
    """Ways to do one step of a row, and samples a step."""
    for product, by_product, loops in itertools.product(*KINDS[kind]):
        torch.manual_seed(1)
        if what.startswith("pattern"):
            layer = Layer(250, 0.75, 0.875, 0.875, 1.0, 0.9, 2.0, True, True, by_product, loops)
            yield Pattern(*pattern_spikes(events), product, (layer, layer)).train, 1
            continue
        layer = Layer(STEPS, ALPHA, BETA, GAMMA, 1.0, THRESHOLD, SLOPE, False, False, by_product, loops)
        hidden = int(what.split()[1][1:])
        network = Images(hidden, latency_spikes(events), torch.arange(BATCH) % 10, product, layer)
        yield (network.train if what.endswith("training") else network.infer), BATCH


class Rivals:
    """The fastest way of each kind for each row, found once."""

    def __init__(self):
        self.found = {}

    def time(self, what, kind, events, seconds):
        if (what, kind) not in self.found:
            ways = candidates(what, kind, events)
            self.found[what, kind] = max(ways, key=lambda way: rate(*way, min(seconds, 0.3)))
        return rate(*self.found[what, kind], seconds)


def one_round(options, rivals, results):
    """lif_bench once, stopped after each row that is compared."""
    command = [options.bench, str(options.seconds)] + (["--data", options.data] if options.data else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        wanted, events = set(options.rows), 0
        for line in bench.stdout:
            row = json.loads(line)
            what = row.get("what", "")
            events = row.get("events_per_sample", row.get("events", events))
            if what not in wanted:
                continue
            bench.send_signal(signal.SIGSTOP)
            for kind in KINDS:
                theirs = rivals.time(what, kind, events, options.seconds)
                results[what].append((kind, row["per_second"], theirs))
            bench.send_signal(signal.SIGCONT)
            wanted.remove(what)
            if not wanted:
                break
        bench.kill()
    if wanted:
        sys.exit(f"{options.bench} printed no row {sorted(wanted)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="?", help="path of lif_bench")
    parser.add_argument("--check", action="store_true", help="compare with golden gradients alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of one measurement")
    parser.add_argument("--data", help="dataset path with mnist/ for lif_bench; default: random pixels")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    difference = check()
    if options.output == "table":
        print(f"torch {torch.__version__}: golden losses and gradients to {difference:.1e}")
    if options.check:
        return
    if options.bench is None:
        parser.error("path of lif_bench")
    rivals, results = Rivals(), {what: [] for what in options.rows}
    for _ in range(options.rounds):
        one_round(options, rivals, results)

    rows = []
    if options.output == "table":
        print(f"{'what':30} {'torch by':8} {'torpor/s':>9} {'torch/s':>9} {'ratio':>6}  bar")
    for what, timed in results.items():
        for kind in KINDS:
            pairs = [(ours, theirs) for k, ours, theirs in timed if k == kind]
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            bar = ROWS[what] if kind == "autograd" else None
            rows.append({"what": what, "kind": kind, "torpor": statistics.median(ours for ours, _ in pairs),
                         "torch": statistics.median(theirs for _, theirs in pairs), "ratio": ratio, "bar": bar})
            if options.output == "table":
                verdict = "" if bar is None else f">= {bar} {'met' if ratio >= bar else 'MISSED'}"
                print(f"{what:30} {kind:8} {rows[-1]['torpor']:9.0f} {rows[-1]['torch']:9.1f} {ratio:6.1f}  {verdict}")
    if options.output == "json":
        json.dump({"torch": torch.__version__, "rounds": options.rounds, "rows": rows}, sys.stdout)
        print()


if __name__ == "__main__":
    main()
