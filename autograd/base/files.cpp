#include <gaze/autograd/base/files.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <gaze/autograd/base/error.h>

namespace gaze {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail_with_reason(const fs::path& path) { fail("{}: {}", path.string(), std::strerror(errno)); }

/// A file descriptor that closes itself.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  bool close() { return ::close(std::exchange(number, -1)) == 0; }
};

bool write_all(int file, std::span<const std::string_view> parts) {
  for (std::string_view text : parts)
    while (!text.empty()) {
      const ssize_t written = ::write(file, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  return true;
}

/// Where a file lies behind symbolic links, whether it is there or not.
fs::path behind_links(fs::path path) {
  constexpr int max_links = 40;  // as the system's own limit
  std::error_code none;
  for (int i = 0; i < max_links && fs::is_symlink(path, none); ++i) path = path.parent_path() / fs::read_symlink(path);
  return path;
}

}  // namespace

bool flush_to_disk(int descriptor) {
  while (::fsync(descriptor) != 0)
    if (errno != EINTR) return false;
  return true;
}

bool file_exists(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  require(status.type() != fs::file_type::none, "{}: {}", path.string(), error.message());
  return status.type() != fs::file_type::not_found;
}

std::string did_you_mean_file(const fs::path& missing) {
  const fs::path folder = missing.parent_path();
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
       entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());  // of two that are as near, always the same
  const std::string near = nearest_name(missing.filename().string(), names);
  return near.empty() ? "" : fmt::format("; did you mean {}?", (folder / near).string());
}

std::string read_file(const fs::path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0 && errno == ENOENT)
    fail("{}: {}{}", path.string(), std::strerror(ENOENT), did_you_mean_file(path));
  if (file.number < 0) fail_with_reason(path);
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t count = ::read(file.number, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_reason(path);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

void write_file_atomically(const fs::path& given, std::span<const std::string_view> parts, bool durable) {
  const fs::path path = behind_links(given);
  struct stat before {};
  const bool replaces = ::stat(path.c_str(), &before) == 0;
  if (!replaces && errno != ENOENT) fail_with_reason(given);
  if (replaces && !S_ISREG(before.st_mode)) {  // a device: there is nothing to replace
    Descriptor device{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (device.number < 0 || !write_all(device.number, parts) || !device.close()) fail_with_reason(given);
    return;
  }
  const fs::path aside = fmt::format("{}.{}.part", path.string(), ::getpid());
  Descriptor file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (file.number < 0) fail_with_reason(given);
  const bool written = (!replaces || ::fchmod(file.number, before.st_mode & 07777) == 0) &&
                       write_all(file.number, parts) && (!durable || flush_to_disk(file.number)) && file.close();
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(aside.c_str());
    errno = reason;
    fail_with_reason(given);
  }
  if (!durable) return;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // The new name must outlive a crash; not every file system flushes folders, and not every folder may be read.
  if (directory.number < 0 ? errno != EACCES : !flush_to_disk(directory.number) && errno != EINVAL)
    fail_with_reason(given);
}

}  // namespace gaze
