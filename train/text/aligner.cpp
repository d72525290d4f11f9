#include <gaze/train/text/aligner.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include <gaze/datasets/lines.h>
#include <gaze/nn/recorder.h>
#include <gaze/train/attention/word_map.h>

namespace gaze::train {
namespace {

constexpr std::size_t pairs_at_once = 64;

/// visit(pairs, recorder) for some pairs after the others, with the cross-attention of all layers or of one.
template <class Visit>
void for_batches(const Translator& model, const std::vector<Example>& pairs, const std::vector<std::int64_t>& layers,
                 const Visit& visit) {
  for (std::size_t first = 0; first < pairs.size(); first += pairs_at_once) {
    const std::vector<Example> some(
        pairs.begin() + static_cast<std::ptrdiff_t>(first),
        pairs.begin() + static_cast<std::ptrdiff_t>(std::min(first + pairs_at_once, pairs.size())));
    AttentionRecorder recorder{.kinds = {AttentionKind::cross}, .layers = layers};
    model.record(some, recorder);
    visit(some, recorder);
  }
}

std::vector<AlignmentLink> links_of(const Translator& model, const Tensor& weights, std::size_t b, const Example& pair,
                                    const Extraction& how) {
  const bool end_mark = how.end_competes && model.config().data.source_eos;
  const auto map = word_map(weights, static_cast<std::int64_t>(b), pair, how.choice, end_mark);
  require_numbers(map.weights);
  return train::links_of(map, pair, how.null_threshold);
}

}  // namespace

Extraction usual_extraction(const Translator& model) {
  const AttentionView view = model.usual_view();
  return {.layer = view.layer, .choice = view.choice};
}

std::vector<std::vector<AlignmentLink>> align(const Translator& model, const std::vector<Example>& pairs,
                                              const Extraction& how) {
  const std::string module = model.module_of(AttentionKind::cross, how.layer);
  std::vector<std::vector<AlignmentLink>> links;
  for_batches(model, pairs, {how.layer}, [&](const std::vector<Example>& some, const AttentionRecorder& recorder) {
    const Tensor weights = recorder.modules.at(module).weights();
    for (std::size_t b = 0; b < some.size(); ++b) links.push_back(links_of(model, weights, b, some[b], how));
  });
  return links;
}

void check_links(const std::filesystem::path& file, std::size_t line, const std::vector<Link>& links,
                 std::int64_t source_words, std::int64_t target_words) {
  for (const Link& l : links)
    for (const auto& [side, word, words] :
         {std::tuple("source", l.source, source_words), std::tuple("target", l.target, target_words)})
      require(word < words, "{}:{}: a link to {} word {}, counted from 0; the sentence has {}", file.string(), line,
              side, word, words);
}

BestExtraction best_extraction(const Translator& model, const std::vector<Example>& pairs, const Extraction& given) {
  std::vector<BestExtraction> candidates;
  for (const AttentionSite& site : sites_of(model.attentions(), AttentionKind::cross)) {
    const auto heads = static_cast<int>(site.heads);
    for (int head = heads > 1 ? -1 : 0; head < heads; ++head)
      for (const Shift shift : {Shift::produced, Shift::consumed}) {
        Extraction how = given;
        how.layer = site.layer, how.choice = {.head = head, .shift = shift};
        candidates.push_back({how, {}});
      }
  }
  for_batches(model, pairs, {}, [&](const std::vector<Example>& some, const AttentionRecorder& recorder) {
    for (BestExtraction& c : candidates) {
      const Tensor weights = recorder.modules.at(model.module_of(AttentionKind::cross, c.extraction.layer)).weights();
      for (std::size_t b = 0; b < some.size(); ++b)
        c.counts.add(some[b].gold, links_of(model, weights, b, some[b], c.extraction));
    }
  });
  return *std::min_element(candidates.begin(), candidates.end(), [](const BestExtraction& a, const BestExtraction& b) {
    return a.counts.aer() < b.counts.aer();
  });
}

bool can_align(const Translator& model, const Example& pair) {
  const auto fits = [](const std::vector<std::string>& words, std::int64_t longest) {
    return !words.empty() && std::cmp_less_equal(words.size(), longest);
  };
  return fits(pair.source, model.source().longest) && fits(pair.target, model.target().longest);
}

std::vector<Example> read_pairs(const Translator& model, const std::filesystem::path& source,
                                const std::filesystem::path& target) {
  const auto sources = read_lines(source), targets = read_lines(target);
  require_as_many_lines(source, sources.size(), target, targets.size());
  std::vector<Example> pairs;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    pairs.push_back(example_of(model.languages(), sources[i], targets[i]));
    const auto check = [&](const std::filesystem::path& file, std::size_t words, std::int64_t max_words) {
      require(words > 0, "{}:{}: the line is empty", file.string(), i + 1);
      require(static_cast<std::int64_t>(words) <= max_words, "{}:{}: {} tokens; this model was trained on at most {}",
              file.string(), i + 1, words, max_words);
    };
    check(source, pairs.back().source.size(), model.source().longest);
    check(target, pairs.back().target.size(), model.target().longest);
  }
  return pairs;
}

std::optional<std::string> note_on_base(const std::filesystem::path& file, const std::vector<std::vector<Link>>& links,
                                        std::string_view remedy) {
  bool any = false;
  for (const auto& line : links)
    for (const Link& l : line) {
      if (l.source == 0 || l.target == 0) return {};
      any = true;
    }
  if (!any) return {};
  return fmt::format("{}: no link names word 0, and words are counted from 0; for a file that counts from 1: {}",
                     file.string(), remedy);
}

std::vector<std::vector<Link>> read_pharaoh(const std::filesystem::path& file, int base) {
  std::vector<std::vector<Link>> links;
  for (const std::string& line : read_lines(file))
    links.push_back(parse_pharaoh(line, base, fmt::format("{}:{}", file.string(), links.size() + 1)));
  return links;
}

}  // namespace gaze::train
