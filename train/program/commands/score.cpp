#include <gaze/train/program/commands/commands.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/datasets/lines.h>
#include <gaze/datasets/parallel_text.h>
#include <gaze/datasets/tokenizer.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/text/aligner.h>
#include <gaze/train/text/bleu.h>

namespace gaze::train {
namespace {

struct AlignArguments {
  std::string gold, predicted, source, target;
  int gold_base = 0;
  bool json = false;
};

/// The number of words of every line, or more than any link has when no file is given.
std::vector<std::int64_t> lengths_of(const std::string& text, const std::string& file, std::size_t lines) {
  if (text.empty()) return std::vector<std::int64_t>(lines, std::numeric_limits<std::int64_t>::max());
  std::vector<std::int64_t> lengths;
  for (const std::string& line : read_lines(text)) lengths.push_back(static_cast<std::int64_t>(words_of(line).size()));
  require_as_many_lines(file, lines, text, lengths.size());
  return lengths;
}

/// A rate, or nothing where nothing was counted.
std::string percent(double rate, std::int64_t counted) {
  return counted > 0 ? fmt::format("{:.2f} %", 100 * rate) : "n/a";
}
nlohmann::json rate_of(double rate, std::int64_t counted) { return counted > 0 ? nlohmann::json(rate) : nullptr; }

void score_align(const AlignArguments& a) {
  JsonOutput output(a.json);
  const auto gold = read_pharaoh(a.gold, a.gold_base), predicted = read_pharaoh(a.predicted, 0);
  require_as_many_lines(a.gold, gold.size(), a.predicted, predicted.size());
  require(!gold.empty(), "{}: there are no sentences", a.gold);
  const auto say = [](const std::optional<std::string>& note) {
    if (note) fmt::print(stderr, "gaze: {}\n", *note);
  };
  if (a.gold_base == 0) say(note_on_base(a.gold, gold, "--gold-base 1"));
  say(note_on_base(a.predicted, predicted, "perl -pe 's/\\d+/$&-1/ge' FILE > NEW"));
  const auto sources = lengths_of(a.source, a.gold, gold.size()), targets = lengths_of(a.target, a.gold, gold.size());
  for (std::size_t i = 0; i < gold.size(); ++i) {
    check_links(a.gold, i + 1, gold[i], sources[i], targets[i]);
    check_links(a.predicted, i + 1, predicted[i], sources[i], targets[i]);
  }
  AlignmentCounts counts;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    std::vector<AlignmentLink> links;
    for (const Link& l : predicted[i]) {
      require(l.sure, "{}:{}: {}p{}: predicted links are neither sure nor possible; write i-j", a.predicted, i + 1,
              l.source, l.target);
      links.emplace_back(l.source, l.target);
    }
    counts.add(gold[i], links);
  }
  const auto without_gold = std::count_if(gold.begin(), gold.end(), [](const auto& links) { return links.empty(); });
  if (without_gold > 0)
    say(fmt::format("{}: {} of {} sentences have no gold links and do not count", a.gold, without_gold, gold.size()));
  const std::int64_t counted = counts.predicted + counts.sure;
  fmt::print("precision {}, recall {}, alignment error rate {}\n", percent(counts.precision(), counts.predicted),
             percent(counts.recall(), counts.sure), percent(counts.aer(), counted));
  fmt::print("{} sentences, {} links predicted, {} sure: {} of the sure ones found, {} predicted ones possible\n",
             gold.size(), counts.predicted, counts.sure, counts.sure_hits, counts.possible_hits);
  output.print({{"precision", rate_of(counts.precision(), counts.predicted)},
                {"recall", rate_of(counts.recall(), counts.sure)},
                {"aer", rate_of(counts.aer(), counted)},
                {"sentences", gold.size()}});
}

struct BleuArguments {
  std::string reference, hypothesis;
  bool lowercase = false, json = false;
};

void score_bleu(const BleuArguments& a) {
  JsonOutput output(a.json);
  ParallelText text = ParallelText::read(a.reference, a.hypothesis);
  auto &references = text.source, &hypotheses = text.target;
  if (a.lowercase)
    for (auto* lines : {&references, &hypotheses})
      for (std::string& line : *lines) line = lower_case(line);
  const Bleu b = bleu(hypotheses, references);
  fmt::print("BLEU {:.2f}  {:.1f}/{:.1f}/{:.1f}/{:.1f}  (brevity penalty {:.3f}: {} words, the references {})\n",
             b.value, b.precisions[0], b.precisions[1], b.precisions[2], b.precisions[3], b.brevity_penalty,
             b.hypothesis_words, b.reference_words);
  output.print({{"bleu", b.value},
                {"precisions", b.precisions},
                {"brevity_penalty", b.brevity_penalty},
                {"hypothesis_words", b.hypothesis_words},
                {"reference_words", b.reference_words},
                {"sentences", references.size()}});
}

}  // namespace

void add_score(CLI::App& app) {
  CLI::App* command = app.add_subcommand("score", "Scores files against gold files");
  command->require_subcommand(1);
  const auto a = std::make_shared<AlignArguments>();
  CLI::App* alignments = command->add_subcommand(
      "align", "Precision, recall and alignment error rate (Och and Ney) of Pharaoh lines: i-j sure, ipj possible");
  alignments->add_option("--gold", a->gold, "Gold links, a line per sentence")->required();
  alignments->add_option("--pred", a->predicted, "Predicted links (i-j, counted from 0), a line per sentence")
      ->required();
  alignments->add_option("--gold-base", a->gold_base, "What the gold file counts words from")
      ->check(CLI::IsMember({0, 1}));
  alignments->add_option("--src", a->source, "The source sentences, words between spaces: links past them are errors");
  alignments->add_option("--tgt", a->target, "The target sentences, likewise");
  alignments->add_flag("--json", a->json, "Print the figures as one JSON object; the text then goes to standard error");
  alignments->callback([a] { score_align(*a); });

  const auto b = std::make_shared<BleuArguments>();
  CLI::App* translations = command->add_subcommand(
      "bleu", "Corpus BLEU-4 of translations, words between spaces: sacrebleu's with --tokenize none");
  translations->add_option("--ref", b->reference, "Right translations, a line per sentence")->required();
  translations->add_option("--hyp", b->hypothesis, "The translations to score, line by line")->required();
  translations->add_flag("--lowercase", b->lowercase, "Take both in lower case");
  translations->add_flag("--json", b->json,
                         "Print the figures as one JSON object; the text then goes to standard error");
  translations->callback([b] { score_bleu(*b); });
}

}  // namespace gaze::train
