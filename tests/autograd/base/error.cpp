#include <gaze/autograd/base/error.h>

#include <vector>

#include "../../catch.h"

using namespace gaze;

TEST_CASE("an error is one line, whatever it quotes") {
  CHECK(Error("a\nb\r\nc").what() == std::string("a b  c"));
  CHECK_THROWS_WITH(fail("{}: wrong", "two\nlines"), "two lines: wrong");
}

TEST_CASE("an error that quotes half a file can be read, its first and its last words are there") {
  std::string umlauts;
  while (umlauts.size() < 100'000) umlauts += "\u00fc";
  for (const char* before : {"f:1: ", "f:12: "}) {  // cuts fall within characters or between them
    const std::string message = Error(before + umlauts + " is not a word").what();
    CHECK(message.size() < 5000);
    CHECK_THAT(message, StartsWith(before) && EndsWith(" is not a word") && ContainsSubstring("\u00fc [...] \u00fc"));
  }
}

TEST_CASE("a name as long as a file has no near one, and that is known at once") {
  const std::vector<std::string> names(100, "length");
  CHECK(nearest_name(std::string(20'000'000, 'x'), names).empty());
  CHECK(nearest_name("lenght", names) == "length");
}
