#pragma once

/// All of gaze::core: tensors, gradients, modules, optimizers. <gaze/train.h> is the other half. The bridges to other
/// libraries, <gaze/autograd/xtensor.h> and <gaze/autograd/check/catch2.h>, are included by those who have these.

#include <fmt/format.h>

#include <gaze/autograd/array.h>
#include <gaze/autograd/base/activation.h>
#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/autograd/base/names.h>
#include <gaze/autograd/base/pool.h>
#include <gaze/autograd/base/products.h>
#include <gaze/autograd/base/range.h>
#include <gaze/autograd/base/threads.h>
#include <gaze/autograd/check/derivatives.h>
#include <gaze/autograd/check/dot.h>
#include <gaze/autograd/check/find_wrong_vjp.h>
#include <gaze/autograd/check/gradcheck.h>
#include <gaze/autograd/check/slope.h>
#include <gaze/autograd/custom_op.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>
#include <gaze/autograd/profile.h>
#include <gaze/autograd/random.h>
#include <gaze/autograd/tensor.h>
#include <gaze/autograd/vjp_ops.h>

#include <gaze/nn/attention.h>
#include <gaze/nn/bahdanau.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/nn/context.h>
#include <gaze/nn/dropout.h>
#include <gaze/nn/embedding.h>
#include <gaze/nn/feed_forward.h>
#include <gaze/nn/guided_attention.h>
#include <gaze/nn/init.h>
#include <gaze/nn/layer_norm.h>
#include <gaze/nn/linear.h>
#include <gaze/nn/model.h>
#include <gaze/nn/positions.h>
#include <gaze/nn/recorder.h>
#include <gaze/nn/recurrent.h>
#include <gaze/nn/safetensors.h>
#include <gaze/nn/scope.h>
#include <gaze/nn/score.h>
#include <gaze/nn/tapped_attention.h>
#include <gaze/nn/taps.h>
#include <gaze/nn/transformer.h>

#include <gaze/optim/adam.h>
#include <gaze/optim/clipping.h>
#include <gaze/optim/optimizer.h>
#include <gaze/optim/schedules.h>
#include <gaze/optim/sgd.h>
