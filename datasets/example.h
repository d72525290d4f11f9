#pragma once

#include <string>
#include <vector>

namespace gaze::train {

/// A gold link between two words, by position from 0. Sure links are those that everybody would draw; the others are
/// possible (Och and Ney 2003). A sure link is also a possible one.
struct Link {
  int source = 0;
  int target = 0;
  bool sure = true;
  bool operator==(const Link&) const = default;
};

/// A sentence, its translation, and which words belong together.
struct Example {
  std::vector<std::string> source, target;
  std::vector<Link> gold;
  bool operator==(const Example&) const = default;
};

}  // namespace gaze::train
