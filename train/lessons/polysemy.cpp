#include <gaze/train/lessons/lesson.h>

#include <xtensor-blas/xlinalg.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <span>
#include <sstream>
#include <unordered_map>

#include <gaze/autograd/kernels/openblas.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/xtensor.h>
#include <gaze/datasets/vocabulary.h>
#include <gaze/nn/embedding.h>
#include <gaze/nn/recorder.h>
#include <gaze/nn/transformer.h>
#include <gaze/optim/adam.h>
#include <gaze/optim/schedules.h>

namespace gaze::train {
namespace {

using Words = std::vector<std::string>;

struct Inputs {
  std::int64_t d = 32, epochs = 30;
  std::uint64_t seed = 1;
  Words sentence = {};
};

/// Sentences of one sense: any word of each group a|b|c. The beginning tells the sense, and what follows the noun
/// depends on it. apple and 苹果 are both a fruit and a phone.
struct Frame {
  bool fruit;
  std::string beginning, noun_and_end;
};
const std::vector<Frame> frames = {
    {true, "after I|she|we washed|peeled|picked|sliced|ate it the|this",
     "apple|苹果|pear|banana tasted|smelled sweet|fresh"},
    {false, "after I|she|we charged|unlocked|repaired|dialled|updated it the|this",
     "apple|苹果|tablet|telephone rang|crashed again|twice"},
    {true, "in the market|garden|kitchen the|this", "apple|苹果|pear|banana tasted|smelled sweet|fresh"},
    {false, "in the office|laboratory|studio the|this", "apple|苹果|tablet|telephone rang|crashed again|twice"},
    {true, "my|our|her stomach|basket|lunchbox is empty I want to buy a", "pear|banana|peach"},
    {false, "my|our|her screen|battery|headset is broken I want to buy a", "tablet|telephone|charger"}};

struct Sentence {
  Words words;
  std::size_t place;  ///< of the noun
  bool fruit = false, held_out = false;

