#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch.h"
#include "paths.h"
#include "scratch.h"

using Args = std::vector<std::string>;

inline std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// The arguments, and more behind them.
inline Args joined(Args args, const Args& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

struct Options {
  std::string input = {};   ///< standard input
  std::string output = {};  ///< a file that takes standard output
  std::vector<std::string> environment = {};
  bool terminal = false;         ///< standard output is one
  std::vector<int> closed = {};  ///< standard streams that it begins without
  rlim_t file_limit = 0;         ///< no file may grow beyond these bytes, as on a full disk; 0: none
};

struct Result {
  int status = -1;  ///< the exit status, or 1000 + the signal that ended the program
  std::string out, err;
};

/// The program refused: nothing on standard output, one line on standard error that names what is at fault.
inline void check_complaint(const Result& r, int status, const std::string& names) {
  CHECK(r.status == status);
  CHECK(r.out == "");
  INFO(r.err);
  CHECK(lines_of(r.err).size() == 1);
  CHECK_THAT(r.err, ContainsSubstring(names) && EndsWith("\n"));
}

/// The bytes of a checkpoint's tensors, which follow its header.
inline std::string_view weights_of(std::string_view file) {
  std::size_t header = 0;
  for (std::size_t i = 8; i-- > 0;) header = header << 8 | static_cast<unsigned char>(file.at(i));
  return file.substr(8 + header);
}

/// The program in an empty folder of its own, which goes away in the end.
struct Program {
  Program() { std::filesystem::create_directory(folder); }
  ~Program() {
    if (child > 0) ::kill(child, SIGKILL), finish();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void start(const Args& args, const Options& options = {}) {
    write(scratch.path / "in", options.input);
    const std::string in = scratch.path / "in", err = scratch.path / "err";
    std::string out = options.output.empty() ? (scratch.path / "out").string() : options.output;
    std::filesystem::remove(scratch.path / "out");
    if (options.terminal) {
      terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
      REQUIRE((terminal >= 0 && ::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0));
      out = ::ptsname(terminal);
    }
    std::vector<std::string> environment = options.environment;
    environment.insert(environment.end(), {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"});
    // A run of all tests with one level's instructions means the program as well; of two, the first counts.
    if (const char* level = std::getenv("GAZE_ISA")) environment.push_back(std::string("GAZE_ISA=") + level);
    Args all = args;
    all.insert(all.begin(), "gaze");
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all_pointers;
      for (std::string& text : texts) all_pointers.push_back(text.data());
      all_pointers.push_back(nullptr);
      return all_pointers;
    };
    const std::string program = program_path().string();
    const auto argv = pointers(all), envp = pointers(environment);
    child = ::fork();
    if (child == 0) {  // only calls that are safe in the copy of a threaded process
      const rlimit limit{options.file_limit, options.file_limit};
      if (options.file_limit > 0) std::signal(SIGXFSZ, SIG_IGN), ::setrlimit(RLIMIT_FSIZE, &limit);
      const auto redirect = [](const std::string& path, int flags, int to) {
        return ::dup2(::open(path.c_str(), flags | O_NOCTTY, 0600), to) == to;
      };
      const rlimit processor_time{600, 600};  // seconds: a program that turns in circles ends, however busy the machine
      ::setrlimit(RLIMIT_CPU, &processor_time);
      if (::chdir(folder.c_str()) == 0 && redirect(in, O_RDONLY, 0) && redirect(out, O_WRONLY | O_CREAT, 1) &&
          redirect(err, O_WRONLY | O_CREAT | O_TRUNC, 2)) {
        for (const int stream : options.closed) ::close(stream);
        ::execve(program.c_str(), argv.data(), envp.data());
      }
      ::_exit(126);
    }
    REQUIRE(child > 0);
  }

  Result finish() {
    Result result;
    if (terminal >= 0) {  // reading ends with an error once the program has closed its side
      char buffer[4096];
      for (ssize_t n = 0; (n = ::read(terminal, buffer, sizeof buffer)) > 0;)
        result.out.append(buffer, static_cast<std::size_t>(n));
      ::close(std::exchange(terminal, -1));
    }
    int status = 0;
    ::waitpid(std::exchange(child, 0), &status, 0);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    if (std::filesystem::exists(scratch.path / "out")) result.out += read(scratch.path / "out");
    result.err = read(scratch.path / "err");
    return result;
  }

  Result run(const Args& args, const Options& options = {}) {
    start(args, options);
    return finish();
  }

  /// Waits until a condition holds; fails when the program ends before or it takes too long.
  template <class Condition>
  void wait_until(const Condition& condition) {
    for (int i = 0; !condition(); ++i) {
      siginfo_t info{};
      ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
      if (info.si_pid != 0 || i == 300'000) FAIL("the program did not get there: " << read(scratch.path / "err"));
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

  ScratchFolder scratch;  ///< of the files around the program; its own are in `folder`
  std::filesystem::path folder = scratch.path / "work";
  pid_t child = 0;
  int terminal = -1;
};
