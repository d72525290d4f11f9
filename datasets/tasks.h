#pragma once

#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/toy.h>

/// The makers of the tasks, one per file, for make_toy_task().
namespace gaze::train {

/// copy, shift, reverse or sort
std::unique_ptr<ToyTask> make_symbols_task(std::string_view name, const ToyOptions& options);
std::unique_ptr<ToyTask> make_digits_task(std::uint64_t seed);
std::unique_ptr<ToyTask> make_dates_task(std::uint64_t seed);
std::unique_ptr<ToyTask> make_grammar_task(std::uint64_t seed);

}  // namespace gaze::train
