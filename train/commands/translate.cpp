#include <gaze/train/commands/commands.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>

#include <gaze/autograd/threads.h>
#include <gaze/train/terminal.h>
#include <gaze/train/translator.h>

namespace gaze {

void warn_of_unknown_words(const Vocabulary& known, const std::vector<std::string>& words, const std::string& where) {
  std::vector<std::string> unknown;
  for (const std::string& word : words)
    if (!known.contains(word)) unknown.push_back(printable(word));
  if (!unknown.empty()) fmt::print(stderr, "gaze: {}: unknown to the model: {}\n", where, fmt::join(unknown, " "));
}

void add_translate(CLI::App& app) {
  struct Arguments {
    std::string run;
    int threads = 0;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("translate", "Translates standard input, line by line, with a trained model");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("--threads", a->threads, "Threads to use")->check(CLI::Range(1, 1024));
  command->callback([a] {
    if (a->threads > 0) set_threads(a->threads);
    const auto translator = Translator::load(RunFolder::open(a->run));
    std::string line;
    for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
      try {
        const auto source = translator->task().tokenize(line);
        warn_of_unknown_words(translator->source_words(), source, fmt::format("stdin:{}", number));
        const auto target = source.empty() ? source : translator->translate(source);
        fmt::print("{}\n", translator->task().join(target));
      } catch (const Error& error) {
        fail("stdin:{}: {}", number, error.what());
      }
      flush_output();
    }
    if (std::ferror(stdin)) fail("standard input: {}", std::strerror(errno));
  });
}

}  // namespace gaze
