#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gaze::train {

enum class ColorMode { plain, colors_256, true_color };

/// What the output can show.
struct Terminal {
  bool interactive = false;            ///< the cursor can be moved, so lines can be redrawn in place
  ColorMode color = ColorMode::plain;  ///< plain means no escape sequence for colour or weight at all
  int columns = 80;
  int rows = 24;
  bool unicode = false;     ///< the locale is UTF-8
  bool hyperlinks = false;  ///< OSC 8 makes text that can be clicked; it is not a colour, and NO_COLOR leaves it
};

/// The value of an environment variable, or null; std::getenv outside tests.
using Environment = std::function<const char*(const char* name)>;

/// Looks at the file descriptor and the environment of the process.
Terminal detect_terminal(int fd);

/// The rules behind it. A file or a pipe (is_terminal false) and TERM=dumb are plain and not interactive. NO_COLOR
/// (https://no-color.org) makes a terminal plain; then COLORTERM (truecolor, 24bit) and TERM (*-direct, *256color*)
/// decide. Columns and rows of zero are unknown: COLUMNS and LINES stand in, then 80 x 24. The first of LC_ALL,
/// LC_CTYPE and LANG that is set and not empty decides whether text is UTF-8. Hyperlinks are for terminals that are
/// known to take them, by the variables that they set; inside tmux its version decides, inside screen there are none.
/// FORCE_HYPERLINK, if set, knows better (0: no, else yes), but of no file or pipe and not of TERM=dumb.
Terminal detect_terminal(bool is_terminal, int columns, int rows, const Environment& environment);

/// Columns that a text takes: two for East Asian wide and fullwidth characters and emoji, none for combining marks,
/// joiners and control characters, one for everything else, invalid bytes included. Emoji that joiners tie together
/// count one by one, and U+FE0F does not widen, as in wcwidth().
int display_width(std::string_view utf8);

/// The same of a line with SGR sequences, which take none.
int styled_width(std::string_view line);

/// The text with U+FFFD for each control character (escape, line breaks and bidirectional overrides included) and for
/// each invalid byte, so that it stays in its place and cannot steer the terminal.
std::string printable(std::string_view utf8);

/// Pieces with spaces between them in lines of at most `width` columns; pieces stay whole, and one that is wider has a
/// line of its own.
std::vector<std::string> wrap(std::span<const std::string> pieces, int width);

enum class Align { left, center, right };

/// The text with spaces to fill `width` columns; a text that is wider comes back as it is.
std::string pad(std::string_view utf8, int width, Align align = Align::left);

/// The text if it fits into `width` columns, else as many whole characters, with the marks on them, as leave a column
/// for "…" ("~" without unicode). At most `width` columns; fewer when a wide character straddles the edge.
std::string clip(std::string_view utf8, int width, bool unicode = true);

/// The file's path as it is, and where the terminal can, a click on it opens the file.
std::string file_link(const std::filesystem::path& path, const Terminal& terminal);

/// file://HOST/... of an absolute path, in percent-encoding where a URL needs it (RFC 3986).
std::string file_url(const std::filesystem::path& path, std::string_view host);

/// A block of lines that is redrawn in place, for a view that changes while a command runs.
class Redraw {
 public:
  /// The bytes that replace the last frame by these lines and leave the cursor at the start of the line below. Lines
  /// may hold SGR sequences (colour, weight); other control characters are shown as U+FFFD. What exceeds the terminal
  /// is left out: characters beyond its columns, and lines beyond its rows less one for the cursor. A terminal that
  /// became narrower is taken to have broken the last frame's lines into as many rows as they now need, as nearly all
  /// do; the one that cut them loses as many lines above the frame. Without an interactive terminal the lines just
  /// follow each other, whole.
  std::string frame(std::span<const std::string> lines, const Terminal& terminal);

  /// Writes the frame and flushes.
  void draw(std::span<const std::string> lines, const Terminal& terminal, std::FILE* out);

  /// Keeps the last frame on the screen: the next one starts below it.
  void finish() { drawn_.clear(); }

 private:
  std::vector<int> drawn_;  ///< the width of each line of the last frame
  int columns_ = 0;         ///< of the terminal then
};

}  // namespace gaze::train
