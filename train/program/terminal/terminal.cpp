#include <gaze/train/program/terminal/direction.h>
#include <gaze/train/program/terminal/terminal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include <gaze/datasets/characters.h>

namespace gaze::train {

namespace {

// Detection

std::string_view variable(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value ? value : "";
}

int positive_number(std::string_view text, int otherwise) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : otherwise;
}

ColorMode detect_color(const Environment& environment) {
  const std::string_view term = variable(environment, "TERM");
  const std::string_view color_term = variable(environment, "COLORTERM");
  if (!variable(environment, "NO_COLOR").empty()) return ColorMode::plain;
  if (color_term == "truecolor" || color_term == "24bit" || term.ends_with("-direct")) return ColorMode::true_color;
  return term.find("256color") != term.npos ? ColorMode::colors_256 : ColorMode::plain;
}

bool detect_unicode(const Environment& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string locale(variable(environment, name));
    if (locale.empty()) continue;
    for (char& letter : locale)
      letter = letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    return locale.find("UTF-8") != locale.npos || locale.find("UTF8") != locale.npos;
  }
  return false;
}

/// The number that a version begins with: 3.4 of "3.4a", 0 of "next".
double version_number(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool detect_hyperlinks(const Environment& environment) {
  const std::string_view forced = variable(environment, "FORCE_HYPERLINK");
  if (!forced.empty()) return forced != "0";
  const std::string_view term = variable(environment, "TERM"), program = variable(environment, "TERM_PROGRAM");
  // A multiplexer stands between, and the variables of the terminal around it are still there.
  if (program == "tmux") return version_number(variable(environment, "TERM_PROGRAM_VERSION")) >= 3.4;
  if (!variable(environment, "TMUX").empty() || !variable(environment, "STY").empty() || term.starts_with("screen") ||
      term.starts_with("tmux") || term == "linux")
    return false;
  // VTE 0.50.0 crashed.
  if (const std::string_view vte = variable(environment, "VTE_VERSION"); !vte.empty())
    return positive_number(vte, 0) > 5000;
  for (const char* name : {"WT_SESSION", "KITTY_WINDOW_ID"})
    if (!variable(environment, name).empty()) return true;
  for (const std::string_view name : {"iTerm.app", "WezTerm", "vscode", "ghostty"})
    if (program == name) return true;
  for (const std::string_view name : {"xterm-kitty", "xterm-ghostty", "alacritty", "foot"})
    if (term.starts_with(name)) return true;
  // Whoever says so is younger than these links, or passes over them.
  return program != "Apple_Terminal" && variable(environment, "COLORTERM") == "truecolor";
}

constexpr std::string_view replacement = "\uFFFD";

/// The length of the SGR sequence (ESC [ numbers m) that the text starts with, or 0.
std::size_t style_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;:", 2);
  return end != text.npos && text[end] == 'm' ? end + 1 : 0;
}

/// Cuts a styled line at a column but keeps all its styles and isolates, so that what begins ends again.
std::string clip_styled(std::string_view line, int columns) {
  std::string clipped;
  int used = 0;
  while (!line.empty()) {
    std::size_t bytes = std::max(style_length(line), isolate_length(line));
    if (bytes > 0) {
      clipped += line.substr(0, bytes);
    } else {
      bytes = first_cluster(line).bytes;
      const std::string shown = printable(line.substr(0, bytes));
      used += display_width(shown);
      if (used <= columns) clipped += shown;
    }
    line.remove_prefix(bytes);
  }
  return clipped;
}

}  // namespace

Terminal detect_terminal(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0) size = {};
  return detect_terminal(isatty(fd) == 1, size.ws_col, size.ws_row, [](const char* name) { return std::getenv(name); });
}

Terminal detect_terminal(bool is_terminal, int columns, int rows, const Environment& environment) {
  Terminal terminal;
  terminal.interactive = is_terminal && variable(environment, "TERM") != "dumb";
  terminal.color = terminal.interactive ? detect_color(environment) : ColorMode::plain;
  terminal.columns = columns > 0 ? columns : positive_number(variable(environment, "COLUMNS"), terminal.columns);
  terminal.rows = rows > 0 ? rows : positive_number(variable(environment, "LINES"), terminal.rows);
  terminal.unicode = detect_unicode(environment);
  terminal.hyperlinks = terminal.interactive && detect_hyperlinks(environment);
  return terminal;
}

