#include <gaze/datasets/toy.h>

#include <algorithm>
#include <array>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/tasks.h>

namespace gaze::train {
namespace {

struct TaskRow {
  std::string_view name;
  std::unique_ptr<ToyTask> (*make)(const ToyOptions&);
  bool has_symbols;
};

constexpr std::array table = {TaskRow{"copy", make_copy_task, true},       TaskRow{"shift", make_shift_task, true},
                              TaskRow{"reverse", make_reverse_task, true}, TaskRow{"sort", make_sort_task, true},
                              TaskRow{"digits", make_digits_task, false},  TaskRow{"dates", make_dates_task, false},
                              TaskRow{"grammar", make_grammar_task, false}};

const TaskRow* find_row(std::string_view name) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const TaskRow& r) { return r.name == name; });
  return row == table.end() ? nullptr : &*row;
}

}  // namespace

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
  return {[task](std::string_view line, const Tokenizer::Take& take) {
            for (const std::string& token : task->tokenize(line)) take(token);
          },
          [task](std::span<const std::string> tokens) {
            return task->join_source({tokens.begin(), tokens.end()});
          }};
}

Tokenizer target_tokenizer(std::shared_ptr<const ToyTask> task) {
  return {[task](std::string_view line, const Tokenizer::Take& take) {
            for (const std::string& token : task->tokenize_target(line)) take(token);
          },
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
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const TaskRow& row : table) list.emplace_back(row.name);
    return list;
  }();
  return names;
}

bool has_symbols(std::string_view task) {
  const TaskRow* const row = find_row(task);
  return row != nullptr && row->has_symbols;
}

std::unique_ptr<ToyTask> make_toy_task(std::string_view name, const ToyOptions& options) {
  if (const TaskRow* const row = find_row(name)) return row->make(options);
  fail("unknown task {}; there are {}{}", name, fmt::join(toy_task_names(), ", "),
       did_you_mean(name, toy_task_names()));
}

}  // namespace gaze::train
