#include <gaze/train/folder.h>

#include <system_error>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>

namespace gaze::train {
namespace fs = std::filesystem;

namespace {

template <class Iterator>
std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> found;
  if (!file_exists(folder)) return found;
  std::error_code error;
  for (Iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    found.push_back(entry->path());
  require(!error, "{}: {}", folder.string(), error.message());
  return found;
}

}  // namespace

std::vector<fs::path> entries_of(const fs::path& folder) { return entries<fs::directory_iterator>(folder); }

std::vector<fs::path> entries_below(const fs::path& folder) {
  return entries<fs::recursive_directory_iterator>(folder);
}

void remove_file(const fs::path& file) {
  std::error_code error;
  fs::remove(file, error);
  require(!error, "{}: it cannot be removed: {}", file.string(), error.message());
}

bool is_same_file(const fs::path& a, const fs::path& b) {
  if (!file_exists(a) || !file_exists(b)) return false;
  std::error_code error;
  const bool same = fs::equivalent(a, b, error);
  require(!error, "{}: {}", a.string(), error.message());
  return same;
}

}  // namespace gaze::train
