#include <cstdint>
#include <string>
#include <vector>

#include <gaze/autograd/base/error.h>
#include <gaze/datasets/vocabulary.h>

#include "../catch.h"

using namespace gaze;
using namespace gaze::train;
using Words = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

TEST_CASE("a vocabulary holds the marks and then the tokens in their order") {
  const Vocabulary v({"zebra", "été", "a"});
  CHECK(v.size() == 7);
  CHECK(v.tokens() == Words{"<pad>", "<bos>", "<eos>", "<unk>", "zebra", "été", "a"});
  for (const char* mark : {"<pad>", "<bos>", "<eos>", "<unk>"}) {  // in a text they are words that nobody knows
    CHECK(v.id(mark) == Vocabulary::unk);
    CHECK_FALSE(v.contains(mark));
  }
  for (std::int32_t i = 4; i < 7; ++i) CHECK(v.id(v.token(i)) == i);
  CHECK(Vocabulary(Words{}).size() == 4);
}

TEST_CASE("a vocabulary encodes and decodes, what it does not know is unk") {
  const Vocabulary v({"zebra", "été", "a"});
  CHECK(v.contains("été"));
  CHECK_FALSE(v.contains("Été"));
  CHECK_FALSE(v.contains(""));
  CHECK(v.encode(Words{"a", "lion", "zebra"}) == Ids{6, Vocabulary::unk, 4});
  CHECK(v.decode(Ids{6, Vocabulary::unk, 4, Vocabulary::eos}) == Words{"a", "<unk>", "zebra", "<eos>"});
  CHECK(v.encode(Words{}).empty());
  CHECK(v.decode(Ids{}).empty());
}

TEST_CASE("a vocabulary refuses ids out of range and tokens that are there already") {
  const Vocabulary v({"a"});
  CHECK_THROWS_WITH(v.token(5), ContainsSubstring("5"));
  CHECK_THROWS_AS(v.token(-1), Error);
  CHECK_THROWS_AS(v.decode(Ids{4, 5}), Error);
  CHECK_THROWS_WITH(Vocabulary({"a", "b", "a"}), ContainsSubstring("\"a\""));
  CHECK_THROWS_WITH(Vocabulary({"<eos>"}), ContainsSubstring("<eos>"));
}

TEST_CASE("a vocabulary is saved as its list of tokens") {
  const Vocabulary v({"b", "a"});
  CHECK(Vocabulary::from_list(v.tokens()).tokens() == v.tokens());
  CHECK_THROWS_AS(Vocabulary::from_list({"b", "a"}), Error);
  CHECK_THROWS_AS(Vocabulary::from_list({}), Error);
  CHECK_THROWS_AS(Vocabulary::from_list({"<pad>", "<bos>", "<eos>"}), Error);
  CHECK_THROWS_AS(Vocabulary::from_list({"<bos>", "<pad>", "<eos>", "<unk>"}), Error);
  CHECK_THROWS_AS(Vocabulary::from_list({"<pad>", "<bos>", "<eos>", "<unk>", "a", "a"}), Error);
}
