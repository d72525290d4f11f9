#include <gaze/train/program/commands/commands.h>

#include <unistd.h>

#include <memory>

#include <gaze/autograd/base/files.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>
#include <gaze/train/program/terminal/typed_numbers.h>
#include <gaze/train/report/report.h>
#include <gaze/train/report/server.h>

namespace gaze::train {

void add_report(CLI::App& app) {
  struct Arguments {
    std::string run, file;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("report", "Writes a page that shows how a run's attention learned");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("-o,--output", a->file, "The file to write (default: report.html in that folder)");
  command->callback([a] {
    const RunFolder run = RunFolder::open(a->run);
    const std::filesystem::path file = a->file.empty() ? run.path() / "report.html" : std::filesystem::path(a->file);
    require_ending("-o", file, ".html");
    run.check_output(file);
    write_file_atomically(file, {report_page(run)});
    fmt::print("{}\n", file_link(file, detect_terminal(STDOUT_FILENO)));
  });
}

void add_watch(CLI::App& app) {
  struct Arguments {
    std::string run, host = "127.0.0.1";
    int port = 8080;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("watch", "Serves that page for a run, also while it is training");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("--port", a->port, "The port to listen at; 0: any that is free")->check(whole_range(0, 65535));
  command->add_option("--host", a->host, "The address to listen at: others than this machine only when told so");
  command->callback([a] {
    const RunFolder run = RunFolder::open(a->run);
    ReportServer server(a->host, a->port);
    server.serve(run);
    fmt::print("{}  (Ctrl-C ends it)\n", server.url());
    flush_output();
    server.wait();
  });
}

}  // namespace gaze::train
