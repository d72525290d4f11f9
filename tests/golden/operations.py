#!/usr/bin/env python3
"""Writes operations.safetensors beside this file: what PyTorch's operations compute, and one step of a Transformer.

Each case is one call in float64: `NAME.inputs.I` (float64, or int32 ids, lengths and conditions; one case of cast has
float32), `NAME.output`, `NAME.cotangent`, and `NAME.gradients.I`, for the sum of output times cotangent, of every float
input but masks. NAME is the operation in autograd/ops.h and, after a hyphen, what is special; where PyTorch has no such
operation, it is composed of those that it has. `transformer_step` is the loss of a small encoder-decoder
(`transformer_step.output`) for `transformer_step.inputs.NAME`, and `weights.NAME` (float32; widened for the step) and
`gradients.NAME` of its parameters.
Needs: training.py beside this file, and pip install torch==2.13.0 safetensors numpy
"""
import math
import pathlib
from functools import partial

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from training import Model

FILE = pathlib.Path(__file__).with_name("operations.safetensors")
PAD = 0  # the target that the Transformer's loss ignores
tensors = {}  # what goes into the file


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def positive(*shape):
    return (0.3 + 2 * torch.rand(*shape, dtype=torch.float64)).requires_grad_()


def given(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype, requires_grad=True)


def mask(*shape):
    """Added to scores: numbers, and -inf at the second key of the last query; no gradient."""
    added = torch.randn(*shape, dtype=torch.float64)
    added[..., -1, 1] = -math.inf
    return added


def ids(values):
    return torch.tensor(values, dtype=torch.int32)


def case(name, function, *inputs):
    """One call, differentiated for a random cotangent. The function gets whole numbers as PyTorch wants ids: int64."""
    output = function(*(x if x.is_floating_point() else x.long() for x in inputs))
    cotangent = torch.randn(output.shape, dtype=output.dtype)
    wanted = {i: x for i, x in enumerate(inputs) if x.requires_grad}
    gradients = torch.autograd.grad(output, list(wanted.values()), cotangent)
    group = {f"inputs.{i}": x for i, x in enumerate(inputs)} | {"output": output, "cotangent": cotangent}
    group |= {f"gradients.{i}": g for i, g in zip(wanted, gradients)}
    assert f"{name}.output" not in tensors, name
    # Copies: the file takes no tensors that share numbers.
    tensors.update({f"{name}.{part}": x.detach().clone(memory_format=torch.contiguous_format)
                    for part, x in group.items()})


def arithmetic():
    for operation in (torch.add, torch.sub, torch.mul):
        case(operation.__name__, operation, numbers(3, 4), numbers(3, 4))
    case("add-row", torch.add, numbers(3, 4), numbers(4))
    case("sub-inner-axis", torch.sub, numbers(2, 3, 4), numbers(3, 1))
    case("mul-both", torch.mul, numbers(3, 1), numbers(1, 4))
    case("mul-itself", lambda x: x * x, numbers(3, 4))
    case("div", torch.div, numbers(3, 4), positive(3, 4))
    case("div-column", torch.div, numbers(4), positive(3, 1))
    case("add-number", lambda x: 2.5 + x, numbers(3))
    case("sub-number", lambda x: 2.5 - x, numbers(3))
    case("mul-number", lambda x: x * 2.5, numbers(3))
    case("div-number", lambda x: 2.5 / x, positive(3))
    case("neg", torch.neg, numbers(3, 4))
    case("pow", torch.pow, positive(3, 4), numbers(3, 4))
    case("pow-row", torch.pow, positive(3, 4), numbers(4))
    case("pow-number", lambda x: x**3, numbers(3, 4))
    case("pow-zero-base", torch.pow, given([0.0, 2.0]), given([2.0, -1.5]))
    case("exp", torch.exp, numbers(3, 4))
    case("log", torch.log, positive(3, 4))
    case("sqrt", torch.sqrt, positive(3, 4))
    case("rsqrt", torch.rsqrt, positive(3, 4))
    case("abs", torch.abs, numbers(3, 4))
    case("abs-zero", torch.abs, given([-2.0, 0.0, 3.0]))
    case("erf", torch.erf, numbers(3, 4))
    case("maximum", torch.maximum, numbers(3, 4), numbers(3, 4))
    case("maximum-row", torch.maximum, numbers(3, 4), numbers(4))
    case("maximum-ties", torch.maximum, given([1.0, 2.0, 3.0]), given([1.0, 3.0, 2.0]))
    case("minimum", torch.minimum, numbers(3, 4), numbers(3, 4))
    case("minimum-column", torch.minimum, numbers(3, 1), numbers(2, 3, 4))
    case("minimum-ties", torch.minimum, given([1.0, 2.0, 3.0]), given([1.0, 3.0, 2.0]))
    case("clip", lambda x: torch.clip(x, -0.6, 0.4), numbers(3, 4))
    case("clip-bounds", lambda x: torch.clip(x, -1, 2), given([-2.0, -1.0, 0.5, 2.0, 3.0]))
    choice = ids([[1, 0, 1, 1], [0, 0, 1, 0], [1, 0, 0, 1]])
    case("where", lambda c, a, b: torch.where(c != 0, a, b), choice, numbers(3, 4), numbers(3, 4))
    case("where-row", lambda c, a, b: torch.where(c != 0, a, b), ids([[1], [0], [2]]), numbers(4), numbers(3, 1))
    case("cast", lambda x: x.double(), given([[0.1, -2.7], [3.3, 1e-3]], torch.float32))
    case("cast-and-back", lambda x: x.float().double(), numbers(3, 4))


