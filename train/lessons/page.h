#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <gaze/autograd/tensor.h>
#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

/// A number as text: with so many digits after the point.
std::string fixed(double value, int digits = 3);
/// The numbers of a tensor as nested lists.
nlohmann::json to_json(const Tensor& tensor);

/// A series of numbers, one per place on the page's x-axis.
struct Series {
  std::string name;
  std::vector<double> y;
};

/// What a lesson shows: text, tables and pictures on the terminal, and all its numbers by name for --json.
class Page {
 public:
  Page(const Terminal& terminal, bool quick) : terminal_(terminal), quick_(quick) {}

  bool quick() const { return quick_; }  ///< the reader is in a hurry: train less, or on less

  void title(const std::string& text);    ///< of the lesson
  void heading(const std::string& text);  ///< of a step of the lesson
  void formula(const std::string& text);  ///< on a line of its own, indented
  void say(const std::string& text);      ///< a paragraph, broken to the terminal's width
  void notice(const std::string& text);   ///< what the lesson is about: a paragraph
  /// Rows of cells under the names of their columns; the first column is on the left, the others on the right.
  void table(const std::vector<std::string>& columns, const std::vector<std::vector<std::string>>& rows);
  /// A matrix [rows, columns] under a name, which its numbers are kept by, too. Labels may be left out.
  void matrix(const std::string& name, const Tensor& numbers, const std::vector<std::string>& rows = {},
              const std::vector<std::string>& columns = {}, int digits = 2);
  /// A heat map of weights [rows, columns] from 0 to 1: who (rows) looks at what (columns).
  void heat_map(const std::string& title, const std::vector<std::string>& rows, const std::vector<std::string>& columns,
                const Tensor& weights);
  /// A picture of numbers [rows, columns] from -1 to 1, one character per number.
  void picture(const std::string& title, const Tensor& numbers, const std::vector<std::string>& rows = {});
  /// Curves over the same places, as lines of bars between the smallest and the largest number of all.
  void curves(const std::string& title, const std::vector<Series>& curves, int digits = 2);
  /// Points (x, y) of a plane, each shown by its mark.
  struct Point {
    double x, y;
    std::string mark;
  };
  void scatter(const std::string& title, const std::vector<Point>& points);

  nlohmann::json numbers = nlohmann::json::object();  ///< what --json prints

 private:
  void line(const std::string& text);
  std::string bold(const std::string& text) const;

  Terminal terminal_;
  bool quick_;
  bool blank_ = true;  ///< the last line was
};

}  // namespace gaze::train
