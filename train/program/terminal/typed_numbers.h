#pragma once

#include <cstdint>

#include <CLI/CLI.hpp>

namespace gaze::train {

// What numbers on the command line may be. CLI::Range lets NaN pass, hexadecimal digits and blanks.

/// A check of an option: a whole number from `low` to `high`, of digits alone.
CLI::Validator whole_range(std::int64_t low, std::int64_t high);
/// A check of an option: a decimal number from `low` to `high`.
CLI::Validator real_range(double low, double high);

/// Has all options and arguments of a command and its subcommands, but those that are named, refuse an empty word: of
/// a shell's variable that is not set.
void refuse_empty(CLI::App& command, const std::vector<std::string>& may_be_empty);

}  // namespace gaze::train
