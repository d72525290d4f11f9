#include <gaze/train/commands/commands.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/autograd/threads.h>
#include <gaze/train/aligner.h>
#include <gaze/train/commands/view_arguments.h>

namespace gaze {
namespace {

struct Arguments {
  std::string run, source, target, reverse, symmetrize;
  std::string valid_source, valid_target, valid_gold;
  int gold_base = 0, threads = 0;
  ViewArguments view;
  bool best = false, json = false;
};

nlohmann::json to_json(const Extraction& how) {
  return {{"layer", how.layer},
          {"head", how.choice.head < 0 ? nlohmann::json("mean") : nlohmann::json(how.choice.head)},
          {"shift", how.choice.shift == Shift::produced ? "produced" : "consumed"},
          {"null", how.null_threshold}};
}

/// Sentences with gold links: the files that were given, or held-out ones of the task.
std::vector<Example> validation_pairs(const Arguments& a, const Translator& model) {
  std::vector<Example> pairs;
  if (a.valid_gold.empty()) {
    for (std::int64_t i = 0; i < model.config().validation; ++i)
      pairs.push_back(model.task().example(Split::validation, static_cast<std::uint64_t>(i)));
    return pairs;
  }
  pairs = read_pairs(model, a.valid_source, a.valid_target);
  const auto gold = read_pharaoh(a.valid_gold, a.gold_base);
  require(gold.size() == pairs.size(), "{} has {} lines and {} has {}", a.valid_gold, gold.size(), a.valid_source,
          pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i].gold = gold[i];
  return pairs;
}

Extraction pick(const Arguments& a, const Translator& model, nlohmann::json& figures) {
  const Extraction given = a.view.extraction(model);
  if (!a.best) return given;
  const auto [how, score] = best_extraction(model, validation_pairs(a, model), given);
  figures["validation_aer"] = score.aer();
  fmt::print(stderr, "gaze: picked layer {}, {}, {}: alignment error rate {:.2f} % on the validation sentences\n",
             how.layer, how.choice.head < 0 ? "the mean of the heads" : fmt::format("head {}", how.choice.head),
             how.choice.shift == Shift::produced ? "attention when a word is produced" : "when it is consumed",
             100 * score.aer());
  return how;
}

/// The links of a model of the other direction, turned round.
std::vector<std::vector<AlignmentLink>> align_backward(const Arguments& a, const std::vector<Example>& forward) {
  const auto model = Translator::load(RunFolder::open(a.reverse));
  const auto pairs = read_pairs(*model, a.target, a.source);
  for (std::size_t i = 0; i < pairs.size(); ++i)
    require(pairs[i].source.size() == forward[i].target.size() && pairs[i].target.size() == forward[i].source.size(),
            "line {}: {} splits it into {} and {} tokens, {} into {} and {}", i + 1, a.run, forward[i].source.size(),
            forward[i].target.size(), a.reverse, pairs[i].target.size(), pairs[i].source.size());
  Extraction how = a.view.extraction(*model);
  if (a.best) {
    Arguments turned = a;
    turned.valid_gold.clear();  // its own held-out sentences
    nlohmann::json none;
    how = pick(turned, *model, none);
  }
  auto links = align(*model, pairs, how);
  for (auto& line : links)
    for (auto& [source, target] : line) std::swap(source, target);
  return links;
}

void run(const Arguments& a) {
  if (a.threads > 0) set_threads(a.threads);
  if (a.symmetrize.empty() != a.reverse.empty())
    throw UsageError("--symmetrize and --reverse go together: the second is a run of the other direction");
  if (a.valid_gold.empty() != a.valid_source.empty() || a.valid_gold.empty() != a.valid_target.empty())
    throw UsageError("--valid-src, --valid-tgt and --valid-gold go together");
  const auto model = Translator::load(RunFolder::open(a.run));
  nlohmann::json figures;
  const Extraction how = pick(a, *model, figures);
  const auto pairs = read_pairs(*model, a.source, a.target);
  auto links = align(*model, pairs, how);
  if (!a.symmetrize.empty()) {
    const auto backward = align_backward(a, pairs);
    const Symmetrization kind = a.symmetrize == "intersection" ? Symmetrization::intersection
                                : a.symmetrize == "union"      ? Symmetrization::either
                                                               : Symmetrization::grow_diag;
    for (std::size_t i = 0; i < links.size(); ++i) links[i] = symmetrize(links[i], backward[i], kind);
  }
  for (const auto& line : links) fmt::print("{}\n", to_pharaoh(line));
  if (!a.json) return;
  figures.update(to_json(how));
  figures["sentences"] = links.size();
  fmt::print("{}\n", figures.dump());
}

}  // namespace

void add_align(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "align",
      "Prints the word alignments that a trained model's cross-attention shows, as Pharaoh lines (i-j from 0)");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("--src", a->source, "Source sentences, a line each")->required();
  command->add_option("--tgt", a->target, "Their translations, line by line")->required();
  a->view.add_to(*command);
  command->add_flag("--best", a->best,
                    "Pick layer, head and shift by alignment error rate on held-out sentences of the task, or on:");
  command->add_option("--valid-src", a->valid_source, "  source sentences to pick on")->needs("--best");
  command->add_option("--valid-tgt", a->valid_target, "  their translations")->needs("--best");
  command->add_option("--valid-gold", a->valid_gold, "  their gold links (Pharaoh)")->needs("--best");
  command->add_option("--gold-base", a->gold_base, "  what those count words from")->check(CLI::IsMember({0, 1}));
  command->add_option("--reverse", a->reverse, "A run that translates in the other direction");
  command->add_option("--symmetrize", a->symmetrize, "How the links of both directions become one set")
      ->check(CLI::IsMember({"intersection", "union", "grow-diag"}));
  command->add_option("--threads", a->threads, "Threads to use")->check(CLI::Range(1, 1024));
  command->add_flag("--json", a->json, "Print what was picked as one JSON object, last");
  command->callback([a] { run(*a); });
}

}  // namespace gaze
