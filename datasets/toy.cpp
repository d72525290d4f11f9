#include <gaze/datasets/toy.h>

#include <algorithm>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/tasks.h>

namespace gaze::train {

std::vector<std::string> ToyTask::tokenize(std::string_view line) const {
  check_utf8(line);
  return words_of(line);
}

std::vector<std::string> ToyTask::tokenize_target(std::string_view line) const { return ToyTask::tokenize(line); }

std::string ToyTask::join(const std::vector<std::string>& tokens) const {
  return fmt::format("{}", fmt::join(tokens, " "));
}

std::string ToyTask::join_source(const std::vector<std::string>& tokens) const {
  return fmt::format("{}", fmt::join(tokens, " "));
}

Tokenizer source_tokenizer(std::shared_ptr<const ToyTask> task) {
  return {[task](std::string_view line) { return task->tokenize(line); },
          [task](std::span<const std::string> tokens) {
            return task->join_source({tokens.begin(), tokens.end()});
          }};
}

Tokenizer target_tokenizer(std::shared_ptr<const ToyTask> task) {
  return {[task](std::string_view line) { return task->tokenize_target(line); },
          [task](std::span<const std::string> tokens) {
            return task->join({tokens.begin(), tokens.end()});
          }};
}

Split ToyTask::split_of(const std::vector<std::string>& source) const {
  if (const auto fixed = fixed_split(source)) return *fixed;
  std::uint64_t hash = hash_of("");
  for (const std::string& token : source) hash = hash_of(" ", hash_of(token, hash));
  hash ^= hash >> 32;  // the last tokens reach the low bits only
  switch (hash % 10) {
    case 0: return Split::validation;
    case 1: return Split::test;
    default: return Split::train;
  }
}

Example ToyTask::example(Split split, std::uint64_t index) const {
  Random random(RandomStream{seed_, 0}.split(static_cast<std::uint64_t>(split)).split(index));
  constexpr int tries = 100'000;
  for (int i = 0; i < tries; ++i)
    if (Example e = draw(random); split_of(e.source) == split) return e;
  fail("{}: no sentence of these options falls into the split that is asked for", name());
}

std::vector<Example> ToyTask::examples(Split split, std::int64_t count, std::int64_t first) const {
  std::vector<Example> all;
  for (std::int64_t i = first; i < first + count; ++i) all.push_back(example(split, static_cast<std::uint64_t>(i)));
  return all;
}

const std::vector<std::string>& toy_task_names() {
  static const std::vector<std::string> names = {"copy", "shift", "reverse", "sort", "digits", "dates", "grammar"};
  return names;
}

std::unique_ptr<ToyTask> make_toy_task(std::string_view name, const ToyOptions& options) {
  if (name == "digits") return make_digits_task(options.seed);
  if (name == "dates") return make_dates_task(options.seed);
  if (name == "grammar") return make_grammar_task(options.seed);
  const auto& names = toy_task_names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return make_symbols_task(name, options);
  fail("unknown task {}; there are {}{}", name, fmt::join(names, ", "), did_you_mean(name, names));
}

}  // namespace gaze::train
