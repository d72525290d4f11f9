#include <gaze/datasets/vocabulary.h>

#include <algorithm>
#include <utility>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

const std::vector<std::string> marks = {"<pad>", "<bos>", "<eos>", "<unk>"};

}  // namespace

Vocabulary::Vocabulary(const std::vector<std::string>& tokens) {
  for (const std::string& token : marks) add(token);
  for (const std::string& token : tokens) add(token);
}

Vocabulary Vocabulary::from_counts(const std::unordered_map<std::string, std::int64_t>& counts, std::int64_t min_count,
                                   std::int64_t max_tokens) {
  std::vector<std::pair<std::int64_t, std::string>> frequent;
  for (const auto& [token, count] : counts)
    if (count >= min_count && std::find(marks.begin(), marks.end(), token) == marks.end())
      frequent.emplace_back(-count, token);
  std::sort(frequent.begin(), frequent.end());
  if (max_tokens > 0 && static_cast<std::int64_t>(frequent.size()) > max_tokens)
    frequent.resize(static_cast<std::size_t>(max_tokens));
  std::vector<std::string> tokens;
  for (auto& [count, token] : frequent) tokens.push_back(std::move(token));
  return Vocabulary(tokens);
}

Vocabulary Vocabulary::from_list(const std::vector<std::string>& all) {
  require(all.size() >= marks.size() && std::equal(marks.begin(), marks.end(), all.begin()),
          "vocabulary: the list must begin with {}", fmt::join(marks, " "));
  return Vocabulary({all.begin() + static_cast<std::ptrdiff_t>(marks.size()), all.end()});
}

void Vocabulary::add(const std::string& token) {
  const bool added = ids_.emplace(token, static_cast<std::int32_t>(tokens_.size())).second;
  require(added, "vocabulary: the token \"{}\" is there already", token);
  tokens_.push_back(token);
}

bool Vocabulary::contains(std::string_view token) const { return id(token) != unk; }

std::int32_t Vocabulary::id(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? unk : std::max(found->second, unk);
}

const std::string& Vocabulary::token(std::int32_t id) const {
  require(id >= 0 && id < size(), "vocabulary: id {} is not in [0, {})", id, size());
  return tokens_[static_cast<std::size_t>(id)];
}

std::vector<std::int32_t> Vocabulary::encode(std::span<const std::string> tokens) const {
  std::vector<std::int32_t> ids;
  for (const std::string& token : tokens) ids.push_back(id(token));
  return ids;
}

std::vector<std::string> Vocabulary::decode(std::span<const std::int32_t> ids) const {
  std::vector<std::string> tokens;
  for (const std::int32_t i : ids) tokens.push_back(token(i));
  return tokens;
}

}  // namespace gaze::train
