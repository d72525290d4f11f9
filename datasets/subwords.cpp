#include <gaze/datasets/subwords.h>

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <exception>
#include <unordered_map>

#include <gaze/autograd/base/error.h>

namespace gaze::train {
namespace {

/// The library reads what it learns from through one of these.
class Lines : public sentencepiece::SentenceIterator {
 public:
  Lines(std::span<const std::string_view> lines, const Spelling& spelling) : lines_(lines), spelling_(spelling) {
    spell();
  }
  bool done() const override { return next_ >= lines_.size(); }
  void Next() override {
    ++next_;
    spell();
  }
  const std::string& value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void spell() {
    if (!done()) line_ = spelling_.of(lines_[next_]);
  }
  std::span<const std::string_view> lines_;
  Spelling spelling_;
  std::size_t next_ = 0;
  std::string line_;
};

constexpr std::string_view space_mark = "\u2581";

/// The text that a piece stands for within a line.
std::string surface_of(const sentencepiece::SentencePieceProcessor& all, const std::string& piece) {
  std::string text;
  if (all.IsUnknown(all.PieceToId(piece)) && all.IdToPiece(all.PieceToId(piece)) == piece) {
    const auto status = all.Decode(std::vector<std::string>{piece}, &text);
    require(status.ok(), "subwords: {}", status.ToString());
    return text;
  }
  text = piece;
  for (std::size_t at = text.find(space_mark); at != text.npos; at = text.find(space_mark, at))
    text.replace(at, space_mark.size(), 1, ' ');
  return text;
}

}  // namespace

struct Subwords::Processor {
  sentencepiece::SentencePieceProcessor all;
};

Subwords Subwords::train(std::span<const std::string_view> lines, std::int64_t size, const Spelling& spelling) {
  std::size_t longest = 0;
  for (Lines line(lines, spelling); !line.done(); line.Next()) longest = std::max(longest, line.value().size());
  const std::unordered_map<std::string, std::string> options = {
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(size + 1)},  // and the unknown piece
      {"hard_vocab_limit", "false"},
      {"character_coverage", "1.0"},
      {"normalization_rule_name", "identity"},
      {"unk_id", "0"},
      {"bos_id", "-1"},
      {"eos_id", "-1"},
      {"pad_id", "-1"},
      {"max_sentence_length", std::to_string(longest + 1)},
      {"num_threads", "1"},  // the same pieces on every machine
      {"minloglevel", "2"}};
  Lines iterator(lines, spelling);
  std::string serialized;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &serialized);
  require(status.ok(), "subwords: {} pieces cannot be learned from {} lines: {}", size, lines.size(),
          status.ToString());
  return from(serialized);
}

Subwords Subwords::from(const std::string& serialized) {
  const auto processor = std::make_shared<Processor>();
  try {
    const auto status = processor->all.LoadFromSerializedProto(serialized);
    require(status.ok(), "{}", status.ToString());
  } catch (const std::exception& error) {  // the library throws, too
    fail("subwords: this is not a model of sentencepiece: {}", error.what());
  }
  Subwords subwords;
  subwords.processor_ = processor;
  subwords.serialized_ = serialized;
  return subwords;
}

std::vector<std::string> Subwords::pieces() const {
  std::vector<std::string> pieces;
  const auto& all = processor_->all;
  for (int id = 0; id < all.GetPieceSize(); ++id)
    if (!all.IsUnknown(id)) pieces.push_back(all.IdToPiece(id));
  return pieces;
}

Tokenizer Subwords::tokenizer() const {
  return {[processor = processor_](std::string_view line, const Tokenizer::Take& take) {
            check_utf8(line);
            std::vector<std::string> pieces;
            const auto status = processor->all.Encode({line.data(), line.size()}, &pieces);
            require(status.ok(), "subwords: {}", status.ToString());
            for (const std::string& piece : pieces) take(piece);
          },
          [processor = processor_](std::span<const std::string> tokens) {
            std::string text;
            const auto status = processor->all.Decode(std::vector<std::string>(tokens.begin(), tokens.end()), &text);
            require(status.ok(), "subwords: {}", status.ToString());
            return text;
          },
          [processor = processor_](std::string_view line) {
            std::vector<std::size_t> begins;
            for (const auto& piece : processor->all.EncodeAsImmutableProto({line.data(), line.size()}).pieces())
              begins.push_back(piece.begin());
            return words_at(line, begins, Unicode::none);  // the spelling has made other white space " "
          },
          [processor = processor_](std::span<const std::string> tokens) {
            std::string text;
            std::vector<std::size_t> begins;
            for (const std::string& piece : tokens)
              begins.push_back(text.size()), text += surface_of(processor->all, piece);
            return words_at(text, begins, Unicode::none);
          }};
}

}  // namespace gaze::train
