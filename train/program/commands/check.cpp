#include <gaze/train/program/commands/commands.h>

#include <memory>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/train/check/run_check.h>
#include <gaze/train/program/commands/output.h>
#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

void add_check(CLI::App& app) {
  struct Arguments {
    std::string run;
    bool json = false;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("check", "Reads all files of a run: what is whole, what is wrong, what each is of");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_flag("--json", a->json, "Print what was found as one JSON object");
  command->callback([a] {
    JsonOutput output(a->json);
    const std::filesystem::path path = a->run;
    const bool any = file_exists(path / "config.json") || file_exists(path / "checkpoint.safetensors");
    const RunFolder run = any ? RunFolder::at(path) : RunFolder::open(path);  // which says what is there instead
    const RunCheck check = check_run(run);
    for (const std::string& line : lines_of(check)) fmt::print("{}\n", printable(line));
    if (check.in_use) fmt::print("Somebody trains in it at this moment: what is unfinished may be being written\n");
    output.print(to_json(check));
    std::vector<std::string> wrong;
    for (const CheckedFile& file : check.files)
      if (file.state == FileState::wrong) wrong.push_back(file.name);
    require(wrong.empty(), "{}: wrong: {}", a->run, fmt::join(wrong, ", "));
  });
}

}  // namespace gaze::train
