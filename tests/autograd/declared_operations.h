#pragma once

#include <fstream>
#include <set>
#include <string>

#include "../paths.h"

/// The names of the functions that ops.h declares, operators left out.
inline std::set<std::string> declared_operations() {
  std::ifstream file(source_folder() / "autograd/ops.h");
  std::set<std::string> names;
  for (std::string line; std::getline(file, line);)
    for (const std::string result : {"Tensor ", "AttentionResult "})
      if (line.starts_with(result) && line.find('(') != line.npos)
        names.insert(line.substr(result.size(), line.find('(') - result.size()));
  return names;
}
