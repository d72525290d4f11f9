#include <gaze/train.h>

int main() {
  using namespace gaze::train;
  Config config;
  config.task = "grammar";
  const LanguagePair languages = toy_languages(config);
  for (const auto& [language, word] : {std::pair(languages.source, "chat"), {languages.target, "cat"}})
    if (language.vocabulary.contains(word)) fmt::print("{} ", word);
  fmt::print("\n");
}
