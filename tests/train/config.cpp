#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/train/config.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;

TEST_CASE("options are set by name, with their type checked") {
  Config c;
  set_option(c, "heads=4");
  set_option(c, "lr=3e-4");
  set_option(c, "betas=[0.9, 0.95]");
  set_option(c, "norm=post");
  set_option(c, "tied=true");
  CHECK(c.heads == 4);
  CHECK(c.lr == 3e-4);
  CHECK(c.betas.second == 0.95);
  CHECK(c.norm == "post");
  CHECK(c.tied);
  for (const char* wrong : {"heads=0", "heads=2.5", "heads=many", "lr=-1", "lr=nan", "norm=middle", "betas=0.9",
                            "betas=[0.9,1]", "tied=1", "dropout=1", "seed=-1", "batch=", "optimizer=7"})
    CHECK_THROWS_WITH(set_option(c, wrong), ContainsSubstring("expects"));
  CHECK_THROWS_WITH(set_option(c, "heads"), ContainsSubstring("key=value"));
  CHECK_THROWS_WITH(set_option(c, "heads"), EndsWith("as in --set heads=4"));
  CHECK_THROWS_WITH(set_option(c, "head=2"), ContainsSubstring("did you mean heads?"));
  CHECK_THROWS_WITH(set_option(c, "D_MODEL=2"), ContainsSubstring("did you mean d_model?"));
  CHECK(c.heads == 4);
}

TEST_CASE("a config goes through JSON and back unchanged") {
  Config c;
  set_option(c, "d_model=96");
  set_option(c, "schedule=cosine");
  Config again;
  read_config(again, to_json(c), "test");
  CHECK(to_json(again) == to_json(c));
  CHECK(to_json(c).size() == config_keys().size());
  CHECK_THROWS_WITH(read_config(again, nlohmann::json{{"layer", 2}}, "a.json"),
                    ContainsSubstring("a.json") && ContainsSubstring("layers"));
  CHECK_THROWS_WITH(read_config(again, nlohmann::json{{"layers", "two"}}, "a.json"), ContainsSubstring("\"two\""));
}

TEST_CASE("options that do not go together are refused") {
  Config c;
  c.d_model = 10, c.heads = 3;
  CHECK_THROWS_WITH(check_config(c), ContainsSubstring("10") && ContainsSubstring("3"));
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 2 or 5"));
  c.heads = 12;
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 10"));
  c.d_model = 7, c.heads = 2;
  CHECK_THROWS_WITH(check_config(c), EndsWith("it does into 1 or 7"));
  c.heads = 1, c.min_length = 20;
  CHECK_THROWS_AS(check_config(c), Error);
}

TEST_CASE("presets are configs, and the task of a preset's name begins with it") {
  REQUIRE_FALSE(preset_names().empty());
  for (const std::string& name : preset_names()) {
    CAPTURE(name);
    const Config c = default_config(name);
    CHECK_NOTHROW(check_config(c));
    CHECK(has_text(c) == (is_parallel_text(c) || is_plain_text(c)));
    CHECK(has_text(c) == (name != "grammar"));
  }
  CHECK(default_config("grammar").task == "grammar");
  CHECK(default_config("grammar").schedule == "cosine");
  CHECK(default_config("multi30k").task == "pairs");
  CHECK(default_config("chars").kind == "decoder");
  CHECK(to_json(default_config("copy")) == to_json(Config()));
  CHECK_THROWS_WITH(preset("multi30"), ContainsSubstring("did you mean multi30k?"));
}

TEST_CASE("what may not change in a run that is continued is told from what may") {
  Config trained, wanted;
  for (const char* s : {"lr=1", "steps=7", "threads=3", "src=2016", "beam=9", "dropout=0.5"}) set_option(wanted, s);
  CHECK(fixed_differences(trained, wanted).empty());
  CHECK(wanted.src == "2016");
  for (const char* s : {"layers=2", "units=subwords", "batch=3"}) set_option(wanted, s);
  CHECK(fixed_differences(trained, wanted) ==
        std::vector<std::string>{"layers: 1, not 2", "batch: 64, not 3", "units: \"words\", not \"subwords\""});
  CHECK(portable(trained) == portable([&] {
          Config c;
          set_option(c, "threads=3"), set_option(c, "test_src=elsewhere");
          return c;
        }()));
  CHECK_FALSE(portable(trained).contains("threads"));
  CHECK(portable(trained).contains("seed"));
}
