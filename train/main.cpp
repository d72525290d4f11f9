/// The program `gaze`: one subcommand per file under train/commands/.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include <gaze/train/commands/commands.h>
#include <gaze/train/commands/usage.h>
#include <gaze/train/terminal.h>

namespace gaze {

void add_weights_option(CLI::App& command, std::string& weights) {
  command.add_option("--weights", weights, "last, best or averaged (default: the last of these that there is)")
      ->check(CLI::IsMember({"last", "best", "averaged"}));
}

void flush_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) fail("standard output: {}", std::strerror(errno));
}

}  // namespace gaze

int main(int argc, char** argv) {
  using namespace gaze;
  const std::string program = argc > 0 ? argv[0] : "gaze";  // how to call it again
  CLI::App app("gaze trains small Transformers on a CPU and shows their attention learn.", program);
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "gaze " GAZE_VERSION, "Print the version and exit");
  app.footer(
      fmt::format("To begin with: {0} lesson, or {0} train reverse. {0} help COMMAND explains a command.", program));
  add_train(app, program);
  add_tasks(app, program);
  add_translate(app);
  add_sample(app);
  add_inspect(app);
  add_report(app);
  add_watch(app);
  add_align(app);
  add_score(app);
  add_export(app);
  add_gradcheck(app);
  add_lesson(app);
  add_bench(app);
  add_help(app);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error like any other
  const auto complain = [](const char* what, int status) {
    std::fprintf(stderr, "gaze: %s\n", printable(what).c_str());
    return status;
  };
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
    return complain("out of memory: the model or the batch is too large for this machine", 1);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}
