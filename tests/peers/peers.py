#!/usr/bin/env python3
"""Training steps of gaze, PyTorch and JAX, measured in turns on this machine.

    peers.py GAZE [--workloads A,B] [--systems torch,torch-compile,jax] [--threads N] [--rounds N] [--steps N]
             [--processor-time]

GAZE is the program; `gaze bench --list` names the workloads. A step is the forward pass, cross-entropy, the backward
pass, clipping and Adam. Of every system the best round's median counts; with --processor-time it is the minimum time that
a step took on processors, which a busy machine disturbs less. What is not installed is left out, and said so (pip
install torch jax). Prints a table in Markdown.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("gaze")
    parser.add_argument("--workloads", default="")
    parser.add_argument("--systems", default="torch,torch-compile,jax")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=0, help="timed steps a round; 0: 6 of large models, 60 of others")
    parser.add_argument("--processor-time", action="store_true")
    options = parser.parse_args()
    figure = "processor_ms_min" if options.processor_time else "ms_median"
    table = json.loads(subprocess.check_output([options.gaze, "bench", "--list"]))
    wanted = options.workloads.split(",") if options.workloads else list(table)
    systems = options.systems.split(",")

    print("| workload | gaze ms | peak MiB | " + " | ".join(f"{s} ms | times gaze" for s in systems) + " |")
    print("|---|---|---|" + "---|---|" * len(systems))
    for workload in wanted:
        steps = options.steps or (6 if table[workload].get("d_model", 0) >= 256 else 60)
        common = ["--threads", str(options.threads), "--steps", str(steps)]
        commands = {"gaze": [options.gaze, "bench", workload, *common]}
        for system in systems:
            # A compiler would fold the chain away; recurrent models are written in PyTorch's own cells alone.
            plain = table[workload]["kind"] == "chain" or table[workload].get("model") == "rnn"
            if system == "torch" or not plain:
                commands[system] = [sys.executable, __file__, "--child", system, json.dumps(table[workload]), *common]
        best = {}
        for _ in range(options.rounds):
            for system, command in list(commands.items()):
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
                    print(f"{workload}: {system} left out: {reason}", file=sys.stderr)
                    del commands[system]
                    continue
                figures = json.loads(done.stdout.strip().splitlines()[-1])
                if system not in best or figures[figure] < best[system][figure]:
                    best[system] = figures
        own = best["gaze"]
        cells = [workload, f"{own[figure]:.2f}", str(own["peak_mib"])]
        for system in systems:
            found = best.get(system)
            cells += [f"{found[figure]:.2f}", f"{found[figure] / own[figure]:.2f}"] if found else ["", ""]
        print("| " + " | ".join(cells) + " |", flush=True)


def child():
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", required=True)
    parser.add_argument("config", type=json.loads)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    if options.config["kind"] == "chain":
        step = torch_chain(options.config, options.threads)
    elif options.child == "jax":
        step = jax_training(options.config)
    else:
        step = torch_training(options.config, options.threads, options.child == "torch-compile")
    for _ in range(4):
        step()
    times, processor = [], []
    for _ in range(options.steps):
        start, spent_before = time.perf_counter(), time.process_time()
        step()
        times.append((time.perf_counter() - start) * 1e3)
        processor.append((time.process_time() - spent_before) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"ms_median": statistics.median(times), "processor_ms_min": min(processor), "peak_mib": peak}))


def torch_chain(c, threads):
    import torch

    torch.set_num_threads(threads)
    w = torch.full((c["width"],), 0.9, requires_grad=True)
    b = torch.full((c["width"],), 0.1, requires_grad=True)

    def step():
        w.grad = b.grad = None
        y = torch.ones(c["width"])
        for _ in range(c["links"]):
            y = torch.tanh(y * w + b)
        loss = y.sum()
        loss.backward()
        return loss.item()

    return step


def parameter_shapes(c):
    """Every parameter's shape by name; matrices are [out, in]."""
    d, ff, shapes = c["d_model"], c["d_ff"], {}

    def norm(name):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (d,)

    def layers(stack, crosses):
        for i in range(c["layers"]):
            name = f"{stack}.{i}"
            for attention in ["self"] + ["cross"] * crosses:
                shapes[f"{name}.{attention}.in.weight"], shapes[f"{name}.{attention}.in.bias"] = (3 * d, d), (3 * d,)
                shapes[f"{name}.{attention}.out.weight"], shapes[f"{name}.{attention}.out.bias"] = (d, d), (d,)
                norm(f"{name}.{attention}.norm")
            shapes[f"{name}.up.weight"], shapes[f"{name}.up.bias"] = (ff, d), (ff,)
            shapes[f"{name}.down.weight"], shapes[f"{name}.down.bias"] = (d, ff), (d,)
            norm(f"{name}.feed.norm")

    translates = c["kind"] == "seq2seq"
    for side in ["source"] * translates + ["target"]:
        shapes[side + ".tokens"], shapes[side + ".positions"] = (c["vocab"], d), (c["length"], d)
    if translates:
        layers("encoder", False)
        norm("encoder.norm")
    layers("decoder", translates)
    if translates or c["norm"] == "pre":
        norm("decoder.norm")
    if not c["tied"]:
        shapes["head"] = (c["vocab"], d)
    return shapes


