#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <gaze/autograd/error.h>
#include <gaze/train/config.h>

using namespace gaze;

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
    CHECK_THROWS_WITH(set_option(c, wrong), Catch::Contains("expects"));
  CHECK_THROWS_WITH(set_option(c, "heads"), Catch::Contains("key=value"));
  CHECK_THROWS_WITH(set_option(c, "head=2"), Catch::Contains("did you mean heads?"));
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
                    Catch::Contains("a.json") && Catch::Contains("layers"));
  CHECK_THROWS_WITH(read_config(again, nlohmann::json{{"layers", "two"}}, "a.json"), Catch::Contains("\"two\""));
}

TEST_CASE("options that do not go together are refused") {
  Config c;
  c.d_model = 10, c.heads = 3;
  CHECK_THROWS_WITH(check_config(c), Catch::Contains("10") && Catch::Contains("3"));
  c.heads = 1, c.min_length = 20;
  CHECK_THROWS_AS(check_config(c), Error);
}
