#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gaze::train {

/// The words that a model knows, by id. The first four are marks: padding, begin, end, unknown.
class Vocabulary {
 public:
  static constexpr std::int32_t pad = 0, bos = 1, eos = 2, unk = 3;

  /// The marks and then the tokens in their order. Throws for a token that is there already.
  explicit Vocabulary(const std::vector<std::string>& tokens);
  /// The tokens that were counted at least `min_count` times, the most frequent `max_tokens` of them (0: all), by
  /// falling frequency and then by their bytes. What looks like a mark is left out.
  static Vocabulary from_counts(const std::unordered_map<std::string, std::int64_t>& counts, std::int64_t min_count = 1,
                                std::int64_t max_tokens = 0);
  /// From what tokens() gave. Throws unless the marks come first.
  static Vocabulary from_list(const std::vector<std::string>& all);

  std::int64_t size() const { return static_cast<std::int64_t>(tokens_.size()); }
  bool contains(std::string_view token) const;  ///< among the tokens that are not marks
  /// unk for a token that is not there; a text's "<eos>" is a word like any other and no mark
  std::int32_t id(std::string_view token) const;
  const std::string& token(std::int32_t id) const;  ///< throws when out of range
  std::vector<std::int32_t> encode(std::span<const std::string> tokens) const;
  std::vector<std::string> decode(std::span<const std::int32_t> ids) const;
  const std::vector<std::string>& tokens() const { return tokens_; }  ///< by id, marks included

 private:
  /// Parts of a text are looked up as they are, without a string of their own.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view token) const { return std::hash<std::string_view>()(token); }
  };
  void add(const std::string& token);
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
};

}  // namespace gaze::train
