#!/usr/bin/env python3
"""Writes modules/*.safetensors beside this file: what PyTorch's modules compute.

Each file holds one call in float64 with dropout off: `weights.NAME` (float32; widened for the call), `inputs.NAME`,
`lengths` (source tokens that are not padding) or `mask` where the case has them, `outputs.NAME`, `cotangents.NAME` (one
an output), and `gradients.NAME` of every weight and of every input, for the sum of output times cotangent.
Needs: pip install torch==2.13.0 safetensors numpy
"""
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "modules"
BATCH, TARGET, SOURCE = 3, 4, 5
SIZES = dict(d_model=12, nhead=4, dim_feedforward=20)  # no multiple of a vector's width
LAYERS = 2


def randn(*shape):
    return torch.randn(*shape).double()  # float32 numbers: both dtypes can start from them


def padding(lengths):
    return torch.arange(SOURCE)[None, :] >= lengths[:, None]


def causal():
    return nn.Transformer.generate_square_subsequent_mask(TARGET, dtype=torch.float64)


def write(name, module, inputs, call, **more):
    with torch.no_grad():
        for parameter in module.parameters():  # biases and gains of freshly made modules are too regular
            parameter.add_(0.1 * torch.randn_like(parameter))
    weights = {f"weights.{k}": v.clone() for k, v in module.state_dict().items()}
    module.double()
    for x in inputs.values():
        x.requires_grad_()
    outputs = call(module, **inputs)
    cotangents = {k: randn(*y.shape) for k, y in outputs.items()}
    sum((y * cotangents[k]).sum() for k, y in outputs.items()).backward()
    grown = dict(module.named_parameters()) | inputs
    tensors = {f"{kind}.{k}": v.detach() for kind, group in
               (("inputs", inputs), ("outputs", outputs), ("cotangents", cotangents)) for k, v in group.items()}
    tensors |= {f"gradients.{k}": v.grad for k, v in grown.items()}
    save_file({k: v.contiguous() for k, v in (weights | tensors | more).items()}, FOLDER / f"{name}.safetensors")


def transformers():
    lengths = torch.tensor([5, 2, 4], dtype=torch.int32)

    def call(module, source, target):
        return {"y": module(source, target, tgt_mask=causal(), tgt_is_causal=True,
                            src_key_padding_mask=padding(lengths), memory_key_padding_mask=padding(lengths))}

    for norm in ("pre", "post"):
        for activation in ("relu", "gelu"):
            module = nn.Transformer(num_encoder_layers=LAYERS, num_decoder_layers=LAYERS, dropout=0.0, batch_first=True,
                                    activation=activation, norm_first=norm == "pre", **SIZES)
            inputs = {name: randn(BATCH, length, SIZES["d_model"])
                      for name, length in (("source", SOURCE), ("target", TARGET))}
            write(f"{norm}-{activation}", module, inputs, call, lengths=lengths)


def encoders():
    for norm in ("pre", "post"):
        layer = nn.TransformerEncoderLayer(dropout=0.0, batch_first=True, activation="gelu", norm_first=norm == "pre",
                                           **SIZES)
        final = nn.LayerNorm(SIZES["d_model"]) if norm == "pre" else None
        module = nn.TransformerEncoder(layer, LAYERS, norm=final, enable_nested_tensor=False)
        write(f"encoder-{norm}", module, {"x": randn(BATCH, TARGET, SIZES["d_model"])},
              lambda module, x: {"y": module(x, mask=causal(), is_causal=True)})


def attention():
    d, heads = SIZES["d_model"], SIZES["nhead"]
    lengths = torch.tensor([1, 5, 3], dtype=torch.int32)
    mask = randn(TARGET, TARGET)
    mask[2, 0] = float("-inf")

    def call(module, x, memory, **masks):
        y, weights = module(x, memory, memory, need_weights=True, average_attn_weights=False, **masks)
        return {"y": y, "weights": weights}

    write("self-attention", nn.MultiheadAttention(d, heads, batch_first=True), {"x": randn(BATCH, TARGET, d)},
          lambda module, x: call(module, x, x, attn_mask=mask), mask=mask)
    write("cross-attention", nn.MultiheadAttention(d, heads, batch_first=True),
          {"x": randn(BATCH, TARGET, d), "memory": randn(BATCH, SOURCE, d)},
          lambda module, x, memory: call(module, x, memory, key_padding_mask=padding(lengths)), lengths=lengths)


def recurrent():
    lengths = torch.tensor([5, 2, 4], dtype=torch.int32)

    def call(module, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = module(packed)
        return {"y": nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=SOURCE)[0]}

    for name, layer in (("gru", nn.GRU), ("lstm", nn.LSTM)):
        module = layer(3, 7, num_layers=LAYERS, bidirectional=True, batch_first=True)
        write(name, module, {"x": randn(BATCH, SOURCE, 3)}, call, lengths=lengths)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    torch.manual_seed(3)
    transformers()
    encoders()
    attention()
    recurrent()