  const std::string& noun() const { return words[place]; }
  bool ambiguous() const { return noun() == "apple" || noun() == "苹果"; }
};
using Sentences = std::vector<Sentence>;

Words split(const std::string& text, char separator) {
  std::istringstream stream(text);
  Words parts;
  for (std::string part; std::getline(stream, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

/// One word from each group.
std::vector<Words> choices(const std::string& pattern) {
  std::vector<Words> all = {{}};
  for (const std::string& group : split(pattern, ' ')) {
    std::vector<Words> longer;
    for (const Words& words : all)
      for (const std::string& word : split(group, '|')) longer.push_back(words), longer.back().push_back(word);
    all = std::move(longer);
  }
  return all;
}

Sentences all_sentences() {
  constexpr std::uint32_t kept_one_in = 3, held_out_one_in = 4;  // sentences, beginnings
  Random random({.seed = 1});
  Sentences all;
  for (const Frame& frame : frames) {
    for (const Words& beginning : choices(frame.beginning)) {
      const bool held_out = hash_of(fmt::format("{}", fmt::join(beginning, " "))) % held_out_one_in == 0;
      for (const Words& rest : choices(frame.noun_and_end)) {
        if (random.below(kept_one_in) != 0) continue;
        all.push_back({beginning, beginning.size(), frame.fruit, held_out});
        all.back().words.insert(all.back().words.end(), rest.begin(), rest.end());
      }
    }
  }
  return all;
}

const Vocabulary& vocabulary() {
  static const Vocabulary words = [] {
    std::unordered_map<std::string, std::int64_t> counts;
    for (const Sentence& s : all_sentences())
      for (const std::string& word : s.words) ++counts[word];
    return Vocabulary::from_counts(counts);
  }();
  return words;
}

/// int32 [B,T]: the words first, first + 1, ... of every sentence, and padding.
Tensor ids_of(std::span<const Sentence> sentences, std::ptrdiff_t first = 0) {
  std::ptrdiff_t length = 1;
  for (const Sentence& s : sentences) length = std::max(length, std::ssize(s.words));
  std::vector<std::int32_t> ids;
  for (const Sentence& s : sentences) {
    std::vector<std::int32_t> row = vocabulary().encode(s.words);
    row.resize(static_cast<std::size_t>(length + first), Vocabulary::pad);
    ids.insert(ids.end(), row.begin() + first, row.end());
  }
  return Tensor::from<std::int32_t>({std::ssize(sentences), length}, ids);
}

/// A causal pre-norm encoder over word vectors, and a guess at the next word.
struct Model {
  Model(const Scope& scope, std::int64_t d)
      : embedding(scope / "embedding", vocabulary().size(), d, 0.1),
        encoder(scope / "encoder", 2, {.d_model = d, .heads = 2, .d_ff = 64, .dropout = 0, .norm = Norm::pre}),
        head(scope / "head", d, vocabulary().size()) {}

  Tensor contextual(const Tensor& ids, Context& context) const {  // int32 [B,T] -> [B,T,D]
    constexpr double position_scale = 0.1;                        // as large as the word vectors
    const Tensor positions = position_scale * sinusoidal_positions(ids.size(1), embedding.weight.size(1));
    return encoder(embedding(ids) + positions, {.causal = true}, context);
  }

  Embedding embedding;
  Encoder encoder;
  Linear head;
};

/// Trains on next words.
void train(const Inputs& in, Params& params, const Model& model, Sentences sentences,
           const std::function<void()>& after_epoch) {
  constexpr std::size_t batch_size = 8;
  constexpr double learning_rate = 3e-3;
  const std::int64_t batches = (std::ssize(sentences) - 1) / static_cast<std::int64_t>(batch_size) + 1;
  const Schedule schedule{.decay = Decay::cosine, .warmup = 20, .steps = in.epochs * batches};
  AdamW optimizer(params, {.weight_decay = 1});
  Random random({.seed = in.seed, .stream = 1});
  for (std::int64_t step = 0; step < schedule.steps; after_epoch()) {
    for (std::size_t i = sentences.size(); i > 1; --i)
      std::swap(sentences[i - 1], sentences[random.below(static_cast<std::uint32_t>(i))]);
    for (std::size_t first = 0; first < sentences.size(); first += batch_size) {
      const auto batch = std::span(sentences).subspan(first, std::min(batch_size, sentences.size() - first));
      Context context{.training = true};
      const Tensor logits = model.head(model.contextual(ids_of(batch), context));
      params.zero_grad();
      cross_entropy(logits, ids_of(batch, 1), {.ignore_index = Vocabulary::pad}).backward();
      optimizer.step(learning_rate * schedule.factor(++step));
    }
  }
}

/// The nouns' rows of vectors [N,T,D], in float64: [N,D]
Tensor at_nouns(const Tensor& vectors, const Sentences& sentences) {
  std::vector<Tensor> rows;
  for (const Sentence& s : sentences) rows.push_back(vectors[std::ssize(rows)][static_cast<std::int64_t>(s.place)]);
  return cast(stack(rows).detach(), DType::float64);
}

/// What the encoder makes of the nouns: [N,D]
Tensor contextual_nouns(const Model& model, const Sentences& sentences) {
  const NoGrad no_grad;
  Context context;
  return at_nouns(model.contextual(ids_of(sentences), context), sentences);
}

/// Mean cosines of x [N,D] over pairs of sentences: of one word in one sense, of one word in two, of two in one sense.
std::array<double, 3> mean_cosines(const Tensor& x, const Sentences& sentences) {
  const Tensor units = x / sqrt(sum(x * x, {1}, true)), cosines = matmul(units, units, {.transpose_b = true});
  std::array<double, 3> total{}, count{};
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const bool word = sentences[i].noun() == sentences[j].noun(), sense = sentences[i].fruit == sentences[j].fruit;
      if (!word && !sense) continue;
      const std::size_t kind = !sense ? 1 : word ? 0 : 2;
      total[kind] += cosines.array().at(static_cast<std::int64_t>(i * sentences.size() + j)), ++count[kind];
    }
  }
  return {total[0] / count[0], total[1] / count[1], total[2] / count[2]};
}

/// x [N,D] along the two directions in which it varies most, the last eigenvectors of its covariance (principal
/// component analysis): [N,2]
Tensor principal_components(const Tensor& x) {
  const Tensor centered = x - mean(x, {0}, true);
  const kernels::OneBlasThread one_thread;
  const auto [variances, axes] = xt::linalg::eigh(to_xtensor<double>(matmul(transpose(centered), centered)));
  return matmul(centered, slice(from_xtensor(axes), 1, x.size(1) - 2, x.size(1)));
}

/// Shows who the last word looks at, and which words may come next. Returns the heads' weights [heads,T].
Tensor read(const Words& words, bool seen, const Model& model, Page& page) {
  const std::int64_t last = std::ssize(words) - 1;
  AttentionRecorder recorder;
  const Taps taps = recorder.taps();
  Context context{.taps = &taps};
  const Tensor vectors = model.contextual(ids_of(Sentences{{words, 0}}), context);  // [1,T,D]
  const Tensor next = softmax(model.head(vectors))[0][last];                        // [V]
  Words heads, guesses;
  std::vector<Tensor> looks;
  for (const auto& [name, attention] : recorder.modules) {
    const Tensor weights = attention.weights();
    for (std::int64_t h = 0; h < weights.size(1); ++h) {
      heads.push_back(fmt::format("layer{} head{}", attention.site.layer, h));
      looks.push_back(weights[0][h][last]);
    }
  }
  std::vector<std::pair<double, std::string>> ranked;
  for (std::int32_t id = 0; id < next.size(); ++id) ranked.emplace_back(next.at({id}), vocabulary().token(id));
  std::sort(ranked.rbegin(), ranked.rend());
  ranked.resize(4);
  for (const auto& [p, word] : ranked) guesses.push_back(fmt::format("{} {:.0f}%", word, 100 * p));
  page.heat_map(fmt::format("{} ...", fmt::join(words, " ")), heads, words, stack(looks));
  page.say(fmt::format("Next, {}: {}.", seen ? "learned" : "never read before", fmt::join(guesses, ", ")));
  page.numbers["readings"].push_back(
      {{"words", words}, {"seen", seen}, {"next", ranked}, {"looks", to_json(stack(looks))}});
  return stack(looks);
}

void run(const Inputs& in, Page& page) {
  Sentences known, nouns, apples;
  for (const Sentence& s : all_sentences()) {
    if (!s.held_out) known.push_back(s);
    if (s.held_out && s.place + 1 < s.words.size()) nouns.push_back(s);
    if (s.held_out && s.ambiguous()) apples.push_back(s);
  }
  page.say(fmt::format(
      "A small encoder learns to guess the next word of {} sentences. apple, or 苹果, is a fruit in some and a "
      "phone in others; only what stands before it tells. {} sentences with other beginnings are held out, and used "
      "below.",
      known.size(), all_sentences().size() - known.size()));
  page.formula("h_t = encoder(w_1, ..., w_t)_t,   p(next word) = softmax(W h_t + b)");
  Params params;
  const Model model(Scope(params, {.seed = in.seed}), in.d);
  std::vector<Series> curves = {
      {"one word, one sense", {}}, {"one word, two senses", {}}, {"two words, one sense", {}}};
  const auto measure = [&] {
    const auto cosines = mean_cosines(contextual_nouns(model, apples), apples);
    for (std::size_t kind = 0; kind < 3; ++kind) curves[kind].y.push_back(cosines[kind]);
  };
  measure();
  train(in, params, model, known, measure);

  page.heading("One word, two vectors");
  const auto words = mean_cosines(at_nouns(model.embedding(ids_of(apples)), apples), apples);
  std::vector<Words> rows;
  for (std::size_t kind = 0; const auto& [name, y] : curves) {
    rows.push_back({name, fixed(words[kind++]), fixed(y.front()), fixed(y.back())});
    page.numbers["cosines"].push_back(y);
  }
  page.table({"mean cosine", "word vectors", "encoder, not trained", "encoder"}, rows);
  page.curves("After the encoder, from epoch to epoch", curves);
  page.numbers["word_vectors"] = words;

  std::vector<Page::Point> points;
  const Tensor vectors = contextual_nouns(model, nouns), plane = principal_components(vectors);
  for (const Sentence& s : nouns) {
    const std::int64_t i = std::ssize(points);
    const char* const mark = s.ambiguous() ? s.fruit ? "F" : "P" : s.fruit ? "+" : "o";
    points.push_back({plane.at({i, 1}), plane.at({i, 0}), mark});
    page.numbers["nouns"].push_back(
        {{"noun", s.noun()}, {"fruit", s.fruit}, {"vector", to_json(vectors[i])}, {"plane", to_json(plane[i])}});
  }
  page.scatter("In a plane: F fruit, P phone (apple, 苹果); other words: + fruit, o phone", points);
  const double same = curves[0].y.back(), other = curves[1].y.back();
  page.notice(fmt::format(
      "before the encoder a word has one vector, whatever it means. After it, its vectors in two senses have a mean "
      "cosine of {:.2f}, and in one sense {:.2f}. {}",
      other, same,
      other < 0.3 && same > 0.7 ? "The vector stands for the meaning, not for the word."
                                : "The meanings are not well apart yet: train longer."));

  page.heading("Who the last word looks at, and what comes next");
  std::vector<Words> texts;
  for (const char* text : {"after she peeled it the apple", "after she charged it this apple",
                           "my stomach is empty I want to buy a", "my battery is broken I want to buy a"})
    texts.push_back(split(text, ' '));
  if (!in.sentence.empty()) texts.push_back(in.sentence);
  std::vector<Tensor> looks;
  for (const Words& text : texts) {
    const bool seen = std::any_of(known.begin(), known.end(), [&](const Sentence& s) {
      return std::mismatch(text.begin(), text.end(), s.words.begin(), s.words.end()).first == text.end();
    });
    looks.push_back(read(text, seen, model, page));
  }
  const auto verb = [&](std::size_t text) {     // its third word, and the word that the heads look at most
    const Tensor most = max(looks[text], {0});  // [T]
    const auto strongest = static_cast<std::size_t>(argmax(most).item());
    const double weight = 100 * most.at({2});
    if (strongest == 2)
      return fmt::format("{} gets up to {:.0f}% of a head's weight, more than any other word", texts[text][2], weight);
    return fmt::format("{} gets up to {:.0f}% of a head's weight, and {}, which tells nothing of it, up to {:.0f}%",
                       texts[text][2], weight, texts[text][strongest], 100 * max(most).item());
  };
  page.notice(fmt::format(
      "only attention brings to a word what stood before it. The verb tells the sense: in the first sentence {}; in "
      "the "
      "second {}. Try sentences that do not fit together, such as --sentence \"my screen is empty I want to buy a\".",
      verb(0), verb(1)));
}

/// The words of a text, which the sentences must have.
Words known_words(const std::string& text) {
  constexpr std::size_t max_words = 16;
  const Words words = split(text, ' ');
  if (words.empty() || words.size() > max_words)
    throw CLI::ValidationError("--sentence", fmt::format("from 1 to {} words", max_words));
  for (const std::string& word : words) {
    if (vocabulary().contains(word)) continue;
    const auto known = std::span(vocabulary().tokens()).subspan(Vocabulary::unk + 1);
    throw CLI::ValidationError("--sentence", fmt::format("unknown word {}; known: {}", word, fmt::join(known, " ")));
  }
  return words;
}

}  // namespace

Lesson polysemy_lesson() {
  return {"polysemy", "One word, two meanings: what context does to apple", [](CLI::App& app) {
            const auto in = std::make_shared<Inputs>();
            app.add_option("--seed", in->seed, "Of weights and the order of sentences (default: 1)")
                ->check(whole_range(0, 1000000));
            app.add_option("--epochs", in->epochs, "Of training (default: 30)")->check(whole_range(1, 100));
            app.add_option("--d", in->d, "Numbers per word: 8, 16, 32, 64 or 128 (default: 32)")
                ->check(CLI::IsMember({8, 16, 32, 64, 128}));
            app.add_option_function<std::string>(
                "--sentence", [in](const std::string& text) { in->sentence = known_words(text); },
                "A beginning of your own, of words that the sentences have");
            return [in](Page& page) { run(*in, page); };
          }};
}

}  // namespace gaze::train
