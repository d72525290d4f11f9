/// The program `gaze`: one subcommand a file under train/commands/.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include <gaze/train/commands/commands.h>
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
  CLI::App app("gaze trains small Transformers on a CPU and shows their attention learn.", "gaze");
  app.require_subcommand(1);
  add_train(app, argc > 0 ? argv[0] : "gaze");
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
  std::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error like any other
  const auto complain = [](const char* what, int status) {
    std::fprintf(stderr, "gaze: %s\n", printable(what).c_str());
    return status;
  };
  try {
    try {
      std::vector<std::string> names;
      for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
      if (argc > 1 && argv[1][0] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end())
        throw UsageError(fmt::format("unknown command {}; there are {}", argv[1], fmt::join(names, ", ")));
      app.parse(argc, argv);
    } catch (const CLI::Success& help) {
      app.exit(help);
    }
    flush_output();
    return 0;
  } catch (const CLI::ParseError& error) {
    return complain(error.what(), 2);
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
