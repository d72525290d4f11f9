#include "paths.h"

std::filesystem::path source_folder() { return GAZE_SOURCE_DIR; }
std::filesystem::path program_path() { return GAZE_PROGRAM; }
