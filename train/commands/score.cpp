#include <gaze/train/commands/commands.h>

#include <memory>
#include <nlohmann/json.hpp>

#include <gaze/datasets/lines.h>
#include <gaze/datasets/tasks.h>
#include <gaze/train/aligner.h>

namespace gaze {
namespace {

struct AlignArguments {
  std::string gold, predicted, source, target;
  int gold_base = 0;
  bool json = false;
};

/// Throws for a link past the end of its sentence.
void check_lengths(const std::string& file, const std::vector<std::vector<Link>>& links, const std::string& text,
                   int Link::*side) {
  const auto lines = read_lines(text);
  require(lines.size() == links.size(), "{} has {} lines and {} has {}", file, links.size(), text, lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto words = static_cast<int>(words_of(lines[i]).size());
    for (const Link& l : links[i])
      require(l.*side < words, "{}:{}: a link to word {}, counted from 0; line {} of {} has {} words", file, i + 1,
              l.*side, i + 1, text, words);
  }
}

void score_align(const AlignArguments& a) {
  const auto gold = read_pharaoh(a.gold, a.gold_base), predicted = read_pharaoh(a.predicted, 0);
  require(gold.size() == predicted.size(), "{} has {} lines and {} has {}", a.gold, gold.size(), a.predicted,
          predicted.size());
  for (const auto& [file, links] : {std::pair(&a.gold, &gold), {&a.predicted, &predicted}}) {
    if (!a.source.empty()) check_lengths(*file, *links, a.source, &Link::source);
    if (!a.target.empty()) check_lengths(*file, *links, a.target, &Link::target);
  }
  AlignmentScore score;
  for (std::size_t i = 0; i < gold.size(); ++i) {
    std::vector<AlignmentLink> links;
    for (const Link& l : predicted[i]) {
      require(l.sure, "{}:{}: {}p{}: predicted links are neither sure nor possible; write i-j", a.predicted, i + 1,
              l.source, l.target);
      links.emplace_back(l.source, l.target);
    }
    score.add(gold[i], links);
  }
  fmt::print("precision {:.2f} %, recall {:.2f} %, alignment error rate {:.2f} %\n", 100 * score.precision(),
             100 * score.recall(), 100 * score.aer());
  fmt::print("{} sentences, {} links predicted, {} sure: {} of the sure ones found, {} predicted ones possible\n",
             gold.size(), score.predicted, score.sure, score.sure_hits, score.possible_hits);
  if (a.json)
    fmt::print("{}\n", nlohmann::json{{"precision", score.precision()},
                                      {"recall", score.recall()},
                                      {"aer", score.aer()},
                                      {"sentences", gold.size()}}
                           .dump());
}

}  // namespace

void add_score(CLI::App& app) {
  CLI::App* command = app.add_subcommand("score", "Scores files against gold files");
  command->require_subcommand(1);
  const auto a = std::make_shared<AlignArguments>();
  CLI::App* alignments = command->add_subcommand(
      "align", "Precision, recall and alignment error rate (Och and Ney) of Pharaoh lines: i-j sure, ipj possible");
  alignments->add_option("--gold", a->gold, "Gold links, a line a sentence")->required();
  alignments->add_option("--pred", a->predicted, "Predicted links (i-j, counted from 0), a line a sentence")
      ->required();
  alignments->add_option("--gold-base", a->gold_base, "What the gold file counts words from")
      ->check(CLI::IsMember({0, 1}));
  alignments->add_option("--src", a->source, "The source sentences, words between spaces: links past them are errors");
  alignments->add_option("--tgt", a->target, "The target sentences, likewise");
  alignments->add_flag("--json", a->json, "Print the figures as one JSON object, too");
  alignments->callback([a] { score_align(*a); });
}

}  // namespace gaze
