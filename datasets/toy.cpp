#include <gaze/datasets/toy.h>

#include <algorithm>
#include <sstream>

#include <gaze/autograd/error.h>
#include <gaze/datasets/tasks.h>

namespace gaze {

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> ToyTask::tokenize(std::string_view line) const {
  characters_of(line);  // throws when it is not UTF-8
  return words_of(line);
}

std::vector<std::string> ToyTask::tokenize_target(std::string_view line) const { return ToyTask::tokenize(line); }

std::string ToyTask::join(const std::vector<std::string>& tokens) const {
  return fmt::format("{}", fmt::join(tokens, " "));
}

std::string ToyTask::join_source(const std::vector<std::string>& tokens) const {
  return fmt::format("{}", fmt::join(tokens, " "));
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
  const std::string near = nearest_name(name, names);
  fail("unknown task {}; there are {}{}", name, fmt::join(names, ", "),
       near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    // The second byte has a narrower range after some: no overlong forms, surrogates or code points above U+10FFFF.
    bool valid = length > 0 && i + length <= text.size();
    for (std::size_t j = 1; valid && j < length; ++j) {
      const auto byte = static_cast<unsigned char>(text[i + j]);
      const unsigned char least = j == 1 && lead == 0xe0 ? 0xa0 : j == 1 && lead == 0xf0 ? 0x90 : 0x80;
      const unsigned char most = j == 1 && lead == 0xed ? 0x9f : j == 1 && lead == 0xf4 ? 0x8f : 0xbf;
      valid = byte >= least && byte <= most;
    }
    require(valid, "the text is not UTF-8 at byte {}", i + 1);
    characters.emplace_back(text.substr(i, length));
    i += length;
  }
  return characters;
}

}  // namespace gaze
