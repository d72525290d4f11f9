#pragma once

#include <functional>
#include <map>
#include <string>

namespace gaze::train {

/// The files of train/presets/ as they were when the program was built, by name without ".json".
const std::map<std::string, std::string, std::less<>>& preset_files();

}  // namespace gaze::train
