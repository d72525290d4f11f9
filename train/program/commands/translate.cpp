#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include <gaze/autograd/base/threads.h>
#include <gaze/datasets/lines.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/text/translator.h>

namespace gaze::train {

namespace {

struct Arguments {
  std::string run, weights;
  std::optional<std::int64_t> beam;
  std::optional<double> length_penalty;
  std::int64_t best = 0;
  LengthLimit limit;
  bool replace_unknown = false, quiet = false;
  int threads = 0;
};

void translate(const Arguments& a) {
  if (a.beam && a.best > *a.beam)
    throw UsageError(fmt::format("--n-best {0}: a beam of {1} finds {1} at most; give --beam {0}", a.best, *a.beam));
  if (a.threads > 0) set_threads(a.threads);
  const auto translator = Translator::load(RunFolder::open(a.run), a.weights);
  const Config& config = translator->config();
  const std::int64_t beam = std::max(a.beam.value_or(config.decoding.beam), a.best);
  const double length_penalty = a.length_penalty.value_or(config.decoding.length_penalty);
  const Language &from = translator->languages().source, &to = translator->languages().target;

  std::string hint = hint_of_words(*translator);  // once
  std::vector<std::vector<std::string>> waiting;
  std::int64_t number = 0;  // of the last line that was read
  const bool to_terminal = ::isatty(STDOUT_FILENO) == 1;
  const auto answer = [&] {
    const std::int64_t first = number - static_cast<std::int64_t>(waiting.size());
    std::int64_t line = first;
    for (const auto& found : translator->translate(waiting, beam, length_penalty, a.replace_unknown, a.limit)) {
      ++line;
      if (a.best == 0) {
        fmt::print("{}\n", shown_text(to.tokenizer.join(found.front().words), to_terminal));
        continue;
      }
      for (std::size_t i = 0; i < found.size() && std::cmp_less(i, a.best); ++i)
        fmt::print("{} ||| {} ||| {:.4f} ||| {:.4f}\n", line,
                   shown_text(to.tokenizer.join(found[i].words), to_terminal), found[i].normalised,
                   found[i].log_probability);
    }
    waiting.clear();
    flush_output();
  };
  if (!a.quiet && ::isatty(STDIN_FILENO) == 1)
    fmt::print(stderr, "Type sentences to translate, one per line; Ctrl-D ends\n");
  LineReader input(STDIN_FILENO, "stdin");
  const auto next = [&] {
    try {
      return input.next();
    } catch (const Error&) {  // what came before it is answered all the same
      answer();
      throw;
    }
  };
  while (const std::optional<std::string> line = next()) {
    ++number;
    waiting.push_back(from.tokenizer.tokenize(*line));
    const std::string where = fmt::format("stdin:{}", number);
    if (!a.quiet && warn_of_unknown_words(from.vocabulary, waiting.back(), where, hint)) hint.clear();
    if (std::cmp_greater(waiting.back().size(), from.longest))
      fmt::print(stderr, "gaze: {}: {} tokens; the model reads the first {}\n", where, waiting.back().size(),
                 from.longest);
    // A file is quicker in large batches; who types, or writes line by line into a pipe, waits for an answer.
    if (waiting.size() >= lines_at_once || !input.ready(patience)) answer();
  }
  answer();
}

}  // namespace

void add_translate(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("translate", "Translates standard input, line by line, with a trained model");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("--beam", a->beam, "Hypotheses to follow; 1: greedy (default: the run's, or N of --n-best)")
      ->check(whole_range(1, 1000));
  command->add_option("--length-penalty", a->length_penalty, "The larger, the longer (default: the run's)")
      ->check(real_range(0.0, 10.0));
  command->add_option("--max-ratio", a->limit.per_word, "Words of a translation at most, for each of its source")
      ->capture_default_str()
      ->check(real_range(0.0, 1e6));
  command->add_option("--max-extra", a->limit.more, "and so many more")
      ->capture_default_str()
      ->check(whole_range(0, 1000000));
  command
      ->add_option("--n-best", a->best, "Print so many translations of each line, as LINE ||| TEXT ||| SCORE ||| LOG P")
      ->check(whole_range(1, 1000));
  command->add_flag("--replace-unknown", a->replace_unknown,
                    "Put the source word of the strongest attention where the model says an unknown one");
  add_weights_option(*command, a->weights);
  command->add_flag("--quiet", a->quiet, "Do not name words that are unknown to the model");
  command->add_option("--threads", a->threads, "Threads to use")->check(whole_range(1, 1024));
  command->callback([a] { translate(*a); });
}

}  // namespace gaze::train
