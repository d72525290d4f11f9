#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include <gaze/autograd/base/threads.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/text/text_model.h>

namespace gaze::train {
namespace {

using nlohmann::json;

struct Arguments {
  std::string run, prompt, weights;
  std::int64_t tokens = 500;
  SampleOptions options;
  std::size_t next = 0;
  bool attention = false, json = false;
  int threads = 0;
};

/// A token as one line shows it: an end of line as "\n", a space as "␣".
std::string shown(const std::string& token) { return token == "\n" ? "\\n" : token == " " ? "␣" : printable(token); }

/// What the last token looked at: for each layer and the mean of all, the strongest tokens.
json attention_of(const TextModel::Look& look) {
  json layers = json::array();
  for (const auto& weights : look.weights) layers.push_back(weights);
  return {{"tokens", look.tokens}, {"layers", layers}};
}

void print_attention(const TextModel::Look& look) {
  constexpr std::size_t strongest = 5;
  fmt::print("\nWhat it looked at, the mean of each layer's heads, strongest first (with how far back):\n");
  for (std::size_t layer = 0; layer < look.weights.size(); ++layer) {
    const auto& weights = look.weights[layer];
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
    fmt::print("  layer {}:", layer);
    for (std::size_t i = 0; i < std::min(strongest, order.size()); ++i)
      fmt::print("  {} (-{}) {:.1f} %", shown(look.tokens[order[i]]), look.tokens.size() - 1 - order[i],
                 100 * weights[order[i]]);
    fmt::print("\n");
  }
}

void sample(const Arguments& a) {
  if (a.threads > 0) set_threads(a.threads);
  const auto model = TextModel::load(RunFolder::open(a.run), a.weights);
  const auto prompt = model->prompt(a.prompt);
  std::vector<std::string> words = prompt;
  std::erase(words, "\n");
  warn_of_unknown_words(model->language().vocabulary, words, "prompt");
  if (const std::int64_t seen = model->config().data.length; std::cmp_greater(prompt.size(), seen))
    fmt::print(stderr, "gaze: prompt: {} tokens; the model sees the last {}, and the first {} are cut\n", prompt.size(),
               seen, static_cast<std::int64_t>(prompt.size()) - seen);

  if (a.next > 0 || a.attention) {
    const auto likeliest = model->next(prompt, std::max<std::size_t>(a.next, 1));
    const TextModel::Look look = a.attention ? model->look(prompt) : TextModel::Look{};
    if (a.json) {
      json object = {{"prompt", prompt}, {"next", json::array()}};
      for (const NextToken& t : likeliest)
        object["next"].push_back({{"token", t.token}, {"probability", t.probability}});
      if (a.attention) object["attention"] = attention_of(look);
      JsonOutput(true).print(object);
      return;
    }
    for (const NextToken& t : likeliest) fmt::print("{:6.2f} %  {}\n", 100 * t.probability, shown(t.token));
    if (a.attention) print_attention(look);
    return;
  }
  JoinedText joined(model->language().tokenizer);
  const bool to_terminal = ::isatty(STDOUT_FILENO) == 1;
  std::string text;
  const auto say = [&](const std::string& token) {
    const std::string added = joined.add(token);
    text += added;
    if (!a.json) {
      fmt::print("{}", shown_text(added, to_terminal));
      flush_output();  // somebody watches it being written
    }
    return true;
  };
  for (const std::string& token : a.prompt.empty() ? std::vector<std::string>() : prompt) say(token);
  model->sample(prompt, a.tokens, a.options, say);
  if (a.json) {
    JsonOutput(true).print({{"text", text}, {"tokens", a.tokens}, {"seed", a.options.seed}});
  } else if (!text.ends_with('\n')) {
    fmt::print("\n");
  }
}

}  // namespace

void add_sample(CLI::App& app) {
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("sample", "Goes on with a text as a language model would");
  command->add_option("run", a->run, "The folder of a run on chars or words")->required();
  command->add_option("--prompt", a->prompt, "How the text begins");
  command->add_option("--tokens", a->tokens, "How many to add")->check(whole_range(0, 100'000'000));
  command->add_option("--temperature", a->options.temperature, "Below 1: likelier tokens; 0: always the likeliest")
      ->check(real_range(0.0, 1000.0));
  command->add_option("--top-k", a->options.top_k, "Only of the k likeliest; 0: of all")
      ->check(whole_range(0, 100'000'000));
  command->add_option("--top-p", a->options.top_p, "Only of the likeliest that reach this probability together")
      ->check(real_range(1e-9, 1.0));
  command->add_option("--seed", a->options.seed, "Another seed, another text")
      ->check(whole_range(0, std::numeric_limits<std::int64_t>::max()));
  command->add_option("--next", a->next, "Instead list the likeliest next tokens, so many, with probabilities")
      ->check(whole_range(1, 1'000'000));
  command->add_flag("--attention", a->attention, "With it, what the model looked at before the next token");
  add_weights_option(*command, a->weights);
  command->add_option("--threads", a->threads, "Threads to use")->check(whole_range(1, 1024));
  command->add_flag("--json", a->json, "Print text or tokens as one JSON object instead");
  command->callback([a] { sample(*a); });
}

}  // namespace gaze::train
