#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/xtensor.h>
#include <gaze/train/attention/word_map.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/commands/view_arguments.h>
#include <gaze/train/program/terminal/heat_map.h>
#include <gaze/train/program/terminal/training_view.h>

namespace gaze::train {
namespace {

using nlohmann::json;

struct Arguments {
  std::string run, source, target, kind = "cross", svg, npy, weights;
  ViewArguments view;
  bool json = false;
};

json to_json(const AttentionMap& map) {
  json rows = json::array();
  const std::size_t columns = map.source.size();
  for (std::size_t t = 0; t < map.target.size(); ++t)
    rows.push_back(std::vector<double>(map.weights.begin() + static_cast<std::ptrdiff_t>(t * columns),
                                       map.weights.begin() + static_cast<std::ptrdiff_t>((t + 1) * columns)));
  return {{"source", map.source}, {"target", map.target}, {"weights", rows}};
}

void inspect(const Arguments& a) {
  if (!a.svg.empty()) require_ending("--svg", a.svg, ".svg");
  if (!a.npy.empty()) require_ending("--npy", a.npy, ".npy");
  const RunFolder folder = RunFolder::open(a.run);
  const auto translator = Translator::load(folder, a.weights);
  const std::string weights = folder.weights(a.weights).string();
  const auto& [from, to] = translator->languages();
  const auto source = from.tokenizer.tokenize(a.source);
  require(!source.empty(), "inspect: the source sentence has no words");
  const std::string hint = hint_of_words(*translator);
  const bool unknown = warn_of_unknown_words(from.vocabulary, source, "source", hint);
  const auto target = a.target.empty() ? translator->translate(source) : to.tokenizer.tokenize(a.target);
  if (a.target.empty()) {
    if (target.empty())
      fmt::print(stderr, "gaze: the model's answer is empty; what follows is the attention of its end mark\n");
  } else {
    require(!target.empty(), "inspect: the target sentence has no words");
    warn_of_unknown_words(to.vocabulary, target, "target", unknown ? "" : hint);
  }

  const Extraction how = a.view.extraction(*translator);
  const AttentionKind kind = attention_kind_names().named(a.kind);
  Example pair{.source = source, .target = target, .gold = {}};
  if (!a.view.pieces) {
    pair.source_words = from.tokenizer.words_of_line(a.source);
    pair.target_words = a.target.empty() ? to.tokenizer.words_of_tokens(target) : to.tokenizer.words_of_line(a.target);
  }
  const AttentionMap map = fold_to_words(
      translator->attention(source, target, {.kind = kind, .layer = how.layer, .choice = how.choice}), kind, pair);
  require_numbers(map.weights);
  const std::string what =
      fmt::format("{}, {}", translator->module_of(kind, how.layer),
                  how.choice.head < 0 ? "mean of the heads" : fmt::format("head {}", how.choice.head));
  const std::string title = fmt::format("{} -> {}  ({})", from.tokenizer.join(source), to.tokenizer.join(target), what);
  std::string links;
  if (kind == AttentionKind::cross) links = to_pharaoh(align(*translator, {pair}, how).front());

  if (!a.svg.empty())
    write_file_atomically(
        a.svg,
        {to_svg({.rows = map.target, .columns = map.source, .weights = map.weights, .gold = {}, .title = title})});
  if (!a.npy.empty())
    save_npy(a.npy, Tensor::from<double>(
                        {static_cast<std::int64_t>(map.target.size()), static_cast<std::int64_t>(map.source.size())},
                        map.weights));
  if (a.json) {
    json object = to_json(map);
    object["module"] = translator->module_of(kind, how.layer);
    object["head"] = head_name(how.choice.head);
    if (kind == AttentionKind::cross) {
      object["shift"] = name_of(how.choice.shift);
      object["links"] = links;
    }
    object["file"] = weights;
    JsonOutput(true).print(object);
    return;
  }
  for (const std::string& line : picture_of(map, {}, title, detect_terminal(STDOUT_FILENO))) fmt::print("{}\n", line);
  if (kind == AttentionKind::cross && !target.empty()) fmt::print("links (source-target, from 0): {}\n", links);
  fmt::print("weights: {}\n", printable(weights));
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("inspect", "Shows a trained model's attention over a sentence");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("source", a->source, "The sentence to read")->required();
  command->add_option("target", a->target, "Its translation; without one, the model's own");
  command->add_option("--kind", a->kind, "cross-attention, or the encoder's or decoder's to itself")
      ->check(CLI::IsMember({"cross", "encoder", "decoder"}));
  a->view.add_to(*command);
  add_weights_option(*command, a->weights);
  command->add_option("--svg", a->svg, "Write the map as a picture, too (SVG)");
  command->add_option("--npy", a->npy, "Write the weights [rows, columns] as a NumPy file, too (float64)");
  command->add_flag("--json", a->json, "Print words, weights and links as one JSON object instead");
  command->callback([a] { inspect(*a); });
}

}  // namespace gaze::train
