#include <algorithm>
#include <string_view>

#include "small_runs.h"

TEST_CASE("translate prints a line for a line", "[program]") {
  Program gaze;
  train(gaze, "run");
  const std::string input = "a b c\n\nb\n   \nsomething quite unknown\n<eos> <pad>\nc a";
  const Result r = gaze.run({"translate", "run"}, {.input = input});
  CAPTURE(r.err);
  CHECK(r.status == 0);
  CHECK(r.err ==
        "gaze: stdin:5: unknown to the model: something quite unknown; gaze tasks copy lists the words that it "
        "knows\n"
        "gaze: stdin:6: unknown to the model: <eos> <pad>\n");
  const std::vector<std::string> lines = lines_of(r.out);
  REQUIRE(lines.size() == 7);
  CHECK(lines[1] == "");
  CHECK(lines[3] == "");
  CHECK_FALSE(has_escapes(r.out));
  CHECK(gaze.run({"translate", "run", "--threads", "2"}, {.input = input}).out == r.out);
  CHECK(gaze.run({"translate", "run"}).out == "");
}

TEST_CASE("translate says which line it cannot read", "[program]") {
  const std::string line = GENERATE(as<std::string>{}, std::string("a \0 b", 5), "a \xff b");  // NUL; not UTF-8
  Program gaze;
  train(gaze, "run");
  const Result r = gaze.run({"translate", "run"}, {.input = "a b\n" + line + "\nc\n"});
  CAPTURE(r.err);
  CHECK(r.status == 1);
  CHECK(lines_of(r.out).size() == 1);
  CHECK(lines_of(r.err).size() == 1);
  CHECK_THAT(r.err, ContainsSubstring("stdin:2:"));
}

TEST_CASE("inspect shows the attention of the translation, or of a given one", "[program]") {
  Program gaze;
  train(gaze, "run");
  const Result picture = gaze.run({"inspect", "run", "a b c", "c b"});
  INFO(picture.err);
  CHECK(picture.status == 0);
  CHECK_THAT(picture.out, ContainsSubstring("a b c -> c b") && ContainsSubstring("%"));
  CHECK_FALSE(has_escapes(picture.out));

  const Result figures = gaze.run({"inspect", "run", "a b c", "c b", "--json"});
  CHECK(figures.status == 0);
  const json object = json::parse(lines_of(figures.out).back(), nullptr, false);
  REQUIRE(object.is_object());
  CHECK(object["source"] == json{"a", "b", "c"});
  CHECK(object["target"] == json{"c", "b"});
  REQUIRE(object["weights"].size() == 2);
  for (const json& row : object["weights"]) {
    REQUIRE(row.size() == 3);
    const auto weights = row.get<std::vector<double>>();
    CHECK(*std::min_element(weights.begin(), weights.end()) > 0);
    CHECK(weights[0] + weights[1] + weights[2] == Approx(1));
  }

  const std::string own = lines_of(gaze.run({"translate", "run"}, {.input = "a b c\n"}).out).at(0);
  const json translated = json::parse(gaze.run({"inspect", "run", "a b c", "--json"}).out, nullptr, false);
  std::string words;
  for (const json& word : translated["target"]) words += (words.empty() ? "" : " ") + word.get<std::string>();
  CHECK(words == own);
  for (const std::string strange : {"something unknown", "\x1b[31m"}) {
    const Result r = gaze.run({"inspect", "run", strange});
    CAPTURE(strange, r.err);
    CHECK(r.status == 0);
    CHECK_FALSE(has_escapes(r.out + r.err));
  }
  check_complaint(gaze.run({"inspect", "run", "  "}), 1, "the source sentence has no words");
}

TEST_CASE("a terminal gets colours unless NO_COLOR is set", "[program]") {
  const auto has_colors = [](std::string_view text) {  // ESC [ digits m
    for (std::size_t at = 0; (at = text.find("\x1b[", at)) != text.npos; at += 2)
      if (const auto end = text.find_first_not_of("0123456789;:", at + 2); end != text.npos && text[end] == 'm')
        return true;
    return false;
  };
  const std::string term = "TERM=xterm-256color";
  Program gaze;
  train(gaze, "run");
  const Args inspect = {"inspect", "run", "a b c"};
  CHECK(has_colors(gaze.run(inspect, {.environment = {term}, .terminal = true}).out));
  CHECK_FALSE(has_escapes(gaze.run(inspect, {.environment = {term}}).out));
  const Result plain = gaze.run(inspect, {.environment = {term, "NO_COLOR=1"}, .terminal = true});
  CHECK_FALSE(has_escapes(plain.out));
  CHECK_THAT(plain.out, ContainsSubstring("%"));

  // A training redraws its picture, in colour or not.
  const auto watched = [&](const std::string& run, std::vector<std::string> environment) {
    const Result r = gaze.run(training(run, {"--steps", "6"}), {.environment = environment, .terminal = true});
    CHECK(r.status == 0);
    CHECK(has_escapes(r.out));
    return has_colors(r.out);
  };
  CHECK(watched("colors", {term}));
  CHECK_FALSE(watched("plain", {term, "NO_COLOR=1"}));
}
