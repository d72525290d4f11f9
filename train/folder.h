#pragma once

#include <filesystem>
#include <vector>

namespace gaze::train {

// What can be asked of folders and files without an error being taken for "it is not there". All throw, naming the
// file, when the system does not say.

/// What lies in a folder, in no order, or in all folders in it, too; nothing where there is no such folder.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);
std::vector<std::filesystem::path> entries_below(const std::filesystem::path& folder);
/// Removes a file, where there is one.
void remove_file(const std::filesystem::path& file);
/// Whether both are there and the same.
bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace gaze::train
