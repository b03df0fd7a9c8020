"""The networks of generate.py by PyTorch in double, otherwise computed: traces of outputs (the filters come after the
weights, which changes nothing for linear filters), gradients by reverse accumulation."""
import torch


def loss_and_gradients(case):
    """(loss, {(layer, array): gradient}) of a case of generate.py."""

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x > 0).double()

        @staticmethod
        def backward(ctx, g):
            return g / (1 + case["slope"] * ctx.saved_tensors[0].abs()) ** 2

    leaves = {(layer["name"], name): torch.tensor(layer[name], requires_grad=True)
              for layer in case["layers"] for name in ("weights", "recurrent_weights") if name in layer}
    x = torch.tensor(case["inputs"]).reshape(case["samples"], case["steps"], *case["input"])
    for layer in case["layers"]:
        rows = list(x.unbind(1))
        if layer["kind"] == "flatten":
            rows = [row.flatten(1) for row in rows]
        elif layer["kind"] == "avg_pool2d":
            rows = [torch.nn.functional.avg_pool2d(row, layer["kernel"], layer["stride"]) for row in rows]
        else:
            w, v = leaves[layer["name"], "weights"], leaves.get((layer["name"], "recurrent_weights"))
            if layer["kind"] == "dense":
                apply = lambda trace: trace @ w.T
            else:
                apply = lambda trace: torch.nn.functional.conv2d(trace, w, None, layer["stride"], layer["padding"])
            spiking = layer is not case["layers"][-1] or case["read_out"] == "SPIKES"
            now = case["order"] == "IMMEDIATE"
            zero = torch.zeros(case["samples"], *layer["outputs"], dtype=torch.double)
            q, p, r, last, out, u_all = zero, zero, zero, zero, [], []
            for row in rows:
                drive = apply(row) + (last @ v.T if v is not None else 0)
                if now:
                    q = layer["alpha"] * q + drive
                    p = layer["beta"] * p + q
                u = p - layer["delta"] * r
                s = Spike.apply(u - layer["threshold"]) if spiking else zero
                reset = s if case["reset_gradient"] else s.detach()
                if now:
                    r = layer["gamma"] * (r + reset)
                else:
                    p, q, r = layer["beta"] * p + q, layer["alpha"] * q + drive, layer["gamma"] * r + reset
                last = s
                out.append(s)
                u_all.append(u)
            rows = out
        x = torch.stack(rows, 1)
    labels = torch.tensor(case["labels"])
    scores = torch.stack(u_all, 1).mean(1) if case["read_out"] == "INTEGRATING" else x.sum(1)
    if case["loss"] == "CE":
        loss = torch.nn.functional.cross_entropy(scores, labels)
    elif case["loss"] == "SPIKE_COUNT":
        wanted = 0.8 * torch.nn.functional.one_hot(labels, scores.shape[1]).double()
        loss = ((x.mean(1) - wanted) ** 2).sum(1).mean()
    else:
        f, summed = 0, 0
        for n in range(case["steps"]):
            f = 0.75 * f + x[:, n] - torch.tensor(case["targets"])[:, n]
            summed = summed + (f ** 2).sum(1)
        loss = (summed / 5e-3).sqrt().mean()
    loss.backward()
    return loss.item(), {key: leaf.grad.numpy() for key, leaf in leaves.items()}
