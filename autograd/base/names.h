#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gaze/autograd/base/error.h>

namespace gaze {

/// The names of an enum's values: the one table that the command line, files, help and errors go by. A value may have
/// several names; the first is what it is called.
template <class E>
class NameTable {
 public:
  struct Row {
    E value;
    std::string_view name;
  };

  /// `what` is named, in errors: "schedule".
  NameTable(std::string_view what, std::vector<Row> rows) : what_(what), rows_(std::move(rows)) {}
  /// Of rows that hold more than a value and its name.
  template <class Rows>
  static NameTable of(std::string_view what, const Rows& rows) {
    std::vector<Row> named;
    for (const auto& row : rows) named.push_back({row.value, row.name});
    return {what, std::move(named)};
  }

  /// Throws for a value that is not in the table.
  std::string_view name_of(E value) const {
    for (const Row& row : rows_)
      if (row.value == value) return row.name;
    fail("{}: there is no value {}", what_, static_cast<int>(value));
  }
  /// Nothing for a name that is not in the table.
  std::optional<E> find(std::string_view name) const {
    for (const Row& row : rows_)
      if (row.name == name) return row.value;
    return std::nullopt;
  }
  /// Throws for a name that is not in the table: all are listed, and the nearest is suggested.
  E named(std::string_view name) const {
    if (const auto value = find(name)) return *value;
    fail("{}: {} is none of {}{}", what_, name, fmt::join(names(), ", "), did_you_mean(name, names()));
  }
  /// Each once, in the order of the table.
  std::vector<E> values() const {
    std::vector<E> values;
    for (const Row& row : rows_)
      if (std::find(values.begin(), values.end(), row.value) == values.end()) values.push_back(row.value);
    return values;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Row& row : rows_) names.emplace_back(row.name);
    return names;
  }

 private:
  std::string_view what_;
  std::vector<Row> rows_;
};

}  // namespace gaze
