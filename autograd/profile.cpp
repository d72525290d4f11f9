#include <gaze/autograd/profile.h>

#include <algorithm>
#include <utility>

namespace gaze {

thread_local Profile* Profile::current_ = nullptr;

Profile::Profile() : before_(std::exchange(current_, this)), last_(std::chrono::steady_clock::now()) {}

Profile::~Profile() { current_ = before_; }

void Profile::charge(const char* name, bool backward, bool counts) {
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  auto found = costs_.find(std::string_view(name));
  if (found == costs_.end()) found = costs_.emplace(name, Cost{}).first;
  Cost& cost = found->second;
  (backward ? cost.backward : cost.forward) += seconds;
  if (counts) ++(backward ? cost.backward_calls : cost.forward_calls);
}

std::vector<Profile::Row> Profile::rows() const {
  std::vector<Row> all;
  for (const auto& [name, cost] : costs_)
    all.push_back({name, std::max(cost.forward_calls, cost.backward_calls), cost.forward * 1e3, cost.backward * 1e3});
  std::stable_sort(all.begin(), all.end(), [](const Row& a, const Row& b) { return a.ms() > b.ms(); });
  return all;
}

}  // namespace gaze