int display_width(std::string_view utf8) {
  int width = 0;
  while (!utf8.empty()) {
    const Character character = first_character(utf8);
    width += width_of(character.code);
    utf8.remove_prefix(character.bytes);
  }
  return width;
}

int styled_width(std::string_view line) {
  int width = 0;
  while (!line.empty()) {
    std::size_t bytes = style_length(line);
    if (bytes == 0) {
      const Character character = first_character(line);
      width += width_of(character.code);
      bytes = character.bytes;
    }
    line.remove_prefix(bytes);
  }
  return width;
}

std::string printable(std::string_view utf8) {
  std::string shown;
  while (!utf8.empty()) {
    const auto [code, bytes] = first_character(utf8);
    shown += code == Character::invalid || is_control(code) ? replacement : utf8.substr(0, bytes);
    utf8.remove_prefix(bytes);
  }
  return shown;
}

std::vector<std::string> wrap(std::span<const std::string> pieces, int width) {
  std::vector<std::string> lines;
  for (const std::string& piece : pieces) {
    if (!lines.empty() && display_width(lines.back()) + 1 + display_width(piece) <= width)
      lines.back() += " " + piece;
    else
      lines.push_back(piece);
  }
  return lines;
}

std::string pad(std::string_view utf8, int width, Align align) {
  const std::size_t spaces = static_cast<std::size_t>(std::max(0, width - display_width(utf8)));
  const std::size_t before = align == Align::left ? 0 : align == Align::right ? spaces : spaces / 2;
  return std::string(before, ' ').append(utf8).append(spaces - before, ' ');
}

std::string clip(std::string_view utf8, int width, bool unicode) {
  if (display_width(utf8) <= width) return std::string(utf8);
  if (width <= 0) return "";
  std::size_t kept = 0;
  int used = 0;
  while (true) {
    const Cluster cluster = first_cluster(utf8.substr(kept));
    if (used + cluster.width > width - 1) break;
    kept += cluster.bytes;
    used += cluster.width;
  }
  return std::string(utf8.substr(0, kept)) + (unicode ? "…" : "~");
}

std::string file_url(const std::filesystem::path& path, std::string_view host) {
  std::string url = fmt::format("file://{}", host);
  for (const char c : path.string()) {
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                            std::string_view("-._~/").find(c) != std::string_view::npos;
    url += unreserved ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

std::string file_link(const std::filesystem::path& path, const Terminal& terminal) {
  const std::string shown = printable(path.string());
  if (!terminal.hyperlinks) return shown;
  char host[256] = "";  // of this machine, so that a terminal somewhere else does not look on its own disk
  ::gethostname(host, sizeof host - 1);
  std::error_code none;
  const auto absolute = std::filesystem::absolute(path, none).lexically_normal();
  return fmt::format("\x1b]8;;{}\x1b\\{}\x1b]8;;\x1b\\", file_url(absolute, host), shown);
}

std::string Redraw::frame(std::span<const std::string> lines, const Terminal& terminal) {
  std::string bytes;
  if (!terminal.interactive) {
    for (const std::string& line : lines) bytes += line + '\n';
    return bytes;
  }
  const std::size_t room = static_cast<std::size_t>(std::max(1, terminal.rows - 1));
  lines = lines.first(std::min(lines.size(), room));
  const bool resized = terminal.columns != columns_;
  int up = 0;
  for (const int width : drawn_) up += resized ? std::max(1, (width + terminal.columns - 1) / terminal.columns) : 1;
  if (up > 0) bytes += fmt::format("\r\x1b[{}A", up);
  // Not before the lines: some terminals keep what is cleared from the top of the screen.
  const bool clears_below = up > static_cast<int>(lines.size());
  drawn_.clear();
  columns_ = terminal.columns;
  // Each line is cleared before it is written: after a line as wide as the terminal the cursor still stands on its last
  // character, which clearing to the end would wipe out.
  for (const std::string& line : lines) {
    const std::string shown = clip_styled(line, terminal.columns);
    bytes += "\x1b[K" + shown + '\n';
    drawn_.push_back(styled_width(shown));
  }
  if (clears_below) bytes += "\x1b[J";
  return bytes;
}

void Redraw::draw(std::span<const std::string> lines, const Terminal& terminal, std::FILE* out) {
  const std::string bytes = frame(lines, terminal);
  std::fwrite(bytes.data(), 1, bytes.size(), out);
  std::fflush(out);
}

}  // namespace gaze::train
