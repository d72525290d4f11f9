#pragma once

#include <string>
#include <string_view>

#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

/// The text in a left-to-right isolate (U+2066, U+2069) if something in it is written from right to left: then what
/// stands beside it keeps its place. Redraw lets these marks pass. In a terminal without unicode the text itself.
std::string isolated(std::string_view utf8, const Terminal& terminal);

/// The length of the isolate's mark that the text starts with, or 0.
std::size_t isolate_length(std::string_view utf8);

}  // namespace gaze::train
