#include <cmath>

#include <gaze/datasets/lines.h>
#include <gaze/datasets/tokenizer.h>
#include <gaze/datasets/vocabulary.h>
#include <gaze/train/text/bleu.h>
#include <gaze/train/text/text_model.h>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

namespace {

void check(const Tokenizer& tokenizer, const std::string& line) {
  const auto tokens = tokenizer.tokenize(line);
  const auto words = tokenizer.words_of_line(line);
  fuzz::must(words.empty() || words.size() == tokens.size(), "each token has its word");
  const std::string joined = tokenizer.join(tokens);
  check_utf8(joined);
  fuzz::must(tokenizer.tokenize(joined) == tokens, "text of tokens is those tokens");
  JoinedText one_by_one(tokenizer);
  std::string added;
  for (const std::string& token : tokens) added += one_by_one.add(token);
  fuzz::must(added == joined, "text that comes token by token is the same");
}

}  // namespace

/// Lines, code points and words of any bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  for (std::string_view rest = input; !rest.empty();) {  // of any bytes
    const Cluster cluster = first_cluster(rest);
    fuzz::must(cluster.bytes > 0 && cluster.bytes <= rest.size() && cluster.width >= 0, "a cluster has bytes");
    rest.remove_prefix(cluster.bytes);
  }
  const auto path = fuzz::file_of(input);
  std::vector<std::string> lines;
  const bool taken = fuzz::accepts([&] { lines = read_lines(path); });
  LineReader reader(path);
  std::vector<std::string> read;
  bool all_taken = true;
  for (bool more = true; more;)
    all_taken = fuzz::accepts([&] {
                  const auto line = reader.next();
                  more = line.has_value();
                  if (line) read.push_back(*line);
                }) &&
                all_taken;
  fuzz::must(taken == all_taken && (!taken || read == lines), "one after another, lines are the same");
  fuzz::must(count_lines(path) == reader.lines(), "lines are counted in one way");
  if (!taken) return 0;
  std::vector<std::string> composed;
  if (fuzz::accepts([&] { composed = read_lines(path, Unicode::nfc); }))
    fuzz::must(composed.size() == lines.size(), "composed lines are as many");
  for (const std::string& line : lines) {
    fuzz::must(line.find('\n') == line.npos, "a line is one line");
    std::string whole;
    for (const std::string& one : characters_of(line)) whole += one;
    fuzz::must(whole == line, "characters are a line's own bytes");
    for (const Unicode unicode : {Unicode::nfc, Unicode::none}) {
      for (const std::string_view word : words_in(line, unicode)) fuzz::must(!word.empty(), "a word is something");
      const std::string lower = lower_case(line, unicode);
      check_utf8(lower);
      for (const bool lowercase : {false, true})
        for (const Tokenizer& tokenizer : {word_tokenizer(unicode), character_tokenizer(unicode)}) {
          const Spelling spelling{.unicode = unicode, .lowercase = lowercase};
          std::string spelled_line;
          if (!fuzz::accepts([&] { spelled_line = spelling.of(line); })) continue;  // too many marks
          check_utf8(spelled_line);
          fuzz::must(spelling.of(spelled_line) == spelled_line, "what is spelled stays as it is");
          check(spelled(tokenizer, spelling), spelled_line);
        }
    }
  }
  const Bleu same = bleu(lines, lines);
  fuzz::must(std::isfinite(same.value) && same.value >= 0 && same.value < 100.001, "a score is from 0 to 100");
  return 0;
}
