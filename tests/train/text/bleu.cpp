#include <array>
#include <cmath>

#include <gaze/autograd/base/error.h>
#include <gaze/train/text/bleu.h>

#include "../../catch.h"

using namespace gaze;
using namespace gaze::train;

TEST_CASE("BLEU is sacrebleu's with --tokenize none") {
  struct Row {
    std::vector<std::string> hypotheses, references;
    double score;  ///< what sacrebleu 2.6.0 gives
  };
  const std::vector<Row> table = {
      {{"a man in a red shirt is climbing a rock .", "two dogs play in the snow ."},
       {"a man in a red shirt climbs a rock .", "two dogs are playing in the snow ."},
       55.588512329046246},
      {{"the house is small ."}, {"the house is small ."}, 100.00000000000004},
      {{"a b c"}, {"a b c"}, 0.0},
      {{"the green house"}, {"a small house stands there"}, 0.0},
      {{"", "a dog runs over the wet grass"}, {"x", "the dog runs over the wet grass quickly"}, 60.80253214198355},
      {{"x y z w"}, {"a b c d"}, 0.0},
      {{"ein  haus am see , ja", "wir gehen heute nach hause"},
       {"ein haus am see , ja", "wir gehen heute alle nach hause"},
       71.73586782068507},
      {{"a\u00a0b\u3000c\u2003d"}, {"a b c d"}, 100.00000000000004},
      {{"le cafe\u0301 est la"}, {"le caf\u00e9 est la"}, 35.35533905932737},  // never normalised
      {{"a b c d e f g h", "b"}, {"a b d c e f h g i", "b a"}, 14.87374370125532},
  };
  for (const Row& row : table) {
    CAPTURE(row.hypotheses, row.references);
    CHECK(bleu(row.hypotheses, row.references).value == Approx(row.score).margin(1e-9));
  }
}

TEST_CASE("BLEU counts a word as often as the reference has it, and short output is punished") {
  const Bleu repeated = bleu({"the the the the the the the"}, {"the cat is on the mat"});
  CHECK(repeated.precisions[0] == Approx(100 * 2.0 / 7));  // Papineni et al. 2002, section 2.1
  CHECK(repeated.brevity_penalty == 1);
  const Bleu brief = bleu({"a b c d"}, {"a b c d e f"});
  CHECK(brief.brevity_penalty == Approx(std::exp(1 - 6.0 / 4)));
  CHECK(brief.precisions == std::array<double, 4>{100, 100, 100, 100});
  CHECK(bleu({""}, {"a"}).value == 0);
  CHECK_THROWS_AS(bleu({"a"}, {}), Error);
}
