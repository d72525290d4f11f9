#include <gaze/autograd/base/names.h>

#include "../../catch.h"

using namespace gaze;
using Catch::Matchers::Equals;

TEST_CASE("an enum's names go both ways, and a wrong one is answered with all and the nearest") {
  enum class Fruit { apple, pear, none };
  const NameTable<Fruit> names("fruit", {{Fruit::apple, "apple"}, {Fruit::pear, "pear"}, {Fruit::pear, "birne"}});
  CHECK(names.name_of(Fruit::pear) == "pear");
  CHECK(names.named("birne") == Fruit::pear);
  CHECK(names.find("apple") == Fruit::apple);
  CHECK_FALSE(names.find("Apple"));
  CHECK(names.names() == std::vector<std::string>{"apple", "pear", "birne"});
  CHECK_THROWS_WITH(names.named("aple"), Equals("fruit: aple is none of apple, pear, birne; did you mean apple?"));
  CHECK_THROWS_WITH(names.name_of(Fruit::none), Equals("fruit: there is no value 2"));
}
