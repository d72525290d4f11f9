#pragma once

#include <functional>
#include <vector>

#include <CLI/CLI.hpp>

#include <gaze/nn/score.h>
#include <gaze/train/lessons/page.h>
#include <gaze/train/program/terminal/typed_numbers.h>

namespace gaze::train {

/// One worked example of attention. Its file holds all of it, written as a reader would write it with the library.
struct Lesson {
  const char* name;
  const char* title;
  /// Adds what the reader can change to the lesson's command; returns what runs it with those values.
  std::function<std::function<void(Page&)>(CLI::App&)> prepare;
};

/// In the order in which to read them.
std::vector<Lesson> all_lessons();

/// The largest |a - b|.
double largest_difference(const Tensor& a, const Tensor& b);

/// An option for `min_count` to `max_count` numbers between commas, each from `low` to `high`; `numbers` holds the
/// default.
void add_vector(CLI::App&, const std::string& option, std::vector<double>& numbers, int min_count, int max_count,
                double low, double high, const std::string& what);
/// --score: one of all score functions.
void add_score(CLI::App&, std::function<void(Score)> choose, const std::string& what);

Lesson soft_lookup_lesson();
Lesson similarity_lesson();
Lesson scores_lesson();
Lesson learning_lesson();
Lesson self_attention_lesson();
Lesson scaling_lesson();
Lesson heads_lesson();
Lesson positions_lesson();
Lesson polysemy_lesson();
Lesson mixture_lesson();
Lesson gating_lesson();
Lesson block_lesson();
Lesson bottleneck_lesson();

}  // namespace gaze::train
