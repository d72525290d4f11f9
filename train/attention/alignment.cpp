#include <gaze/train/attention/alignment.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <gaze/autograd/base/error.h>

namespace gaze::train {

void AlignmentCounts::add(std::span<const Link> gold, std::span<const AlignmentLink> prediction) {
  if (gold.empty()) return;
  predicted += static_cast<std::int64_t>(prediction.size());
  sure += std::count_if(gold.begin(), gold.end(), [](const Link& l) { return l.sure; });
  std::map<AlignmentLink, bool> sure_of;
  for (const Link& l : gold) sure_of.emplace(AlignmentLink(l.source, l.target), l.sure);
  for (const AlignmentLink& link : prediction) {
    const auto match = sure_of.find(link);
    if (match == sure_of.end()) continue;
    ++possible_hits;
    sure_hits += match->second;
  }
}

double AlignmentCounts::precision() const {
  return predicted ? static_cast<double>(possible_hits) / static_cast<double>(predicted) : 1;
}

double AlignmentCounts::recall() const { return sure ? static_cast<double>(sure_hits) / static_cast<double>(sure) : 1; }

double AlignmentCounts::aer() const {
  if (predicted + sure == 0) return 0;
  return 1 - static_cast<double>(sure_hits + possible_hits) / static_cast<double>(predicted + sure);
}

std::string_view name_of(Shift shift) { return shift == Shift::produced ? "produced" : "consumed"; }

nlohmann::json head_name(int head) { return head < 0 ? nlohmann::json("mean") : nlohmann::json(head); }

std::vector<double> attention_map(const Tensor& weights, std::int64_t b, std::int64_t rows, std::int64_t columns,
                                  const MapChoice& choice) {
  const Shape& shape = weights.shape();
  const std::int64_t first_row = choice.shift == Shift::consumed;
  require(shape.rank() == 4 && b >= 0 && b < shape[0] && first_row + rows <= shape[2] && columns <= shape[3],
          "attention: sentence {} of {} x {} words in weights {}", b, first_row + rows, columns, shape);
  const std::int64_t heads = shape[1];
  require(choice.head >= -1 && choice.head < heads, "attention: there is no head {}; there are {}", choice.head, heads);
  const std::int64_t first = std::max(choice.head, 0), last = choice.head < 0 ? heads : choice.head + 1;
  std::vector<double> map(static_cast<std::size_t>(rows * columns), 0);
  const Array& numbers = weights.array();
  for (std::int64_t h = first; h < last; ++h)
    for (std::int64_t t = 0; t < rows; ++t)
      for (std::int64_t s = 0; s < columns; ++s)
        map[static_cast<std::size_t>(t * columns + s)] +=
            numbers.at(((b * heads + h) * shape[2] + first_row + t) * shape[3] + s) / static_cast<double>(last - first);
  return map;
}

void require_numbers(std::span<const double> map) {
  require(std::ranges::all_of(map, [](double w) { return std::isfinite(w); }),
          "attention: what the model looks at is not a number; its weights may be too large");
}

std::vector<AlignmentLink> strongest_links(std::span<const double> map, std::int64_t source_words, std::int64_t columns,
                                           double null_threshold) {
  require(null_threshold >= 0 && null_threshold <= 1,
          "alignment: a weight of {} for a link at least is not from 0 to 1", null_threshold);
  std::vector<AlignmentLink> links;
  if (columns == 0) return links;
  for (std::size_t t = 0; t < map.size() / static_cast<std::size_t>(columns); ++t) {
    const auto row = map.subspan(t * static_cast<std::size_t>(columns), static_cast<std::size_t>(columns));
    const auto strongest = std::max_element(row.begin(), row.end());
    if (const auto s = strongest - row.begin(); s < source_words && *strongest >= null_threshold)
      links.emplace_back(static_cast<int>(s), static_cast<int>(t));
  }
  return links;
}

std::vector<AlignmentLink> best_links(std::span<const Link> gold, std::int64_t target_words) {
  std::vector<AlignmentLink> links;
  for (int t = 0; t < target_words; ++t) {
    AlignmentLink best{-1, t};
    for (const Link& link : gold)
      if (link.target == t && (link.sure || best.first < 0)) best.first = link.source;
    links.push_back(best);
  }
  return links;
}

std::vector<AlignmentLink> diagonal_links(std::int64_t source_words, std::int64_t target_words) {
  std::vector<AlignmentLink> links;
  if (source_words > 0)
    for (std::int64_t t = 0; t < target_words; ++t)
      links.emplace_back(static_cast<int>((2 * t + 1) * source_words / (2 * target_words)), static_cast<int>(t));
  return links;
}

namespace {

using LinkSet = std::set<AlignmentLink>;

/// Adds links of the union beside those that are there, as long as there are any: target words outside, source words
/// inside, what was just added included, and straight neighbours before diagonal ones, as the paper's pseudocode does.
LinkSet grow(LinkSet links, const LinkSet& either) {
  constexpr std::array<std::pair<int, int>, 8> around = {
      {{-1, 0}, {0, -1}, {1, 0}, {0, 1}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}};  // target, source
  std::set<int> sources, targets;
  int words_in = 0, words_out = 0;
  for (const auto& [s, t] : links) sources.insert(s), targets.insert(t);
  for (const auto& [s, t] : either) words_in = std::max(words_in, s + 1), words_out = std::max(words_out, t + 1);
  for (bool grown = true; grown;) {
    grown = false;
    for (int t = 0; t < words_out; ++t)
      for (int s = 0; s < words_in; ++s) {
        if (!links.contains({s, t})) continue;
        for (const auto& [dt, ds] : around) {
          const AlignmentLink next{s + ds, t + dt};
          if (!either.contains(next) || (sources.contains(next.first) && targets.contains(next.second))) continue;
          grown = links.insert(next).second || grown;
          sources.insert(next.first), targets.insert(next.second);
        }
      }
  }
  return links;
}

}  // namespace

std::vector<AlignmentLink> symmetrize(std::span<const AlignmentLink> forward, std::span<const AlignmentLink> backward,
                                      Symmetrization how) {
  const LinkSet one(forward.begin(), forward.end()), other(backward.begin(), backward.end());
  LinkSet both, either = one;
  either.insert(other.begin(), other.end());
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(), std::inserter(both, both.end()));
  const LinkSet chosen = how == Symmetrization::either         ? either
                         : how == Symmetrization::intersection ? both
                                                               : grow(both, either);
  std::vector<AlignmentLink> links(chosen.begin(), chosen.end());
  std::sort(links.begin(), links.end(), [](const AlignmentLink& a, const AlignmentLink& b) {
    return std::pair(a.second, a.first) < std::pair(b.second, b.first);
  });
  return links;
}

