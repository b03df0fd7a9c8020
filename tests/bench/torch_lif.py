"""Networks of leaky neurons with traces in PyTorch, for compare_torch_lif.py, which says what the ways of computing them
are, and the proof that they are those of tests/golden/lif."""
import json
import math
import pathlib

import torch


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
