#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/run_folder.h>

namespace gaze::train {

/// What can be said of a file of a run.
enum class FileState {
  whole,
  wrong,       ///< broken, missing, or not of the same run or step as the others
  unfinished,  ///< of a step or a write that was stopped: the training makes it good when it goes on
  unknown      ///< gaze wrote no file of this name
};
std::string_view name_of(FileState);

/// One file of a run.
struct CheckedFile {
  std::string name;  ///< within the folder: "attention/index.json"
  FileState state = FileState::whole;
  std::string what = {};                  ///< it is: "weights of the lowest validation loss"
  std::optional<std::int64_t> step = {};  ///< of the training
  std::optional<double> loss = {};        ///< of the validation at that step
  std::string wrong = {}, remedy = {};    ///< why it is not whole, and what to do
  std::string group = {};                 ///< files that are alike ("attention/MODULE.*.npy"); empty: it is alone
};

struct RunCheck {
  std::vector<CheckedFile> files;
  bool in_use = false;  ///< somebody trains there: what is unfinished may be what is being written
  bool whole() const;   ///< nothing is wrong
};

/// Reads all files of a run as the commands do that use them, and holds them against each other: options, model and
/// optimizer, vocabularies, steps, losses, recorded attention. Nothing is written and no lock is taken. What is broken
/// is no reason to throw; a folder that cannot be looked through is.
RunCheck check_run(const RunFolder& run);

/// Lines for people: a line each, those of a group together where all are whole.
std::vector<std::string> lines_of(const RunCheck&);
nlohmann::json to_json(const RunCheck&);

}  // namespace gaze::train
