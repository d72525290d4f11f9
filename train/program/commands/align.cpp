#include <gaze/train/program/commands/commands.h>

#include <array>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include <gaze/autograd/base/threads.h>
#include <gaze/datasets/lines.h>
#include <gaze/train/program/commands/output.h>
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

/// Two lines that belong together.
struct LinePair {
  std::string source, target;
  std::size_t number = 0;
};

/// Reads two files, or pipes, side by side.
class PairReader {
 public:
  /// Throws for files of unequal numbers of lines; of pipes that is seen at the end.
  PairReader(const std::string& source, const std::string& target)
      : source_(std::filesystem::path(source)), target_(std::filesystem::path(target)), names_{source, target} {
    const auto sources = count_lines(source), targets = count_lines(target);
    if (sources && targets) require_as_many_lines(source, *sources, target, *targets);
  }

  /// As many as have come, one at least; none at the end. What is wrong with a line is thrown behind those before it.
  std::vector<LinePair> next() {
    std::vector<LinePair> pairs;
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    try {
      while (pairs.size() < lines_at_once && (pairs.empty() || (source_.ready(patience) && target_.ready(patience)))) {
        auto source = source_.next(), target = target_.next();
        if (!source && !target) break;
        if (!source || !target) {
          while (source_.next()) {
          }
          while (target_.next()) {
          }
          require_as_many_lines(names_[0], source_.lines(), names_[1], target_.lines());
        }
        pairs.push_back({std::move(*source), std::move(*target), source_.lines()});
      }
    } catch (const Error&) {
      if (pairs.empty()) throw;
      error_ = std::current_exception();
    }
    return pairs;
  }

 private:
  LineReader source_, target_;
  std::array<std::string, 2> names_;
  std::exception_ptr error_;
};

/// A model that aligns, and how its alignments are read; `turned`: it translates from the target to the source.
struct Direction {
  std::string run;
  std::unique_ptr<Translator> model;
  Extraction how;
  bool turned = false;
  bool pieces = false;

  /// With their words, or as pieces alone.
  Example tokenised(const LinePair& lines) const {
    Example pair =
        example_of(model->languages(), turned ? lines.target : lines.source, turned ? lines.source : lines.target);
    if (pieces) pair.source_words.clear(), pair.target_words.clear();
    return pair;
  }
};

Direction direction(const Arguments& a, const std::string& run, bool turned, nlohmann::json& figures) {
  Direction d{.run = run,
              .model = Translator::load(RunFolder::open(run)),
              .how = {},
              .turned = turned,
              .pieces = a.view.pieces};
  d.how = pick(a, run, *d.model, turned, figures);
  return d;
}

/// The links of each pair, from source to target; of one that cannot be aligned, none.
std::vector<std::vector<AlignmentLink>> links_of(const Direction& d, const std::vector<Example>& pairs) {
  std::vector<Example> good;
  for (const Example& pair : pairs)
    if (can_align(*d.model, pair)) good.push_back(pair);
  auto found = align(*d.model, good, d.how);
  std::vector<std::vector<AlignmentLink>> links(pairs.size());
  for (std::size_t i = 0, next = 0; i < pairs.size(); ++i) {
    if (!can_align(*d.model, pairs[i])) continue;
    links[i] = std::move(found[next++]);
    if (d.turned)
      for (auto& [source, target] : links[i]) std::swap(source, target);
  }
  return links;
}

/// Says which words a model does not know and which lines are too long for it.
void warn_of(const Arguments& a, const Translator& model, const std::vector<LinePair>& lines,
             const std::vector<Example>& pairs, std::string& hint) {
  for (std::size_t i = 0; i < pairs.size(); ++i)
    for (const auto& [language, words, file] :
         {std::tuple(&model.source(), &pairs[i].source, &a.source), {&model.target(), &pairs[i].target, &a.target}}) {
      const std::string where = fmt::format("{}:{}", *file, lines[i].number);
      if (warn_of_unknown_words(language->vocabulary, *words, where, hint)) hint.clear();
      if (std::cmp_greater(words->size(), language->longest))
        fmt::print(stderr, "gaze: {}: {} tokens; this model was trained on at most {}: no links\n", where,
                   words->size(), language->longest);
    }
}

void check_tokens(const LinePair& line, const Direction& one, const Example& forward, const Direction& other,
                  const Example& backward) {
  const auto source = source_word_count(forward), target = target_word_count(forward),
             other_source = target_word_count(backward), other_target = source_word_count(backward);
  require(source == other_source && target == other_target,
          "line {}: {} splits it into {} and {} {}, {} into {} and {}", line.number, one.run, source, target,
          one.pieces ? "tokens" : "words", other.run, other_source, other_target);
}

void run(const Arguments& a) {
  if (a.threads > 0) set_threads(a.threads);
  if (a.symmetrize.empty() != a.reverse.empty())
    throw UsageError("--symmetrize and --reverse go together: the second is a run of the other direction");
  if (a.valid_gold.empty() != a.valid_source.empty() || a.valid_gold.empty() != a.valid_target.empty())
    throw UsageError("--valid-src, --valid-tgt and --valid-gold go together");
  if (a.best && a.view.chooses()) throw UsageError("--best picks layer, head and shift itself; give either it or them");
  nlohmann::json figures;
  const Direction forward = direction(a, a.run, false, figures);
  std::optional<Direction> backward;
  if (!a.symmetrize.empty()) backward = direction(a, a.reverse, true, figures["reverse"]);
  const Symmetrization kind = a.symmetrize == "intersection" ? Symmetrization::intersection
                              : a.symmetrize == "union"      ? Symmetrization::either
                                                             : Symmetrization::grow_diag;
  PairReader input(a.source, a.target);
  std::string hint = hint_of_words(*forward.model);  // once
  std::size_t sentences = 0;
  nlohmann::json all = nlohmann::json::array();
  for (auto lines = input.next(); !lines.empty(); lines = input.next()) {
    std::vector<Example> pairs, turned;
    for (const LinePair& line : lines) {
      pairs.push_back(forward.tokenised(line));
      if (!backward) continue;
      turned.push_back(backward->tokenised(line));
      check_tokens(line, forward, pairs.back(), *backward, turned.back());
    }
    warn_of(a, *forward.model, lines, pairs, hint);
    auto links = links_of(forward, pairs);
    if (backward) {
      const auto others = links_of(*backward, turned);
      for (std::size_t i = 0; i < links.size(); ++i) links[i] = symmetrize(links[i], others[i], kind);
    }
    sentences += links.size();
    for (const auto& line : links) {
      if (a.json)
        all.push_back(to_pharaoh(line));
      else
        fmt::print("{}\n", to_pharaoh(line));
    }
    flush_output();
  }
  if (!a.json) return;
  figures["sentences"] = sentences;
  figures["links"] = std::move(all);
  JsonOutput(true).print(figures);
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
  command->add_flag("--json", a->json, "Print the links and what was picked as one JSON object instead");
  command->callback([a] { run(*a); });
}

}  // namespace gaze::train
