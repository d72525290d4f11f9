#pragma once

/// All of gaze::train: data, training, translation and language models on text, and what their attention is looked at
/// with. Everything is in namespace gaze::train.

#include <gaze/gaze.h>

#include <gaze/datasets/batch.h>
#include <gaze/datasets/batch_plan.h>
#include <gaze/datasets/characters.h>
#include <gaze/datasets/example.h>
#include <gaze/datasets/language.h>
#include <gaze/datasets/lines.h>
#include <gaze/datasets/parallel_text.h>
#include <gaze/datasets/subwords.h>
#include <gaze/datasets/tasks.h>
#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/toy.h>
#include <gaze/datasets/vocabulary.h>

#include <gaze/train/attention/alignment.h>
#include <gaze/train/attention/attention_log.h>
#include <gaze/train/attention/attention_record.h>
#include <gaze/train/attention/attention_view.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/check/run_check.h>
#include <gaze/train/config.h>
#include <gaze/train/folder.h>
#include <gaze/train/json.h>
#include <gaze/train/learner.h>
#include <gaze/train/memory.h>
#include <gaze/train/models.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>
#include <gaze/train/preset_files.h>
#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>
#include <gaze/train/sequence_batch.h>
#include <gaze/train/streams.h>
#include <gaze/train/text/aligner.h>
#include <gaze/train/text/bleu.h>
#include <gaze/train/text/decoding.h>
#include <gaze/train/text/pair_data.h>
#include <gaze/train/text/sampling.h>
#include <gaze/train/text/sequence_learner.h>
#include <gaze/train/text/text_data.h>
#include <gaze/train/text/text_model.h>
#include <gaze/train/text/translator.h>
#include <gaze/train/toy_task.h>
#include <gaze/train/trainer.h>
#include <gaze/train/training_run.h>