def activations():
    case("tanh", torch.tanh, numbers(3, 4))
    case("sigmoid", torch.sigmoid, numbers(3, 4))
    case("relu", torch.relu, numbers(3, 4))
    case("relu-zero", torch.relu, given([-1.0, 0.0, 2.0]))
    case("gelu", F.gelu, numbers(3, 4))
    case("gelu-tanh", lambda x: F.gelu(x, approximate="tanh"), numbers(3, 4))
    case("silu", F.silu, numbers(3, 4))
    case("softplus", F.softplus, numbers(3, 4))
    # PyTorch's own softplus is x from 20 on.
    case("softplus-large", lambda x: torch.logaddexp(x, torch.zeros_like(x)), given([-700.0, -30.0, 19.0, 30.0, 700.0]))


def reductions():
    case("sum", torch.sum, numbers(2, 3, 4))
    case("sum-axes", lambda x: x.sum((0, -1)), numbers(2, 3, 4))
    case("sum-keep", lambda x: x.sum(1, keepdim=True), numbers(2, 3, 4))
    case("mean", torch.mean, numbers(2, 3, 4))
    case("mean-axes", lambda x: x.mean((1, 2)), numbers(2, 3, 4))
    case("mean-keep", lambda x: x.mean(0, keepdim=True), numbers(2, 3, 4))
    case("max", torch.amax, numbers(3, 4))
    case("max-axis", lambda x: x.amax(1), numbers(2, 3, 4))
    case("max-keep", lambda x: x.amax((0, 2), keepdim=True), numbers(2, 3, 4))
    case("max-ties", lambda x: x.amax(1), given([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]))
    case("min", torch.amin, numbers(3, 4))
    case("min-axis", lambda x: x.amin(-1), numbers(2, 3, 4))
    case("min-keep", lambda x: x.amin((0, 1), keepdim=True), numbers(2, 3, 4))
    case("var", torch.var, numbers(2, 3, 4))
    case("var-axis", lambda x: x.var(1), numbers(2, 3, 4))
    case("var-biased", lambda x: x.var(-1, correction=0), numbers(3, 4))
    case("var-keep", lambda x: x.var((0, 2), correction=0, keepdim=True), numbers(2, 3, 4))
    case("logsumexp", lambda x: x.logsumexp((0, 1)), numbers(3, 4))
    case("logsumexp-axes", lambda x: x.logsumexp((0, 2)), numbers(2, 3, 4))
    case("logsumexp-keep", lambda x: x.logsumexp(1, keepdim=True), numbers(2, 3, 4))
    case("logsumexp-large", lambda x: x.logsumexp(-1), given([[900.0, 902.5, 899.0], [-900.0, -901.0, 5.0]]))


