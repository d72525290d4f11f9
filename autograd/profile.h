#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gaze {

/// While one lives, what the operations of this thread cost: wall-clock time, forward and in the backward walk.
///
/// Forward, an operation is charged with all the time since the one before it; work between operations that is none
/// itself can be given a name by mark(). An operation composed of others shows as those.
class Profile {
 public:
  struct Row {
    std::string operation;
    std::int64_t calls = 0;  ///< forward ones, or of the vjp when there are more
    double forward_ms = 0, backward_ms = 0;
    double ms() const { return forward_ms + backward_ms; }
  };

  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  std::vector<Row> rows() const;  ///< the dearest first

  /// Charges the time since the last operation or mark to `name`, when a profile is being taken.
  static void mark(const char* name) {
    if (current_) current_->charge(name, false);
  }
  /// While one lives, all time is the vjp's of this operation.
  class Backward {
   public:
    explicit Backward(const char* operation) : operation_(operation), profile_(current_) {
      if (profile_) current_ = nullptr, profile_->charge("between operations", true, false);
    }
    ~Backward() {
      if (profile_) current_ = profile_, profile_->charge(operation_, true);
    }
    Backward(const Backward&) = delete;
    Backward& operator=(const Backward&) = delete;

   private:
    const char* operation_;
    Profile* profile_;
  };

 private:
  struct Cost {
    std::int64_t forward_calls = 0, backward_calls = 0;
    double forward = 0, backward = 0;  ///< seconds
  };
  void charge(const char* name, bool backward, bool counts = true);

  static thread_local Profile* current_;
  Profile* before_;
  std::chrono::steady_clock::time_point last_;
  std::map<std::string, Cost, std::less<>> costs_;
};

}  // namespace gaze
