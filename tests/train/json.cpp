#include <gaze/train/json.h>

#include <nlohmann/json.hpp>

#include "../catch.h"

using namespace gaze::train;
using Catch::Matchers::Equals;
using nlohmann::json;

TEST_CASE("JSON is taken whole, and what is wrong is named by its line", "[json]") {
  CHECK(parse_json("{\"a\": [1, {\"a\": 2}], \"b\": \"[[\\\"{\"}\n", "x") ==
        json{{"a", {1, {{"a", 2}}}}, {"b", "[[\"{"}});
  CHECK(parse_json(" 3 ", "x") == 3);
  const auto fails = [](const std::string& text, const std::string& message) {
    CAPTURE(text);
    CHECK_THROWS_WITH(parse_json(text, "x.json"), ContainsSubstring(message));
  };
  fails("", "x.json:1: it is not JSON: ");
  fails("{\n\"a\": 1\n", "x.json:3: it is not JSON: ");
  fails("{\n\"a\": 1,\n}", "x.json:3: it is not JSON: ");
  fails("{\"a\": 1} 2", "x.json:1: it is not JSON: ");
  fails(std::string("1\0", 2), "x.json:1: it is not JSON: a zero byte");
  fails("{\"steps\": 5,\n\"steps\": 7}", "x.json:2: steps is named twice");
  fails("{\"b\": {\"a\": 1},\n\"a\": \"a\",\n\"\\u0061\": 7}", "x.json:3: a is named twice");
  fails("{\"lr\":\n 1e400}", "x.json:2: it is not JSON: number overflow parsing '1e400'");
  CHECK_THROWS_WITH(parse_json("[\n", "x.jsonl", 7), ContainsSubstring("x.jsonl:8: it is not JSON: "));
  fails("[1, nan]", "x.json:1: it is not JSON: ");
  fails("\"\xff\"", "x.json:1: it is not JSON: ");
  fails("\n" + std::string(200'000, '['), "x.json:2: more than 200 brackets within one another");
  fails(std::string(201, '[') + std::string(201, ']'), "more than 200 brackets");
  CHECK_NOTHROW(parse_json(std::string(200, '[') + std::string(200, ']'), "x.json"));
}

TEST_CASE("a whole number is one in JSON, within its range", "[json]") {
  CHECK(whole_number(json(7), 0, 7, "x") == 7);
  CHECK(whole_number(json(INT64_MIN), INT64_MIN, 0, "x") == INT64_MIN);
  for (const char* wrong :
       {"8", "-1", "3.7", "7.0", "\"3\"", "null", "18446744073709551615", "4294967296", "[3]", "true"})
    CHECK_THROWS_WITH(whole_number(json::parse(wrong), 0, 7, "step"),
                      Equals(std::string("step is ") + wrong + ", expects a whole number from 0 to 7"));
}