def forward(c, p, source, target, ops):
    """The logits. `ops` holds linear, attend, normalise, activate, drop and embed of the system."""

    def sublayer(x, name, f):
        w, b = p[name + ".norm.weight"], p[name + ".norm.bias"]
        if c["norm"] == "pre":
            return x + ops.drop(f(ops.normalise(x, w, b)))
        return ops.normalise(x + ops.drop(f(x)), w, b)

    def attention(x, memory, name, causal):
        w, b, d = p[name + ".in.weight"], p[name + ".in.bias"], c["d_model"]
        if memory is None:
            qkv = ops.linear(x, w, b)
            q, k, v = qkv[..., :d], qkv[..., d : 2 * d], qkv[..., 2 * d :]
        else:
            q, kv = ops.linear(x, w[:d], b[:d]), ops.linear(memory, w[d:], b[d:])
            k, v = kv[..., :d], kv[..., d:]
        heads = lambda z: z.reshape(z.shape[0], z.shape[1], c["heads"], d // c["heads"])
        y = ops.attend(heads(q), heads(k), heads(v), causal).reshape(x.shape)
        return ops.linear(y, p[name + ".out.weight"], p[name + ".out.bias"])

    def stack(x, memory, name, causal):
        for i in range(c["layers"]):
            layer = f"{name}.{i}"
            x = sublayer(x, layer + ".self", lambda z: attention(z, None, layer + ".self", causal))
            if memory is not None:
                x = sublayer(x, layer + ".cross", lambda z: attention(z, memory, layer + ".cross", False))

            def feed(z):
                hidden = ops.activate(ops.linear(z, p[layer + ".up.weight"], p[layer + ".up.bias"]))
                return ops.linear(ops.drop(hidden), p[layer + ".down.weight"], p[layer + ".down.bias"])

            x = sublayer(x, layer + ".feed", feed)
        last = name + ".norm.weight"
        return ops.normalise(x, p[last], p[name + ".norm.bias"]) if last in p else x

    def embedded(ids, side):
        scaled = ops.embed(p[side + ".tokens"], ids) * math.sqrt(c["d_model"])
        return ops.drop(scaled + p[side + ".positions"])

    memory = stack(embedded(source, "source"), None, "encoder", False) if c["kind"] == "seq2seq" else None
    y = stack(embedded(target, "target"), memory, "decoder", True)
    return ops.linear(y, p["target.tokens"] if c["tied"] else p["head"], None)


def torch_transformer(c, compiled):
    """The parameters, and a function of source and target that gives the logits."""
    import torch
    import torch.nn.functional as F

    class Ops:
        linear = staticmethod(F.linear)
        embed = staticmethod(lambda table, ids: F.embedding(ids, table))
        activate = staticmethod(F.relu if c["activation"] == "relu" else F.gelu)
        drop = staticmethod(lambda x: F.dropout(x, c["dropout"]) if c["dropout"] > 0 else x)
        normalise = staticmethod(lambda x, w, b: F.layer_norm(x, w.shape, w, b))

        @staticmethod
        def attend(q, k, v, causal):
            q, k, v = (z.transpose(1, 2) for z in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=causal, dropout_p=c["dropout"]).transpose(1, 2)

    p = {}
    for name, shape in parameter_shapes(c).items():
        p[name] = torch.randn(shape) * 0.02 if len(shape) > 1 else torch.full(shape, float("norm.weight" in name))
        p[name].requires_grad_(True)
    run = lambda source, target: forward(c, p, source, target, Ops)
    return list(p.values()), torch.compile(run) if compiled else run


def torch_bahdanau(c):
    """The same of the recurrent encoder-decoder with additive attention: nn/bahdanau.h."""
    import torch
    from torch import nn

    written = {"score": "additive", "cell": "gru", "layers": 1, "heads": 1, "dropout": 0, "tied": False}
    if other := [name for name, value in written.items() if c[name] != value]:
        raise SystemExit("this recurrent model is not written here: " + ", ".join(f"{n} {c[n]}" for n in other))
    d = c["d_model"]

    class Bahdanau(nn.Module):
        def __init__(self):
            super().__init__()
            self.source, self.target = nn.Embedding(c["vocab"], d), nn.Embedding(c["vocab"], d)
            for table in (self.source, self.target):
                nn.init.normal_(table.weight, std=1 / math.sqrt(d))
            self.encoder = nn.GRU(d, d, batch_first=True, bidirectional=True)
            self.start = nn.Linear(d, d)
            self.query, self.key = nn.Linear(d, d, bias=False), nn.Linear(2 * d, d, bias=False)
            self.v = nn.Linear(d, 1, bias=False)
            self.decoder = nn.GRUCell(3 * d, d)
            self.out, self.head = nn.Linear(3 * d, d), nn.Linear(d, c["vocab"], bias=False)

        def forward(self, source, target):
            memory, _ = self.encoder(self.source(source) * math.sqrt(d))  # [B,S,2D]
            keys = self.key(memory)
            words = self.target(target) * math.sqrt(d)
            state = torch.tanh(self.start(memory[:, 0, d:]))
            context = memory.new_zeros(memory.shape[0], 2 * d)
            seen = []
            for word in words.unbind(1):
                state = self.decoder(torch.cat([word, context], 1), state)
                scores = self.v(torch.tanh(self.query(state).unsqueeze(1) + keys)).squeeze(2)  # [B,S]
                context = torch.bmm(scores.softmax(1).unsqueeze(1), memory).squeeze(1)
                seen.append(torch.cat([state, context], 1))
            return self.head(torch.tanh(self.out(torch.stack(seen, 1))))

    model = Bahdanau()
    return list(model.parameters()), model


def torch_training(c, threads, compiled):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    parameters, run = torch_bahdanau(c) if c.get("model") == "rnn" else torch_transformer(c, compiled)
    kind = torch.optim.AdamW if c["optimizer"] == "adamw" else torch.optim.Adam
    groups = [{"params": [x for x in parameters if (x.dim() > 1) == matrices],
               "weight_decay": c["weight_decay"] if matrices else 0.0} for matrices in (True, False)]
    optimizer = kind(groups, lr=c["lr"], betas=tuple(c["betas"]), eps=c["eps"], fused=True)
    source, target, gold = (torch.randint(0, c["vocab"], (c["batch"], c["length"])) for _ in range(3))

    def step():
        logits = run(source, target)
        loss = F.cross_entropy(logits.view(-1, c["vocab"]), gold.view(-1), label_smoothing=c["label_smoothing"])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, c["clip"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def jax_training(c):
    import functools

    import jax
    import jax.numpy as jnp
    import numpy

    numbers = numpy.random.default_rng(1)
    p = {}
    for name, shape in parameter_shapes(c).items():
        p[name] = jnp.asarray(numbers.normal(0, 0.02, shape) if len(shape) > 1
                              else numpy.full(shape, "norm.weight" in name), jnp.float32)
    source, target, gold = (jnp.asarray(numbers.integers(0, c["vocab"], (c["batch"], c["length"]))) for _ in range(3))
    seen = jnp.tril(jnp.ones((c["length"], c["length"]), bool))

    class Ops:
        """One step's functions: dropout draws keys one after another."""

        def __init__(self, key):
            self.key = key

        linear = staticmethod(lambda x, w, b: x @ w.T if b is None else x @ w.T + b)
        embed = staticmethod(lambda table, ids: table[ids])
        activate = staticmethod(jax.nn.relu if c["activation"] == "relu" else
                                functools.partial(jax.nn.gelu, approximate=False))

        def drop(self, x):
            if c["dropout"] == 0:
                return x
            self.key, own = jax.random.split(self.key)
            return jnp.where(jax.random.bernoulli(own, 1 - c["dropout"], x.shape), x / (1 - c["dropout"]), 0)

        @staticmethod
        def normalise(x, w, b):
            centred = x - x.mean(-1, keepdims=True)
            return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w + b

        def attend(self, q, k, v, causal):
            scores = jnp.einsum("bthd,bshd->bhts", q, k) / math.sqrt(q.shape[-1])
            weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf) if causal else scores)
            return jnp.einsum("bhts,bshd->bthd", self.drop(weights), v)

    def loss_of(p, key):
        logs = jax.nn.log_softmax(forward(c, p, source, target, Ops(key)))
        right = jnp.take_along_axis(logs, gold[..., None], -1)[..., 0]
        return -jnp.mean((1 - c["label_smoothing"]) * right + c["label_smoothing"] * logs.mean(-1))

    (b1, b2), decay, adamw = c["betas"], c["weight_decay"], c["optimizer"] == "adamw"

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(p, m, v, t, key):
        loss, g = jax.value_and_grad(loss_of)(p, key)
        norm = jnp.sqrt(sum(jnp.vdot(x, x) for x in g.values()))
        factor = jnp.minimum(1, c["clip"] / (norm + 1e-6))
        for name in p:
            own = decay if p[name].ndim > 1 else 0
            d = g[name] * factor + (0 if adamw else own * p[name])
            m[name] = b1 * m[name] + (1 - b1) * d
            v[name] = b2 * v[name] + (1 - b2) * d * d
            moved = m[name] / (1 - b1**t) / (jnp.sqrt(v[name] / (1 - b2**t)) + c["eps"])
            p[name] = p[name] * (1 - c["lr"] * own if adamw else 1) - c["lr"] * moved
        return p, m, v, loss

    state = [p, jax.tree.map(jnp.zeros_like, p), jax.tree.map(jnp.zeros_like, p)]
    keys, taken = jax.random.key(2), [0]

    def step():
        taken[0] += 1
        *state[:], loss = update(*state, float(taken[0]), jax.random.fold_in(keys, taken[0]))
        return float(loss)

    return step


if __name__ == "__main__":
    child() if "--child" in sys.argv else main()
