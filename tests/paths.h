#pragma once

#include <filesystem>

/// Where the tests find what they read and run. Functions, so that one file alone is compiled anew for another folder.
std::filesystem::path source_folder();
std::filesystem::path program_path();
