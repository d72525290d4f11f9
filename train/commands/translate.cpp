#include <gaze/train/commands/commands.h>

#include <iostream>
#include <memory>

#include <gaze/autograd/threads.h>
#include <gaze/train/translator.h>

namespace gaze {

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
        fmt::print("{}\n", translator->task().join(translator->translate(translator->task().tokenize(line))));
      } catch (const Error& error) {
        fail("stdin:{}: {}", number, error.what());
      }
      flush_output();
    }
  });
}

}  // namespace gaze