std::string to_pharaoh(std::span<const AlignmentLink> links) {
  std::string line;
  for (const auto& [source, target] : links) line += fmt::format("{}{}-{}", line.empty() ? "" : " ", source, target);
  return line;
}

std::vector<Link> parse_pharaoh(std::string_view line, int base, std::string_view where) {
  std::vector<Link> links;
  std::map<AlignmentLink, std::size_t> places;  // in `links`
  constexpr std::string_view blanks = " \t";
  for (std::size_t at = line.find_first_not_of(blanks); at != line.npos; at = line.find_first_not_of(blanks, at)) {
    const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    const std::string_view word = line.substr(at, end - at);
    at = end;
    Link link;
    const char* const stop = word.data() + word.size();
    const auto [sign, none] = std::from_chars(word.data(), stop, link.source);
    const bool begins = none == std::errc() && sign != stop && (*sign == '-' || *sign == 'p') && word[0] != '-';
    const bool signless = begins && sign + 1 != stop && sign[1] != '-';
    const auto [last, error] = signless ? std::from_chars(sign + 1, stop, link.target) : std::from_chars_result{};
    require(signless && error == std::errc() && last == stop,
            "{}: {} is not a link; links are i-j (sure) or ipj (possible)", where, word);
    link.sure = *sign == '-', link.source -= base, link.target -= base;
    require(link.source >= 0 && link.target >= 0, "{}: {} has an index below {}, the file's first", where, word, base);
    const auto [same, is_new] = places.emplace(AlignmentLink(link.source, link.target), links.size());
    if (is_new)
      links.push_back(link);
    else if (link.sure)
      links[same->second].sure = true;
  }
  return links;
}

}  // namespace gaze::train
