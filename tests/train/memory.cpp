#include <gaze/train/memory.h>

#include <gaze/autograd/base/error.h>
#include <gaze/train/options.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

constexpr ModelSizes small{.source_vocab = 7, .target_vocab = 9, .longest = 5};

Config config_with(const std::vector<std::string>& settings) {
  Config c;
  for (const char* usual : {"d_model=32", "heads=2", "d_ff=48"}) set_option(c, usual);
  for (const std::string& setting : settings) set_option(c, setting);
  return c;
}

}  // namespace

TEST_CASE("a model's parameters are counted before it is made", "[memory]") {
  for (const std::string model : {"model=transformer", "model=rnn"})
    for (const std::string layers : {"layers=1", "layers=2", "layers=5"})
      for (const std::string other :
           {"tied=true", "shared=true", "norm=post", "positions=sinusoidal", "positions=none", "cell=lstm",
            "score=additive", "score=bilinear", "score=cosine", "kind=decoder"}) {
        if (model == "model=rnn" && other == "kind=decoder") continue;
        CAPTURE(model, layers, other);
        const Config c = config_with({model, layers, other});
        const ModelSizes sizes{.source_vocab = 9, .target_vocab = 9, .longest = 5};
        Params params;
        make_model(Scope(params), c, sizes);
        const auto all = static_cast<double>(params.count()), known = parameters_of(c, sizes);
        CHECK((known <= all && known > 0.75 * all));
      }
}

TEST_CASE("a model that the machine has no memory for is refused at once, with the number", "[memory]") {
  const double have = machine_memory();
  CHECK((have > 1e8 && have < 1e16));
  const auto refused = [&](const std::vector<std::string>& settings, const ModelSizes& sizes, const char* number) {
    Params params;
    CAPTURE(settings);
    CHECK_THROWS_WITH(make_model(Scope(params), config_with(settings), sizes),
                      ContainsSubstring(number) && ContainsSubstring("GB of memory, and this machine has"));
    CHECK(params.list().empty());
  };
  refused({"layers=1000000", "d_model=1024"}, small, "1000000 layers");
  refused({"layers=1000000", "d_model=1000000", "heads=1000000", "d_ff=1000000"}, small, "d_model 1000000");
  refused({"model=rnn", "layers=1000000", "d_model=2048"}, small, "1000000 layers");
  refused({"positions=sinusoidal", "d_model=1000000"}, {.source_vocab = 7, .target_vocab = 9, .longest = 1000000000},
          "d_model 1000000");
  refused({"d_model=1000000"}, {.source_vocab = 7, .target_vocab = 1000000000, .longest = 5}, "2e+15 parameters");
}

TEST_CASE("a training that the machine has no memory for is refused at once, with the number", "[memory]") {
  const auto check = [](const std::vector<std::string>& settings, const BatchSize& batch) {
    require_memory_for_training(config_with(settings), small, batch);
  };
  CHECK_NOTHROW(check({}, {.rows = 64, .source = 10, .target = 10}));
  struct Row {
    std::vector<std::string> settings;
    BatchSize batch;
    const char* names;
  };
  for (const Row& row :
       {Row{{}, {.rows = 1000000, .source = 1000000, .target = 1000000}, "1000000 rows of up to 1000000"},
        {{"model=rnn"}, {.rows = 1000000, .source = 1000000, .target = 1000000}, "1000000 rows"},
        {{"kind=decoder"}, {.rows = 64, .target = 1000000}, "64 rows of up to 1000000 tokens"},
        {{"layers=1000000", "d_model=512"}, {.rows = 64, .target = 10}, "1000000 layers"},
        {{"validation=1000000000000"}, {.rows = 8, .source = 5, .target = 5}, "1000000000000 held-out"}}) {
    CAPTURE(row.names);
    CHECK_THROWS_WITH(check(row.settings, row.batch),
                      ContainsSubstring(row.names) && ContainsSubstring("and this machine has"));
  }
}
