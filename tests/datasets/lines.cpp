#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string_view>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/lines.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;
using namespace gaze::train;

TEST_CASE("lines of a file, whatever ends them") {
  const ScratchFolder scratch;
  const auto file = scratch.path / "text";
  const auto lines = [&](const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
    return read_lines(file);
  };
  using Lines = std::vector<std::string>;
  CHECK(lines("").empty());
  CHECK(lines("a\n") == Lines{"a"});
  CHECK(lines("a b\n\nc") == Lines{"a b", "", "c"});
  CHECK(lines("a\r\nb\r\n") == Lines{"a", "b"});
  CHECK(lines("\xef\xbb\xbf"
              "a\n\xef\xbb\xbf") == Lines{"a", "\xef\xbb\xbf"});
  CHECK_THROWS_WITH(lines("a\nb\xff\n"), ContainsSubstring("text:2: ") && ContainsSubstring("UTF-8"));
  CHECK_THROWS_WITH(lines(std::string("a\n\0\n", 4)), ContainsSubstring("text:2: ") && ContainsSubstring("NUL"));
  CHECK(lines("cafe\u0301\n") == Lines{"cafe\u0301"});
  CHECK(read_lines(file, Unicode::nfc) == Lines{"caf\u00e9"});
  std::ofstream(file, std::ios::binary) << "a\nb\xff\n";
  CHECK_THROWS_WITH(read_lines(file, Unicode::nfc), ContainsSubstring("text:2: ") && ContainsSubstring("UTF-8"));
  CHECK_THROWS_WITH(read_lines(scratch.path / "none"), ContainsSubstring("none"));
}

TEST_CASE("lines are read as they come") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const auto say = [&](std::string_view text) {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  };
  constexpr std::chrono::milliseconds moment{1};
  LineReader reader(ends[0], "talk");
  CHECK_FALSE(reader.ready(moment));
  say("\xef\xbb\xbf"
      "one\r\ntwo");
  CHECK(reader.ready(moment));
  CHECK(reader.next() == "one");
  CHECK_FALSE(reader.ready(moment));  // half a line is none
  say("\n\nbad\xff\nlast");
  CHECK(reader.next() == "two");
  CHECK(reader.next() == "");
  CHECK_THROWS_WITH(reader.next(), ContainsSubstring("talk:4: "));
  CHECK(reader.lines() == 4);
  ::close(ends[1]);
  CHECK(reader.next() == "last");
  CHECK(reader.ready(moment));
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.next());
  ::close(ends[0]);

  const ScratchFolder scratch;
  const auto file = scratch.path / "text";
  CHECK_THROWS_WITH(LineReader(file), ContainsSubstring("text: No such file"));
  for (const std::size_t lines : {std::size_t{0}, std::size_t{1}, std::size_t{20000}}) {
    std::string text;
    for (std::size_t i = 0; i < lines; ++i) text += "line " + std::to_string(i) + "\n";
    std::ofstream(file, std::ios::binary) << text << "end";
    CHECK(count_lines(file) == lines + 1);
    LineReader all(file);
    std::vector<std::string> found;
    while (auto line = all.next()) found.push_back(*line);
    CHECK(found == read_lines(file));
  }
}