def matrices():
    case("matmul", torch.matmul, numbers(3, 4), numbers(4, 5))
    case("matmul-batched", torch.matmul, numbers(2, 3, 4), numbers(2, 4, 5))
    case("matmul-broadcast", torch.matmul, numbers(2, 1, 3, 4), numbers(3, 4, 2))
    case("matmul-shared-b", torch.matmul, numbers(2, 3, 4), numbers(4, 5))
    case("matmul-transpose-a", lambda a, b: a.mT @ b, numbers(4, 3), numbers(4, 5))
    case("matmul-transpose-b", lambda a, b: a @ b.mT, numbers(2, 3, 4), numbers(2, 5, 4))
    case("matmul-transpose-both", lambda a, b: a.mT @ b.mT, numbers(2, 4, 3), numbers(5, 4))
    case("matmul-row", torch.matmul, numbers(4), numbers(2, 4, 3))
    case("matmul-column", torch.matmul, numbers(2, 3, 4), numbers(4))
    case("matmul-vectors", torch.matmul, numbers(4), numbers(4))
    case("linear", F.linear, numbers(2, 3, 4), numbers(5, 4), numbers(5))
    case("linear-no-bias", F.linear, numbers(3, 4), numbers(5, 4))
    case("linear-vector", F.linear, numbers(4), numbers(5, 4), numbers(5))
    case("linear-rows", lambda x, w, b: F.linear(x, w[2:5], b[2:5]), numbers(3, 4), numbers(6, 4), numbers(6))
    case("linear-last-rows", lambda x, w: F.linear(x, w[4:]), numbers(3, 4), numbers(6, 4))
    for name, activation in (("dense", lambda x: x), ("dense-relu", F.relu), ("dense-gelu", F.gelu)):
        case(name, lambda x, w, b: activation(F.linear(x, w, b)), numbers(2, 3, 4), numbers(5, 4), numbers(5))
    case("dense-no-bias", lambda x, w: F.gelu(F.linear(x, w)), numbers(3, 4), numbers(5, 4))
    for name, equation, shapes in (
            ("product", "ij,jk->ik", ((3, 4), (4, 2))), ("transposed", "ji,kj->ik", ((4, 3), (2, 4))),
            ("batched", "bij,bjk->bik", ((2, 3, 4), (2, 4, 2))),
            ("scores", "bthk,bshk->bhts", ((2, 3, 2, 4), (2, 5, 2, 4))),
            ("values", "bhts,bshk->bthk", ((2, 2, 3, 5), (2, 5, 2, 4))),
            ("outer", "i,j->ij", ((3,), (4,))), ("dot", "i,i->", ((4,), (4,))),
            ("elementwise", "ij,ij->ij", ((3, 4), (3, 4))), ("vector", "ijk,k->i", ((2, 3, 4), (4,))),
            ("permute", "ijk->kij", ((2, 3, 4),)), ("reduce", "ijk->kj", ((2, 3, 4),))):
        case(f"einsum-{name}", lambda *operands: torch.einsum(equation, *operands), *(numbers(*s) for s in shapes))


def shapes():
    case("reshape", lambda x: x.reshape(4, -1), numbers(2, 3, 4))
    case("transpose", lambda x: x.transpose(-2, -1), numbers(2, 3, 4))
    case("transpose-axes", lambda x: x.transpose(0, 2), numbers(2, 3, 4))
    case("permute", lambda x: x.permute(2, 0, 1), numbers(2, 3, 4))
    case("expand", lambda x: x.expand(2, 3, 4), numbers(3, 1))
    case("squeeze", lambda x: x.squeeze(1), numbers(3, 1, 4))
    case("unsqueeze", lambda x: x.unsqueeze(-1), numbers(3, 4))
    case("concat", lambda *parts: torch.cat(parts, 1), numbers(2, 3), numbers(2, 1), numbers(2, 4))
    case("concat-itself", lambda x, y: torch.cat((x, y, x)), numbers(2, 3), numbers(1, 3))
    case("stack", lambda *parts: torch.stack(parts), numbers(2, 3), numbers(2, 3))
    case("stack-last", lambda *parts: torch.stack(parts, -1), numbers(2, 3), numbers(2, 3), numbers(2, 3))
    case("slice", lambda x: x[1:4], numbers(5, 3))
    case("slice-step", lambda x: x[:, 1:7:3], numbers(2, 7, 3))
    case("pad", lambda x: F.pad(x, (0, 1, 1, 2)), numbers(2, 3))
    case("pad-value", lambda x: F.pad(x, (2, 0, 1, 1, 0, 0), value=-3.5), numbers(2, 2, 2))


