#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace gaze::train {

/// What --help prints of a command that is called by these words ("gaze score align").
std::string help_of(const CLI::App& command, const std::string& words);

/// Throws a UsageError, suggesting the nearest, unless a command has a subcommand of this name. `words`: how the
/// command itself is called.
void require_subcommand_named(const CLI::App& command, const std::string& words, const std::string& name);

/// One line that says what is wrong with the command line that the parser refused, and what to type instead.
std::string complaint_of(const CLI::App& app, const CLI::ParseError& error);

}  // namespace gaze::train
