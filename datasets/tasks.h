#pragma once

#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/toy.h>

/// The makers of the tasks, for the table of tasks in toy.cpp.
namespace gaze::train {

std::unique_ptr<ToyTask> make_copy_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_shift_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_reverse_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_sort_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_digits_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_dates_task(const ToyOptions& options);
std::unique_ptr<ToyTask> make_grammar_task(const ToyOptions& options);

}  // namespace gaze::train
