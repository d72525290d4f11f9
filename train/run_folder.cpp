#include <gaze/train/run_folder.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/base/files.h>
#include <gaze/train/folder.h>
#include <gaze/train/json.h>
#include <gaze/train/options.h>
#include <gaze/train/saved_model.h>

namespace gaze::train {
namespace fs = std::filesystem;

namespace {

using Identity = std::pair<std::uint64_t, std::uint64_t>;

Identity identity_of(const fs::path& path) {
  struct stat status {};
  require(::stat(path.c_str(), &status) == 0, "{}: {}", path.string(), std::strerror(errno));
  return {status.st_dev, status.st_ino};
}

/// Whether a process has this folder open.
bool has_open(const std::string& process, const Identity& folder) {
  std::error_code error;
  for (fs::directory_iterator file("/proc/" + process + "/fd", error), end; !error && file != end;
       file.increment(error)) {
    struct stat status {};
    if (::stat(file->path().c_str(), &status) == 0 && Identity(status.st_dev, status.st_ino) == folder) return true;
  }
  return static_cast<bool>(error);  // whose files may not be seen is believed
}

/// Whether the system's list of locks has a whole-file lock of this folder. Asking flock() itself would take the lock
/// for a moment, and stop who wants it then.
bool is_locked(const Identity& folder) {
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {  // 1: FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF
    std::istringstream words(line);
    std::string number, kind, how, mode, process, file;
    if (!(words >> number >> kind >> how >> mode >> process >> file) || mode != "WRITE") continue;
    // Devices are numbered otherwise than by stat() on some file systems: the process tells whether it is this one.
    const std::string inode = ":" + std::to_string(folder.second);
    if (file.ends_with(inode) && has_open(process, folder)) return true;
  }
  return false;
}

}  // namespace

RunFolder RunFolder::create(const fs::path& path, const Config& config) {
  std::error_code error;
  if (file_exists(path)) {
    require(fs::is_directory(path, error), "{}: it exists and is not a folder", path.string());
  } else {
    fs::create_directories(path, error);
    require(!error, "{}: the folder cannot be made: {}", path.string(), error.message());
  }
  RunFolder run(path);
  run.lock();
  require(!file_exists(path / "config.json"), "{}: it already holds a run; choose another --run folder", path.string());
  const auto parts = entries_of(path);  // of a start that was killed
  for (const fs::path& part : parts)
    require(is_unfinished_write(part) && part.filename().string().starts_with("config.json."),
            "{}: the folder is not empty; choose another --run folder", path.string());
  for (const fs::path& part : parts) remove_file(part);
  run.write_config(config);
  return run;
}

RunFolder RunFolder::create_or_open(const fs::path& path, const Config& config) {
  if (!file_exists(path / "config.json")) return create(path, config);
  RunFolder run = open(path);
  run.lock();
  return run;
}

void RunFolder::write_config(const Config& config) const {
  write_file_atomically(path_ / "config.json", {to_json(config).dump(2), "\n"});
}

fs::path RunFolder::weights(const std::string& which) const {
  const std::array<std::pair<std::string, fs::path>, 3> all = {
      {{"averaged", averaged()}, {"best", best()}, {"last", checkpoint()}}};
  for (const auto& [name, file] : all)
    if (which == name) return file;
  if (which.empty() && file_exists(averaged()) &&
      file_exists(best())) {  // a training that goes on may find a better best
    const auto of_mean = validation_of(averaged()), of_best = validation_of(best());
    return of_mean && of_best && of_best->loss < of_mean->loss ? best() : averaged();
  }
  for (const auto& [name, file] : all)
    if (which.empty() && file_exists(file)) return file;
  require(which.empty(), "{} are not weights of a run; there are last, best and averaged", which);
  fail("{}: there are no weights in this run yet", checkpoint().string());
}

RunFolder::RunFolder(fs::path path) : path_(std::move(path)), identity_(identity_of(path_)) {}

void RunFolder::lock() {
  const int folder = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(folder >= 0, "{}: {}", path_.string(), std::strerror(errno));
  std::shared_ptr<const int> held(new int(folder), [](const int* file) {
    ::close(*file);
    delete file;
  });
  while (::flock(folder, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    require(errno != EWOULDBLOCK, "{}: another process is training in this folder", path_.string());
    locks_missing_ = std::strerror(errno);
    break;
  }
  lock_ = std::move(held);
}

bool RunFolder::in_use() const { return is_locked(identity_); }

void RunFolder::check_place() const {
  struct stat now {};
  const bool same =
      ::stat(path_.c_str(), &now) == 0 && identity_ == std::pair<std::uint64_t, std::uint64_t>(now.st_dev, now.st_ino);
  require(same, "{}: the folder was moved away while it was in use", path_.string());
}

void RunFolder::check_output(const fs::path& file) const {
  const auto same = [&](const fs::path& own) { return is_same_file(file, own); };
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const bool own = same(path_ / "config.json") || same(metrics()) || same(checkpoint()) || same(best()) ||
                   same(averaged()) || is_same_file(folder, snapshots()) || is_same_file(folder, path_ / "attention");
  require(!own, "{}: it is a file of the run, which is not written over", file.string());
}

void RunFolder::flush_metrics() const {
  const int file = ::open(metrics().c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return;  // there is no line yet
  const bool flushed = file >= 0 && flush_to_disk(file);
  const int reason = errno;
  if (file >= 0) ::close(file);
  require(flushed, "{}: {}", metrics().string(), std::strerror(reason));
}

RunFolder RunFolder::open(const fs::path& path) {
  std::error_code error;
  const auto holds_run = [&](const fs::path& folder) { return fs::exists(folder / "config.json", error); };
  if (file_exists(path / "config.json")) return RunFolder(path);
  if (!file_exists(path)) {
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
  const nlohmann::json object = parse_json(read_file(source), source);
  Config config;
  read_run_config(config, object, source);
  check_config_of(source, config);
  return config;
}

void RunFolder::append_metrics(const nlohmann::json& line) const {
  check_place();
  const fs::path name = metrics();
  std::error_code none;
  const auto before = file_exists(name) ? fs::file_size(name) : 0;
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

bool is_unfinished_write(const fs::path& file) {
  const std::string process = file.stem().extension().string();  // ".4711"
  return file.extension() == ".part" && process.size() > 1 &&
         process.find_first_not_of("0123456789", 1) == process.npos;
}

nlohmann::json metrics_line(std::string_view text, const std::string& file, std::int64_t line) {
  nlohmann::json object = parse_json(text, file, line);
  const std::string where = fmt::format("{}:{}", file, line);
  require(object.is_object() && object.contains("step"), "{}: it is not an object with a step", where);
  whole_number(object["step"], 0, max_count, where + ": step");
  for (const char* name :
       {"loss", "lr", "grad_norm", "tokens_per_s", "validation_loss", "token_accuracy", "perplexity", "aer"})
    if (const auto found = object.find(name); found != object.end())
      require(found->is_number() || found->is_null(), "{}: its {} is not a number", where, name);
  return object;
}

std::optional<double> figure_in(const nlohmann::json& metrics, const char* name) {
  const auto found = metrics.find(name);
  return found != metrics.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

}  // namespace gaze::train
