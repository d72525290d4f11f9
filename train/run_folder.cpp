#include <gaze/train/run_folder.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/train/options.h>

namespace gaze::train {
namespace fs = std::filesystem;

RunFolder RunFolder::create(const fs::path& path, const Config& config) {
  std::error_code error;
  if (fs::exists(path, error)) {
    require(fs::is_directory(path, error), "{}: it exists and is not a folder", path.string());
  } else {
    fs::create_directories(path, error);
    require(!error, "{}: the folder cannot be made: {}", path.string(), error.message());
  }
  RunFolder run(path);
  run.lock();
  require(!fs::exists(path / "config.json", error), "{}: it already holds a run; choose another --run folder",
          path.string());
  for (const auto& entry : fs::directory_iterator(path, error))  // a start that was killed may leave a part
    require(entry.path().extension() == ".part", "{}: the folder is not empty; choose another --run folder",
            path.string());
  require(!error, "{}: {}", path.string(), error.message());
  run.write_config(config);
  return run;
}

RunFolder RunFolder::create_or_open(const fs::path& path, const Config& config) {
  std::error_code none;
  if (!fs::exists(path / "config.json", none)) return create(path, config);
  RunFolder run = open(path);
  run.lock();
  return run;
}

void RunFolder::write_config(const Config& config) const {
  write_file_atomically(path_ / "config.json", {to_json(config).dump(2), "\n"});
}

fs::path RunFolder::weights(const std::string& which) const {
  std::error_code none;
  const std::array<std::pair<std::string, fs::path>, 3> all = {
      {{"averaged", averaged()}, {"best", best()}, {"last", checkpoint()}}};
  for (const auto& [name, file] : all)
    if (which == name || (which.empty() && fs::exists(file, none))) return file;
  require(which.empty(), "{} are not weights of a run; there are last, best and averaged", which);
  fail("{}: there are no weights in this run yet", checkpoint().string());
}

/// The lock of a folder, or null when somebody has it.
std::shared_ptr<const int> RunFolder::try_lock() const {
  const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(folder >= 0, "{}: {}", path_.string(), std::strerror(errno));
  std::shared_ptr<const int> held(new int(folder), [](const int* file) {
    ::close(*file);
    delete file;
  });
  return ::flock(folder, LOCK_EX | LOCK_NB) == 0 ? held : nullptr;
}

void RunFolder::lock() {
  auto held = try_lock();
  require(held != nullptr, "{}: another process is training in this folder", path_.string());
  lock_ = std::move(held);
}

bool RunFolder::in_use() const { return try_lock() == nullptr; }

void RunFolder::flush_metrics() const {
  const int file = ::open(metrics().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;  // there is no line yet
  ::fsync(file);
  ::close(file);
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  const auto holds_run = [&](const fs::path& folder) { return fs::exists(folder / "config.json", error); };
  if (holds_run(path)) return RunFolder(path);
  if (!fs::exists(path, error)) {
    const fs::path usual = fs::path("runs") / path;  // where runs go by themselves
    fail("{}: there is no such folder{}", path.string(),
         path.is_relative() && holds_run(usual) ? fmt::format("; did you mean {}?", usual.string())
                                                : did_you_mean_file(path));
  }
  std::set<fs::path> within;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    if (holds_run(entry->path())) within.insert(entry->path());
  fail("{}: there is no run in this folder (no config.json){}", path.string(),
       within.empty() ? "" : fmt::format("; there is one in {}", within.begin()->string()));
}

Config RunFolder::config() const {
  const std::string source = (path_ / "config.json").string();
  const nlohmann::json object = nlohmann::json::parse(read_file(source), nullptr, false);
  require(!object.is_discarded(), "{}: it is not JSON", source);
  Config config;
  read_run_config(config, object, source);
  check_config(config);
  return config;
}

void RunFolder::append_metrics(const nlohmann::json& line) const {
  const fs::path name = metrics();
  std::error_code none;
  const auto before = fs::exists(name, none) ? fs::file_size(name, none) : 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(name.c_str(), "a"), std::fclose);
  require(file != nullptr, "{}: {}", name.string(), std::strerror(errno));
  const std::string text = line.dump() + "\n";
  const bool written =
      std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
  if (written) return;
  const int reason = errno;
  fs::resize_file(name, before, none);  // no half line stays behind
  fail("{}: {}", name.string(), std::strerror(reason));
}

}  // namespace gaze::train
