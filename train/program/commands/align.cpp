#include <gaze/train/program/commands/commands.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>

#include <gaze/autograd/base/threads.h>
#include <gaze/datasets/lines.h>
#include <gaze/train/program/commands/view_arguments.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/text/aligner.h>

namespace gaze::train {
namespace {

struct Arguments {
  std::string run, source, target, reverse, symmetrize;
  std::string valid_source, valid_target, valid_gold;
  int gold_base = 0, threads = 0;
  ViewArguments view;
  bool best = false, json = false;
};

/// The pairs of two files: with their words, or as pieces alone.
std::vector<Example> pairs_of(const Arguments& a, const Translator& model, const std::string& source,
                              const std::string& target) {
  std::vector<Example> pairs = read_pairs(model, source, target);
  if (a.view.pieces)
    for (Example& pair : pairs) pair.source_words.clear(), pair.target_words.clear();
  return pairs;
}

nlohmann::json to_json(const Extraction& how) {
  return {{"layer", how.layer},
          {"head", head_name(how.choice.head)},
          {"shift", name_of(how.choice.shift)},
          {"null", how.null_threshold}};
}

/// Sentences with gold links to pick on: the files that were given (`turned`: read in the other direction), or held-out
/// ones of the task.
std::vector<Example> validation_pairs(const Arguments& a, const std::string& run, const Translator& model,
                                      bool turned) {
  if (a.valid_gold.empty()) {
    require(!is_parallel_text(model.config()),
            "--best: this model's text has no gold links; give --valid-src, --valid-tgt and --valid-gold");
    require_languages_of_task(model.languages(), model.config(), run);
    return toy_task(model.config())->examples(Split::validation, model.config().data.validation);
  }
  std::vector<Example> pairs =
      turned ? pairs_of(a, model, a.valid_target, a.valid_source) : pairs_of(a, model, a.valid_source, a.valid_target);
  const auto gold = read_pharaoh(a.valid_gold, a.gold_base);
  require_as_many_lines(a.valid_gold, gold.size(), a.valid_source, pairs.size());
  if (const auto note = note_on_base(a.valid_gold, gold, "--gold-base 1"); note && a.gold_base == 0 && !turned)
    fmt::print(stderr, "gaze: {}\n", *note);
  bool any = false;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].gold = gold[i];
    if (turned)
      for (Link& l : pairs[i].gold) std::swap(l.source, l.target);
    check_links(a.valid_gold, i + 1, pairs[i].gold, source_word_count(pairs[i]), target_word_count(pairs[i]));
    any = any || !gold[i].empty();
  }
  require(any, "{}: there are no links to pick by", a.valid_gold);
  return pairs;
}

/// What was asked for of a run, or the best of it; `figures` says which.
Extraction pick(const Arguments& a, const std::string& run, const Translator& model, bool turned,
                nlohmann::json& figures) {
  Extraction how = a.view.extraction(model);
  if (a.best) {
    const BestExtraction best = best_extraction(model, validation_pairs(a, run, model, turned), how);
    how = best.extraction;
    figures["validation_aer"] = best.counts.aer();
    fmt::print(stderr, "gaze: {}: picked layer {}, {}, {}: alignment error rate {:.2f} % on {}\n", run, how.layer,
               how.choice.head < 0 ? "the mean of the heads" : fmt::format("head {}", how.choice.head),
               how.choice.shift == Shift::produced ? "attention when a word is produced" : "when it is consumed",
               100 * best.counts.aer(), a.valid_gold.empty() ? "held-out sentences of its task" : a.valid_gold);
  }
  figures.update(to_json(how));
  return how;
}

void warn_of_unknown_words(const Arguments& a, const Translator& model, const std::vector<Example>& pairs) {
  std::string hint = hint_of_words(model);  // once
  for (std::size_t i = 0; i < pairs.size(); ++i)
    for (const auto& [language, words, file] :
         {std::tuple(&model.source(), &pairs[i].source, &a.source), {&model.target(), &pairs[i].target, &a.target}})
      if (train::warn_of_unknown_words(language->vocabulary, *words, fmt::format("{}:{}", *file, i + 1), hint))
        hint.clear();
}

/// The links of a model of the other direction, turned round.
std::vector<std::vector<AlignmentLink>> align_backward(const Arguments& a, const std::vector<Example>& forward,
                                                       nlohmann::json& figures) {
  const auto model = Translator::load(RunFolder::open(a.reverse));
  const auto pairs = pairs_of(a, *model, a.target, a.source);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto source = source_word_count(forward[i]), target = target_word_count(forward[i]),
               other_source = target_word_count(pairs[i]), other_target = source_word_count(pairs[i]);
    require(source == other_source && target == other_target,
            "line {}: {} splits it into {} and {} {}, {} into {} and {}", i + 1, a.run, source, target,
            a.view.pieces ? "tokens" : "words", a.reverse, other_source, other_target);
  }
  auto links = align(*model, pairs, pick(a, a.reverse, *model, true, figures["reverse"]));
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
  if (a.best && a.view.chooses()) throw UsageError("--best picks layer, head and shift itself; give either it or them");
  nlohmann::json figures;
  const Extraction how = pick(a, a.run, *model, false, figures);
  const auto pairs = pairs_of(a, *model, a.source, a.target);
  warn_of_unknown_words(a, *model, pairs);
  auto links = align(*model, pairs, how);
  if (!a.symmetrize.empty()) {
    const auto backward = align_backward(a, pairs, figures);
    const Symmetrization kind = a.symmetrize == "intersection" ? Symmetrization::intersection
                                : a.symmetrize == "union"      ? Symmetrization::either
                                                               : Symmetrization::grow_diag;
    for (std::size_t i = 0; i < links.size(); ++i) links[i] = symmetrize(links[i], backward[i], kind);
  }
  for (const auto& line : links) fmt::print("{}\n", to_pharaoh(line));
  if (!a.json) return;
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
  command->add_option("--threads", a->threads, "Threads to use")->check(whole_range(1, 1024));
  command->add_flag("--json", a->json, "Print what was picked as one JSON object, last");
  command->callback([a] { run(*a); });
}

}  // namespace gaze::train
