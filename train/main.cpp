/// The program `gaze`: one subcommand a file under train/commands/.

#include <cstdio>
#include <exception>

#include <gaze/train/commands/commands.h>

int main(int argc, char** argv) {
  using namespace gaze;
  CLI::App app("gaze trains small Transformers on a CPU and shows their attention learn.", "gaze");
  app.require_subcommand(1);
  add_train(app);
  add_translate(app);
  add_inspect(app);
  add_bench(app);
  const auto complain = [](const char* what, int status) {
    std::fprintf(stderr, "gaze: %s\n", what);
    return status;
  };
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return complain(error.what(), 2);
  } catch (const UsageError& error) {
    return complain(error.what(), 2);
  } catch (const Interrupted&) {
    return 130;
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}
