#include <gaze/train/commands/commands.h>

#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/train/heat_map.h>
#include <gaze/train/translator.h>

namespace gaze {
namespace {

void print_map(const AttentionMap& map, const std::string& title) {
  HeatMap picture{.rows = map.target, .columns = map.source, .weights = map.weights, .gold = {}, .title = title};
  for (const std::string& line : render(picture, detect_terminal(STDOUT_FILENO))) fmt::print("{}\n", line);
}

}  // namespace

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
    const auto target = a->target.empty() ? translator->translate(source) : task.tokenize(a->target);
    const AttentionMap map = translator->attention(source, target);
    if (!a->json) return print_map(map, fmt::format("{} -> {}", task.join(source), task.join(target)));
    nlohmann::json rows = nlohmann::json::array();
    for (std::size_t t = 0; t < target.size(); ++t)
      rows.push_back(std::vector<double>(map.weights.begin() + static_cast<std::ptrdiff_t>(t * source.size()),
                                         map.weights.begin() + static_cast<std::ptrdiff_t>((t + 1) * source.size())));
    fmt::print("{}\n", nlohmann::json{{"source", source}, {"target", target}, {"weights", rows}}.dump());
  });
}

}  // namespace gaze
