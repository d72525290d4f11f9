#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/autograd/random.h>
#include <gaze/datasets/example.h>
#include <gaze/datasets/tokenizer.h>

namespace gaze::train {

enum class Split { train, validation, test };

struct ToyOptions {
  std::uint64_t seed = 1;
  int symbols = 16;    ///< of tasks on symbols: see has_symbols()
  int min_length = 3;  ///< of their sentences
  int max_length = 10;
};

/// What a task's sentences are made of, for somebody who wants to try it.
struct TaskGuide {
  /// Words that are told together: the forms of one, or some of a kind. `meaning`: in the target, where it helps.
  struct Entry {
    std::string words, meaning = {};
  };
  struct Group {
    std::string name;
    std::vector<Entry> entries;
  };
  std::vector<Group> words;           ///< all of the source, as somebody would type them
  std::vector<std::string> forms;     ///< which sentences there are, one line each
  std::vector<std::string> examples;  ///< source sentences to try
};

/// An endless supply of sentence pairs whose alignment is known.
///
/// Which split a pair belongs to is decided by a hash of its source sentence alone: about 80 % train, 10 % validation
/// and 10 % test, and never two of them, whatever the seed. A task may decree it for some: what it shows is never
/// trained.
class ToyTask {
 public:
  virtual ~ToyTask() = default;

  virtual std::string_view name() const = 0;
  virtual std::string description() const = 0;                     ///< one line
  virtual std::vector<std::string> source_vocabulary() const = 0;  ///< every token that can occur
  virtual std::vector<std::string> target_vocabulary() const = 0;
  virtual int max_source_length() const = 0;  ///< tokens
  virtual int max_target_length() const = 0;
  virtual std::vector<std::string> showcase() const = 0;  ///< three source sentences, as somebody would type them
  virtual TaskGuide guide() const = 0;
  /// A line of text as source tokens: words by default. Throws for text that is not UTF-8.
  virtual std::vector<std::string> tokenize(std::string_view line) const;
  /// A line of text as target tokens, likewise: the inverse of join().
  virtual std::vector<std::string> tokenize_target(std::string_view line) const;
  /// Target tokens as text: words joined by spaces by default.
  virtual std::string join(const std::vector<std::string>& tokens) const;
  /// Source tokens as text, likewise.
  virtual std::string join_source(const std::vector<std::string>& tokens) const;

  /// Pair `index` of a split: a function of (seed, split, index) alone.
  Example example(Split split, std::uint64_t index) const;
  /// `count` of them from `first` on.
  std::vector<Example> examples(Split split, std::int64_t count, std::int64_t first = 0) const;

 protected:
  explicit ToyTask(std::uint64_t seed) : seed_(seed) {}
  virtual Example draw(Random& random) const = 0;
  /// The split of a source sentence that has one by decree; nothing for those that the hash decides.
  virtual std::optional<Split> fixed_split(const std::vector<std::string>&) const { return std::nullopt; }

 private:
  Split split_of(const std::vector<std::string>& source) const;
  std::uint64_t seed_;
};

/// How a task's sentences are written.
Tokenizer source_tokenizer(std::shared_ptr<const ToyTask> task);
Tokenizer target_tokenizer(std::shared_ptr<const ToyTask> task);

const std::vector<std::string>& toy_task_names();
/// Whether a toy task's sentences are symbols, whose number and lengths its options say. False for other names.
bool has_symbols(std::string_view task);

/// Throws for an unknown name, listing all and suggesting the nearest, and for options that make no sentence.
std::unique_ptr<ToyTask> make_toy_task(std::string_view name, const ToyOptions& options);

}  // namespace gaze::train
