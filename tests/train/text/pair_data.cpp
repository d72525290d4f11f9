#include <gaze/train/text/pair_data.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

std::vector<std::vector<std::string>> sources_of(const std::vector<Example>& examples) {
  std::vector<std::vector<std::string>> sources;
  for (const Example& e : examples) sources.push_back(e.source);
  return sources;
}

}  // namespace

TEST_CASE("the probes of a toy task are held out and the same whatever the seed, and its batches are not") {
  for (const char* task : {"reverse", "digits", "grammar"}) {
    CAPTURE(task);
    Config one = default_config(task);
    one.data.validation = 20;
    Config two = one;
    two.seed = 2;
    const auto a = toy_pairs(one, toy_languages(one)), b = toy_pairs(two, toy_languages(two));
    CHECK(sources_of(a->probes(50)) == sources_of(b->probes(50)));
    CHECK(sources_of(a->probes(50)) == sources_of(toy_task(one)->examples(Split::validation, 50)));
    CHECK(sources_of(a->validation().front().examples) == sources_of(toy_task(one)->examples(Split::validation, 20)));
    CHECK(sources_of(b->validation().front().examples) == sources_of(toy_task(two)->examples(Split::validation, 20)));
    CHECK(sources_of(b->validation().front().examples) != sources_of(a->validation().front().examples));
    CHECK(sources_of(a->batch(1).examples) != sources_of(b->batch(1).examples));
  }
}
