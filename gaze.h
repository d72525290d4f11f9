#pragma once

/// All of the library. <gaze/autograd/xtensor.h>, which needs xtensor, is included by those who want it.

#include <gaze/autograd/array.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/error.h>
#include <gaze/autograd/files.h>
#include <gaze/autograd/gradcheck.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/op_cases.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>
#include <gaze/autograd/pool.h>
#include <gaze/autograd/profile.h>
#include <gaze/autograd/random.h>
#include <gaze/autograd/tensor.h>
#include <gaze/autograd/threads.h>

#include <gaze/nn/attention.h>
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
#include <gaze/nn/safetensors.h>
#include <gaze/nn/scope.h>
#include <gaze/nn/transformer.h>

#include <gaze/optim/adam.h>
#include <gaze/optim/clipping.h>
#include <gaze/optim/optimizer.h>
#include <gaze/optim/schedules.h>
#include <gaze/optim/sgd.h>

#include <gaze/datasets/batch.h>
#include <gaze/datasets/batch_plan.h>
#include <gaze/datasets/example.h>
#include <gaze/datasets/language.h>
#include <gaze/datasets/lines.h>
#include <gaze/datasets/parallel_text.h>
#include <gaze/datasets/subwords.h>
#include <gaze/datasets/tasks.h>
#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/toy.h>
#include <gaze/datasets/vocabulary.h>

#include <gaze/train/aligner.h>
#include <gaze/train/alignment.h>
#include <gaze/train/attention_log.h>
#include <gaze/train/bench.h>
#include <gaze/train/bleu.h>
#include <gaze/train/config.h>
#include <gaze/train/decoding.h>
#include <gaze/train/heat_map.h>
#include <gaze/train/learner.h>
#include <gaze/train/model_options.h>
#include <gaze/train/pair_source.h>
#include <gaze/train/preset_files.h>
#include <gaze/train/report.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/streams.h>
#include <gaze/train/terminal.h>
#include <gaze/train/text_model.h>
#include <gaze/train/trainer.h>
#include <gaze/train/training_run.h>
#include <gaze/train/training_view.h>
#include <gaze/train/translator.h>