def indexing():
    case("gather", lambda x, i: x.gather(0, i), numbers(4, 3), ids([[3, 0, 1], [3, 2, 1]]))
    case("gather-last", lambda x, i: x.gather(-1, i), numbers(2, 2, 4), ids([[[3, 3, 0], [1, 2, 1]]] * 2))
    case("index_select", lambda x, i: x.index_select(0, i), numbers(4, 3), ids([2, 0, 2, 2, 3]))
    case("index_select-middle", lambda x, i: x.index_select(1, i), numbers(2, 3, 2), ids([1, 1]))
    case("scatter_add", lambda x, i, s: x.scatter_add(0, i, s), numbers(4, 3), ids([[1, 1, 0], [1, 2, 0]]),
         numbers(2, 3))
    case("scatter_add-last", lambda x, i, s: x.scatter_add(-1, i, s), numbers(2, 3), ids([[0, 2, 2, 0], [1, 1, 1, 0]]),
         numbers(2, 4))
    case("embedding", lambda w, i: F.embedding(i, w), numbers(6, 4), ids([[1, 5, 1], [0, 1, 5]]))


def softmaxes():
    for operation in (torch.softmax, torch.log_softmax):
        name = operation.__name__
        case(name, lambda x: operation(x, -1), numbers(3, 4))
        case(f"{name}-first", lambda x: operation(x, 0), numbers(3, 4))
        case(f"{name}-middle", lambda x: operation(x, 1), numbers(2, 3, 4))
        case(f"{name}-large", lambda x: operation(x, -1), given([[900.0, 902.0, 899.5], [-900.0, -901.0, 1.0]]))
    case("masked_softmax", lambda x, keep: x.masked_fill(keep == 0, -math.inf).softmax(-1), numbers(3, 4),
         ids([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 1]]))
    case("masked_softmax-row", lambda x, keep: x.masked_fill(keep == 0, -math.inf).softmax(-1), numbers(2, 3, 4),
         ids([1, 1, 0, 1]))

    def nothing_kept(x, keep):  # PyTorch's softmax of -inf only is NaN
        e = x.exp() * keep
        total = e.sum(-1, keepdim=True)
        return e / torch.where(total == 0, 1, total)

    case("masked_softmax-nothing", nothing_kept, numbers(3, 3), ids([[0, 1, 1], [0, 0, 0], [1, 0, 0]]))


def losses():
    variants = {"": {}, "-sum": {"reduction": "sum"}, "-smoothing": {"label_smoothing": 0.1},
                "-ignore": {"ignore_index": 2},
                "-all": {"label_smoothing": 0.2, "ignore_index": 2, "reduction": "sum"},
                "-smoothing-ignore": {"label_smoothing": 0.2, "ignore_index": 2}}
    for variant, options in variants.items():
        targets = ids([1, 2, 4, 0, 2])
        case(f"cross_entropy{variant}", lambda x, t: F.cross_entropy(x, t, **options), numbers(5, 6), targets)
        case(f"projected_cross_entropy{variant}", lambda x, w, t: F.cross_entropy(F.linear(x, w), t, **options),
             numbers(5, 3), numbers(6, 3), targets)
    case("cross_entropy-two-axes", lambda x, t: F.cross_entropy(x.flatten(0, 1), t.flatten()), numbers(2, 3, 4),
         ids([[0, 3, 3], [1, 2, 0]]))
    case("mse", F.mse_loss, numbers(3, 4), numbers(3, 4))
    case("mse-sum", lambda a, b: F.mse_loss(a, b, reduction="sum"), numbers(3, 4), numbers(3, 4))
    case("mse-broadcast", lambda a, b: F.mse_loss(*torch.broadcast_tensors(a, b)), numbers(3, 1), numbers(4))


def normalisation():
    def norm(x, weight, bias, eps=1e-5):
        return F.layer_norm(x, weight.shape, weight, bias, eps)

    case("layer_norm", norm, numbers(2, 3, 4), numbers(4), numbers(4))
    case("layer_norm-eps", lambda *inputs: norm(*inputs, eps=0.3), numbers(3, 5), numbers(5), numbers(5))
    case("residual", torch.add, numbers(2, 3, 4), numbers(2, 3, 4))
    case("residual_norm", lambda x, f, *affine: norm(x + f, *affine), numbers(2, 3, 4), numbers(2, 3, 4), numbers(4),
         numbers(4))
    case("residual_norm-eps", lambda x, f, *affine: norm(x + f, *affine, eps=0.3), numbers(3, 5), numbers(3, 5),
         numbers(5), numbers(5))


