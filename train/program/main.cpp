/// The program `gaze`: one subcommand per file of commands/.

#include <fcntl.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string>

#include <gaze/train/program/commands/commands.h>
#include <gaze/train/program/commands/usage.h>
#include <gaze/train/program/terminal/terminal.h>

using namespace gaze;
using namespace gaze::train;

namespace {

/// A stream that the program was started without stays an error to use. Its number must not go to the next file that is
/// opened, which would get what is printed.
void reserve_standard_streams() {
  for (int stream = 0; stream <= 2; ++stream)
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) < 0)
      break;  // then no other file can be opened either
}

constexpr const char* no_memory = "out of memory: the model or the batch is too large for this machine";

int complain(const char* what, int status) {
  std::fprintf(stderr, "gaze: %s\n", printable(what).c_str());
  return status;
}

/// What a thread of a library throws nobody can catch (sentencepiece's, without memory): it is a failure like any
/// other.
[[noreturn]] void end_by_exception() {
  try {
    if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
    complain("it cannot go on", 1);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "gaze: %s\n", no_memory);
  } catch (const std::exception& error) {
    complain(error.what(), 1);
  } catch (...) {
    complain("it cannot go on", 1);
  }
  std::_Exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  reserve_standard_streams();
  std::set_terminate(end_by_exception);
  const std::string program = argc > 0 ? argv[0] : "gaze";  // how to call it again
  CLI::App app("gaze trains small Transformers on a CPU and shows their attention learn.", program);
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "gaze " GAZE_VERSION, "Print the version and exit");
  app.footer(
      fmt::format("To begin with: {0} lesson, or {0} train reverse. {0} help COMMAND explains a command.", program));
  add_commands(app);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error like any other
  try {
    try {
      // Before "gaze trian --help" is taken for "gaze --help".
      if (argc > 1 && argv[1][0] != '-') require_subcommand_named(app, app.get_name(), argv[1]);
      app.parse(argc, argv);
      if (app.get_subcommands().empty()) fmt::print("{}", help_of(app, app.get_name()));
    } catch (const CLI::Success& help) {
      app.exit(help);
    }
    flush_output();
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(complaint_of(app, error).c_str(), 2);
  } catch (const UsageError& error) {
    return complain(error.what(), 2);
  } catch (const Interrupted&) {
    return 130;
  } catch (const std::bad_alloc&) {
    return complain(no_memory, 1);
  } catch (const std::filesystem::filesystem_error& error) {
    return complain(fmt::format("{}: {}", error.path1().string(), error.code().message()).c_str(), 1);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}
