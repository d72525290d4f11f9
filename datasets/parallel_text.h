#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gaze/datasets/characters.h>

namespace gaze::train {

/// Sentences and their translations, line by line.
struct ParallelText {
  std::vector<std::string> source, target;  ///< equally many
  std::string source_file, target_file;     ///< for errors; the same one for columns of one file
  std::vector<std::size_t> lines = {};      ///< where each pair stands there, from 1; empty: one after another

  std::size_t size() const { return source.size(); }
  std::size_t line_of(std::size_t pair) const { return lines.empty() ? pair + 1 : lines[pair]; }
  std::uint64_t hash() const;  ///< of all lines
  /// Throws for files that are empty, have unequal numbers of lines or are not text: see read_lines().
  static ParallelText read(const std::filesystem::path& source, const std::filesystem::path& target,
                           Unicode unicode = Unicode::none);
  /// From one file of lines "source<TAB>target". Throws likewise, and for a line that has not two columns.
  static ParallelText read_columns(const std::filesystem::path& file, Unicode unicode = Unicode::none);
  /// Takes one pair in twenty, but not more than `max_count`, out of these: every k-th, so that all parts of a text are
  /// there. Throws when there are fewer than two pairs.
  ParallelText take_held_out(std::size_t max_count);
};

}  // namespace gaze::train
