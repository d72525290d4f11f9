#include <gaze/train/commands/commands.h>

#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/train/training_view.h>

namespace gaze {
void add_inspect(CLI::App& app) {
  struct Arguments {
    std::string run, source, target;
    bool json = false;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("inspect", "Shows a trained model's cross-attention over a sentence");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("source", a->source, "The sentence to read")->required();
  command->add_option("target", a->target, "Its translation; without one, the model's own");
  command->add_flag("--json", a->json, "Print the weights as one JSON object");
  command->callback([a] {
    const auto translator = Translator::load(RunFolder::open(a->run));
    const ToyTask& task = translator->task();
    const auto source = task.tokenize(a->source);
    require(!source.empty(), "inspect: the source sentence has no words");
    warn_of_unknown_words(*translator, source, "source");
    const auto target = a->target.empty() ? translator->translate(source) : task.tokenize(a->target);
    const AttentionMap map = translator->attention(source, target);
    if (!a->json) {
      const std::string title = fmt::format("{} -> {}", task.join(source), task.join(target));
      for (const std::string& line : picture_of(map, {}, title, detect_terminal(STDOUT_FILENO)))
        fmt::print("{}\n", line);
      return;
    }
    nlohmann::json rows = nlohmann::json::array();
    for (std::size_t t = 0; t < target.size(); ++t)
      rows.push_back(std::vector<double>(map.weights.begin() + static_cast<std::ptrdiff_t>(t * source.size()),
                                         map.weights.begin() + static_cast<std::ptrdiff_t>((t + 1) * source.size())));
    fmt::print("{}\n", nlohmann::json{{"source", source}, {"target", target}, {"weights", rows}}.dump());
  });
}

}  // namespace gaze
