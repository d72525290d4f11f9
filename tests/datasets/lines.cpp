#include <fstream>

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
  CHECK_THROWS_WITH(read_lines(scratch.path / "none"), ContainsSubstring("none"));
}
