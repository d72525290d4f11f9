#include <nlohmann/json.hpp>

#include "../../program.h"

using nlohmann::json;

namespace {

json last_of(const Result& r) {
  INFO(r.err);
  REQUIRE(r.status == 0);
  return json::parse(lines_of(r.out).back());
}

}  // namespace

TEST_CASE("gradcheck prints a line for every operation, or for every case of one", "[program]") {
  Program gaze;
  const Result some = gaze.run({"gradcheck", "softmax", "gru_cell", "--json"});
  const json operations = last_of(some).at("operations");
  CHECK(operations.size() == 2);
  CHECK(operations.at("softmax").at("verdict") == "right");
  CHECK(operations.at("softmax").at("cases").size() > 5);
  CHECK(operations.at("gru_cell").at("second_digits") > 5);
  CHECK_THAT(some.err, ContainsSubstring("longer than a vector: [2,37]"));
#ifndef __SANITIZE_ADDRESS__
  const Result all = gaze.run({"gradcheck", "--json"});
  CHECK(last_of(all).at("operations").size() > 60);
  CHECK(lines_of(all.err).size() == last_of(all).at("operations").size() + 1);
#endif
}

TEST_CASE("gradcheck checks a model of a task, of a config and of a run by the names of its parameters", "[program]") {
  Program gaze;
  const Args tiny = {"--set", "d_model=8", "--set", "vocab=9"}, small = joined(tiny, {"--set", "d_ff=16"});
  const json fresh = last_of(gaze.run(joined({"gradcheck", "--model", "reverse", "--json"}, small)));
  CHECK(fresh.at("parameters").at("body.decoder.layers.0.norm2.weight").at("verdict") == "right");
  CHECK(fresh.at("wrong").empty());
  const json rnn = last_of(gaze.run(joined({"gradcheck", "--model", "reverse", "--json", "--set", "model=rnn"}, tiny)));
  CHECK(rnn.at("parameters").at("body.attention.score.v").at("verdict") == "right");
  const json text = last_of(gaze.run(joined({"gradcheck", "--model", "chars", "--json", "--set", "layers=1"}, small)));
  CHECK(text.at("parameters").contains("body.layers.0.self_attn.in_proj_weight"));
  REQUIRE(gaze.run(joined({"train", "copy", "--run", "r", "--steps", "3", "--set", "probes=0", "--set", "validation=8"},
                          small))
              .status == 0);
  CHECK(last_of(gaze.run({"gradcheck", "--model", "r", "--json"})).at("report").at("verdict") == "right");
  check_complaint(gaze.run({"gradcheck", "--model", "r", "--set", "heads=2"}), 2, "--set heads=2: it does not go with");
  CHECK(last_of(gaze.run({"gradcheck", "--model", "r/config.json", "--json"})).at("report").at("verdict") == "right");
}

TEST_CASE("gradcheck draws the error over the step", "[program]") {
  Program gaze;
  const Result r = gaze.run({"gradcheck", "--eps-sweep", "exp", "--json"});
  const json points = last_of(r).at("points");
  double smallest = 1;
  for (const json& p : points) smallest = std::min(smallest, p.at("error").get<double>());
  CHECK(smallest < 1e-8);
  CHECK(points.front().at("error").get<double>() > 1e-3);
  CHECK(points.back().at("error").get<double>() > 1e-8);
  CHECK_THAT(r.err, ContainsSubstring("1e-08 |") && ContainsSubstring("*") && ContainsSubstring("verdict: right"));
}

TEST_CASE("gradcheck says what it cannot check", "[program]") {
  Program gaze;
  check_complaint(gaze.run({"gradcheck", "sofmax"}), 2, "did you mean softmax?");
  check_complaint(gaze.run({"gradcheck", "argmax"}), 2, "not a differentiable operation");
  check_complaint(gaze.run({"gradcheck", "--eps-sweep", "nothing"}), 2, "nothing");
  check_complaint(gaze.run({"gradcheck", "exp", "--model", "copy"}), 2, "do not go together");
  check_complaint(gaze.run({"gradcheck", "--set", "heads=2"}), 2, "--set");
  check_complaint(gaze.run({"gradcheck", "--model", "nothing"}), 2, "nothing");
  check_complaint(gaze.run({"gradcheck", "--model", "copy", "--set", "heads=7"}), 2, "heads");
  write(gaze.folder / "bad.json", "{");
  check_complaint(gaze.run({"gradcheck", "--model", "bad.json"}), 2, "bad.json");
}