def split(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def join(x):
    return x.transpose(1, 2).flatten(2)


def lengths_mask(lengths, keys):
    return torch.where(torch.arange(keys) < lengths[:, None, None, None], 0.0, -math.inf).double()


def causal_mask(queries, keys):
    return torch.where(torch.ones(queries, keys).tril() != 0, 0.0, -math.inf).double()


def attention():
    batch, queries, keys, width = 2, 3, 5, 4
    q, k = partial(numbers, batch, queries, width), partial(numbers, batch, keys, width)
    v = partial(numbers, batch, keys, 6)  # values may be of another width
    scores = partial(numbers, batch, 2, queries, keys)
    lengths = ids([2, 5])

    def attend(q, k, v, heads=2, **options):
        return join(F.scaled_dot_product_attention(*(split(x, heads) for x in (q, k, v)), **options))

    def weights(q, k, added=0.0, scale=None):
        q, k = split(q, 2), split(k, 2)
        return (q @ k.mT * (scale or q.size(-1) ** -0.5) + added).softmax(-1)

    def everything(x, lengths, added):
        return lengths_mask(lengths, x.size(1)) + causal_mask(queries, keys) + added

    case("attention", lambda q, k, v: attend(q, k, v, heads=1), q(), k(), v())
    case("attention-heads", attend, q(), k(), v())
    case("attention-causal", lambda q, k, v: attend(q, k, v, is_causal=True), k(), k(), v())
    case("attention-causal-rest", lambda q, k, v: attend(q, k, v, is_causal=True), q(), k(), v())
    case("attention-lengths", lambda q, k, v, n: attend(q, k, v, attn_mask=lengths_mask(n, keys)), q(), k(), v(),
         lengths)
    case("attention-no-keys", lambda q, k, v, n: attend(q, k, v, attn_mask=lengths_mask(n, keys)), q(), k(), v(),
         ids([0, 3]))
    case("attention-mask", lambda q, k, v, m: attend(q, k, v, attn_mask=m), q(), k(), v(), mask(queries, keys))
    case("attention-mask-of-heads", lambda q, k, v, m: attend(q, k, v, attn_mask=m), q(), k(), v(),
         mask(batch, 2, queries, keys))
    case("attention-scale", lambda q, k, v: attend(q, k, v, scale=0.3), q(), k(), v())
    case("attention-all", lambda q, k, v, n, m: attend(q, k, v, attn_mask=everything(k, n, m), scale=0.3), q(), k(),
         v(), lengths, mask(2, queries, keys))
    case("attention-packed", lambda x: attend(*x.chunk(3, -1), is_causal=True), numbers(batch, queries, 3 * width))

    case("attention_weights", weights, q(), k())
    case("attention_weights-causal", lambda q, k: weights(q, k, causal_mask(queries, keys)), q(), k())
    case("attention_weights-all", lambda q, k, n, m: weights(q, k, everything(k, n, m), 0.3), q(), k(), lengths,
         mask(2, queries, keys))

    def both(q, k, v, added=0.0, scale=None):  # the gradients of output and weights meet in the scores
        w = weights(q, k, added, scale)
        return torch.cat((join(w @ split(v, 2)).flatten(), w.flatten()))

    case("composed_attention", lambda q, k, v: attend(q, k, v), q(), k(), v())
    case("composed_attention-both", both, q(), k(), v())
    case("composed_attention-all", lambda q, k, v, n, m: both(q, k, v, everything(k, n, m), 0.3), q(), k(), v(),
         lengths, mask(2, queries, keys))
    case("composed_attention-no-keys", lambda q, k, v, n: attend(q, k, v, attn_mask=lengths_mask(n, keys)), q(), k(),
         v(), ids([0, 3]))
    case("split_heads", lambda x: split(x, 3), numbers(2, 4, 6))
    case("join_heads", join, numbers(2, 3, 4, 2))

    case("masked_weights", lambda s: s.softmax(-1), scores())
    case("masked_weights-causal", lambda s: (s + causal_mask(queries, keys)).softmax(-1), scores())
    case("masked_weights-lengths", lambda s, n: (s + lengths_mask(n, keys)).softmax(-1), scores(), lengths)
    case("masked_weights-mask", lambda s, m: (s + m).softmax(-1), scores(), mask(queries, keys))
    case("attend", lambda s, v: join(s.softmax(-1) @ split(v, 2)), scores(), v())

    def attend_both(s, v, n):
        w = (s + causal_mask(queries, keys) + lengths_mask(n, keys)).softmax(-1)
        return torch.cat((join(w @ split(v, 2)).flatten(), w.flatten()))

    case("attend-both", attend_both, scores(), v(), lengths)

    def additive(q, k, v):
        sums = split(q, v.size(0))[:, :, :, None] + split(k, v.size(0))[:, :, None]  # [B,H,T,S,A]
        return (sums.tanh() * v[:, None, None]).sum(-1)

    case("additive_scores", additive, q(), k(), numbers(1, width))
    case("additive_scores-heads", additive, q(), k(), numbers(2, width // 2))


def recurrent():
    batch, size = 3, 4
    running = ids([1, 0, 1])

    def keep(running, after, before):
        return torch.where(running[:, None] != 0, after, before)

    def gru(a, b, h):  # from the gates' sums
        (a_r, a_z, a_n), (b_r, b_z, b_n) = a.chunk(3, 1), b.chunk(3, 1)
        r, z = torch.sigmoid(a_r + b_r), torch.sigmoid(a_z + b_z)
        return (1 - z) * torch.tanh(a_n + r * b_n) + z * h

    def lstm(a, b, state):
        i, f, g, o = (a + b).chunk(4, 1)
        c = torch.sigmoid(f) * state.chunk(2, 1)[1] + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat((torch.sigmoid(o) * torch.tanh(c), c), 1)

    def torch_lstm(x, state, *parameters):
        return torch.cat(torch.lstm_cell(x, state.chunk(2, 1), *parameters), 1)

    for name, cell, torch_cell, gates, states in (("gru_cell", gru, torch.gru_cell, 3, 1),
                                                  ("lstm_cell", lstm, torch_lstm, 4, 2)):
        sums, state = partial(numbers, batch, gates * size), partial(numbers, batch, states * size)
        case(name, cell, sums(), sums(), state())
        case(f"{name}-running", lambda a, b, s, r: keep(r, cell(a, b, s), s), sums(), sums(), state(), running)
        # The gates' sums are a = W_ih x + b_ih and b = W_hh h + b_hh.
        case(f"{name}-whole", torch_cell, numbers(batch, 2), state(), numbers(gates * size, 2),
             numbers(gates * size, size), numbers(gates * size), numbers(gates * size))


def transformer_step():
    name = "transformer_step"
    config = dict(kind="seq2seq", norm="post", d_model=8, heads=2, d_ff=12, layers=2, activation="relu", vocab=11,
                  length=5, tied=True)
    model = Model(config)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and gains of freshly made modules are too regular
            parameter.add_(0.1 * torch.randn_like(parameter))
    weights = {f"{name}.weights.{k}": p.detach().clone() for k, p in model.named_parameters()}
    model.double()
    inputs = {"source": ids([[3, 7, 1, 7, 9], [4, 2, PAD, PAD, PAD], [10, 5, 6, PAD, PAD]]), "lengths": ids([5, 2, 3]),
              "target": ids([[1, 5, 5, 8], [1, 9, 2, PAD], [1, 3, PAD, PAD]]),
              "gold": ids([[5, 5, 8, 2], [9, 2, 2, PAD], [3, 2, PAD, PAD]])}
    source, lengths, target, gold = (x.long() for x in inputs.values())
    padding = torch.arange(source.size(1)) >= lengths[:, None]
    causal = nn.Transformer.generate_square_subsequent_mask(target.size(1), dtype=torch.float64)
    y = model.body(model.src_embed(source), model.tgt_embed(target), tgt_mask=causal, tgt_is_causal=True,
                   src_key_padding_mask=padding, memory_key_padding_mask=padding)
    loss = F.cross_entropy(model.head(y).flatten(0, 1), gold.flatten(), label_smoothing=0.1, ignore_index=PAD)
    loss.backward()
    tensors.update(weights)
    tensors.update({f"{name}.inputs.{k}": x for k, x in inputs.items()})
    tensors.update({f"{name}.gradients.{k}": p.grad for k, p in model.named_parameters()})
    tensors[f"{name}.output"] = loss.detach()


if __name__ == "__main__":
    torch.set_num_threads(1)  # the order of some sums depends on it
    torch.manual_seed(8)
    for group in (arithmetic, activations, reductions, matrices, shapes, indexing, softmaxes, losses, normalisation,
                  attention, recurrent, transformer_step):
        group()
    save_file(tensors, FILE)
    print(f"{sum(name.endswith('.output') for name in tensors)} cases, {FILE.stat().st_size} bytes")
