#include <fstream>
#include <set>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/parallel_text.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;
using namespace gaze::train;

namespace {

struct Files : ScratchFolder {
  std::filesystem::path operator()(const char* name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("parallel text is two files line by line, or one of two columns") {
  const Files file;
  const ParallelText two = ParallelText::read(file("a", "ein haus\r\nzwei\n"), file("b", "a house\ntwo"));
  CHECK(two.source == Lines{"ein haus", "zwei"});
  CHECK(two.target == Lines{"a house", "two"});
  const ParallelText columns = ParallelText::read_columns(file("c",
                                                               "\xef\xbb\xbf"
                                                               "ein haus\ta house\nzwei\ttwo\n"));
  CHECK(columns.source == two.source);
  CHECK(columns.target == two.target);
  CHECK(columns.hash() == two.hash());
  CHECK(ParallelText::read(file("a", "ein\thaus\n"), file("b", "x\n")).hash() !=
        ParallelText::read(file("d", "ein\n"), file("e", "haus\tx\n")).hash());
}

TEST_CASE("parallel text that is none is named by file and line") {
  const Files file;
  const auto three = file("three", "1\n2\n3\n"), two = file("two", "1\n2\n"), empty = file("empty", "");
  CHECK_THROWS_WITH(ParallelText::read(three, two), ContainsSubstring("two:3: the line is missing"));
  CHECK_THROWS_WITH(ParallelText::read(two, three), ContainsSubstring("two:3: the line is missing"));
  CHECK_THROWS_WITH(ParallelText::read(empty, empty), ContainsSubstring("empty:1: the file is empty"));
  CHECK_THROWS_WITH(ParallelText::read(two, file.path / "none"), ContainsSubstring("none"));
  CHECK_THROWS_WITH(ParallelText::read_columns(empty), ContainsSubstring("empty:1"));
  CHECK_THROWS_WITH(ParallelText::read_columns(file("c", "a\tb\nc\n")),
                    ContainsSubstring("c:2: 1 column instead of two"));
  CHECK_THROWS_WITH(ParallelText::read_columns(file("c", "a\tb\tc\n")), ContainsSubstring("c:1: 3 columns"));
  CHECK_THROWS_WITH(ParallelText::read(two, file("bad", "1\n\xff\n")),
                    ContainsSubstring("bad:2") && ContainsSubstring("UTF-8"));
}

TEST_CASE("held-out pairs come from everywhere in a text and are no longer part of it") {
  ParallelText text;
  for (int i = 0; i < 1000; ++i)
    text.source.push_back("s" + std::to_string(i)), text.target.push_back("t" + std::to_string(i));
  ParallelText rest = text;
  const ParallelText held_out = rest.take_held_out(1000);
  CHECK(held_out.size() == 50);
  CHECK(rest.size() == 950);
  std::set<std::string> all(rest.source.begin(), rest.source.end());
  all.insert(held_out.source.begin(), held_out.source.end());
  CHECK(all.size() == 1000);
  for (std::size_t i = 0; i < held_out.size(); ++i) CHECK(held_out.source[i].substr(1) == held_out.target[i].substr(1));
  for (std::size_t i = 0; i < rest.size(); ++i) CHECK(rest.source[i] == "s" + std::to_string(rest.line_of(i) - 1));
  CHECK(held_out.source.front() < "s2");
  CHECK(held_out.source.back() > "s98");
  CHECK(ParallelText(text).take_held_out(7).size() == 7);
  ParallelText one{{"a"}, {"b"}, "f", "g", {}};
  CHECK_THROWS_WITH(one.take_held_out(10), ContainsSubstring("f:1"));
}
