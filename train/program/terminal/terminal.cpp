#include <gaze/train/program/terminal/terminal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <system_error>

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

// Characters and their widths

struct Range {
  char32_t first, last;
};

// Marks that are drawn on the character before them (general categories Mn and Me), in the scripts of the Basic
// Multilingual Plane that are in wide use, and characters without any ink. Ranges run over unassigned code points.
constexpr Range kZeroWidth[] = {
    {0x300, 0x36f},     {0x483, 0x489},     {0x591, 0x5bd},     {0x5bf, 0x5bf},   {0x5c1, 0x5c2},   {0x5c4, 0x5c5},
    {0x5c7, 0x5c7},     {0x610, 0x61a},     {0x64b, 0x65f},     {0x670, 0x670},   {0x6d6, 0x6dc},   {0x6df, 0x6e4},
    {0x6e7, 0x6e8},     {0x6ea, 0x6ed},     {0x711, 0x711},     {0x730, 0x74a},   {0x7a6, 0x7b0},   {0x7eb, 0x7f3},
    {0x898, 0x89f},     {0x8ca, 0x8e1},     {0x8e3, 0x902},     {0x93a, 0x93a},   {0x93c, 0x93c},   {0x941, 0x948},
    {0x94d, 0x94d},     {0x951, 0x957},     {0x962, 0x963},     {0x981, 0x981},   {0x9bc, 0x9bc},   {0x9c1, 0x9c4},
    {0x9cd, 0x9cd},     {0x9e2, 0x9e3},     {0x9fe, 0xa02},     {0xa3c, 0xa3c},   {0xa41, 0xa51},   {0xa70, 0xa71},
    {0xa75, 0xa75},     {0xa81, 0xa82},     {0xabc, 0xabc},     {0xac1, 0xac8},   {0xacd, 0xacd},   {0xae2, 0xae3},
    {0xafa, 0xb01},     {0xb3c, 0xb3c},     {0xb3f, 0xb3f},     {0xb41, 0xb44},   {0xb4d, 0xb56},   {0xb62, 0xb63},
    {0xb82, 0xb82},     {0xbc0, 0xbc0},     {0xbcd, 0xbcd},     {0xc00, 0xc00},   {0xc04, 0xc04},   {0xc3c, 0xc3c},
    {0xc3e, 0xc40},     {0xc46, 0xc56},     {0xc62, 0xc63},     {0xc81, 0xc81},   {0xcbc, 0xcbc},   {0xcbf, 0xcbf},
    {0xcc6, 0xcc6},     {0xccc, 0xccd},     {0xce2, 0xce3},     {0xd00, 0xd01},   {0xd3b, 0xd3c},   {0xd41, 0xd44},
    {0xd4d, 0xd4d},     {0xd62, 0xd63},     {0xd81, 0xd81},     {0xdca, 0xdca},   {0xdd2, 0xdd6},   {0xe31, 0xe31},
    {0xe34, 0xe3a},     {0xe47, 0xe4e},     {0xeb1, 0xeb1},     {0xeb4, 0xebc},   {0xec8, 0xecd},   {0xf18, 0xf19},
    {0xf35, 0xf35},     {0xf37, 0xf37},     {0xf39, 0xf39},     {0xf71, 0xf7e},   {0xf80, 0xf84},   {0xf86, 0xf87},
    {0xf8d, 0xfbc},     {0xfc6, 0xfc6},     {0x102d, 0x1030},   {0x1032, 0x1037}, {0x1039, 0x103a}, {0x103d, 0x103e},
    {0x1058, 0x1059},   {0x105e, 0x1060},   {0x1071, 0x1074},   {0x1082, 0x1082}, {0x1085, 0x1086}, {0x108d, 0x108d},
    {0x109d, 0x109d},   {0x1160, 0x11ff},   {0x135d, 0x135f},   {0x17b4, 0x17b5}, {0x17b7, 0x17bd}, {0x17c6, 0x17c6},
    {0x17c9, 0x17d3},   {0x17dd, 0x17dd},   {0x180b, 0x180f},   {0x1885, 0x1886}, {0x18a9, 0x18a9}, {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f}, {0x20d0, 0x20f0}, {0x2de0, 0x2dff},
    {0x302a, 0x302d},   {0x3099, 0x309a},   {0xa66f, 0xa672},   {0xa674, 0xa67d}, {0xa69e, 0xa69f}, {0xa8e0, 0xa8f1},
    {0xd7b0, 0xd7fb},   {0xfb1e, 0xfb1e},   {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0x1d167, 0x1d169},
    {0x1d17b, 0x1d182}, {0xe0001, 0xe007f}, {0xe0100, 0xe01ef},
};

// East Asian Width W and F (Unicode Standard Annex 11), which emoji with a default picture belong to.
constexpr Range kWide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
    {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
    {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
    {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
    {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
    {0x2e80, 0x303e},   {0x3041, 0x3247},   {0x3250, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x16fe0, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
    {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
    {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e},
    {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567},
    {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
    {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ef}, {0x1f6f4, 0x1f6ff},
    {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faff},
    {0x20000, 0x3fffd},
};

constexpr auto kBefore = [](const Range& a, const Range& b) { return a.last < b.first; };
static_assert(std::is_sorted(std::begin(kZeroWidth), std::end(kZeroWidth), kBefore));
static_assert(std::is_sorted(std::begin(kWide), std::end(kWide), kBefore));

constexpr bool contains(std::span<const Range> table, char32_t code) {
  return std::binary_search(table.begin(), table.end(), Range{code, code}, kBefore);
}

constexpr char32_t kInvalid = 0xffffffff;
constexpr char32_t kJoiner = 0x200d;
constexpr std::string_view kReplacement = "\uFFFD";

struct Character {
  char32_t code;  ///< kInvalid for a byte that does not start valid UTF-8
  std::size_t bytes;
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {kInvalid, 1};
  char32_t code = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kInvalid, 1};
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {kInvalid, 1};
  return {code, bytes};
}

/// Characters that can move the cursor or reorder what is around them.
bool is_control(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

int width_of(char32_t code) {
  if (is_control(code) || contains(kZeroWidth, code)) return 0;
  return contains(kWide, code) ? 2 : 1;
}

bool is_regional_indicator(char32_t code) { return code >= 0x1f1e6 && code <= 0x1f1ff; }
bool is_skin_tone(char32_t code) { return code >= 0x1f3fb && code <= 0x1f3ff; }

struct Cluster {
  std::size_t bytes;
  int width;
};

/// What a reader takes for one character, which must not be cut: the first character with its marks, with what joiners
/// and skin tones tie to it, or the two halves of a flag.
Cluster first_cluster(std::string_view text) {
  Character last = first_character(text);
  Cluster cluster{last.bytes, width_of(last.code)};
  bool half_flag = is_regional_indicator(last.code);
  while (cluster.bytes < text.size() && !is_control(last.code)) {
    const Character next = first_character(text.substr(cluster.bytes));
    const bool ends_flag = half_flag && is_regional_indicator(next.code);
    const bool belongs = width_of(next.code) == 0 || last.code == kJoiner || is_skin_tone(next.code) || ends_flag;
    if (!belongs || is_control(next.code)) break;
    cluster.bytes += next.bytes;
    cluster.width += width_of(next.code);
    half_flag = false;
    last = next;
  }
  return cluster;
}

/// The length of the SGR sequence (ESC [ numbers m) that the text starts with, or 0.
std::size_t style_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const std::size_t end = text.find_first_not_of("0123456789;:", 2);
  return end != text.npos && text[end] == 'm' ? end + 1 : 0;
}

/// Cuts a styled line at a column but keeps all its styles, so that what it switches on is switched off again.
std::string clip_styled(std::string_view line, int columns) {
  std::string clipped;
  int used = 0;
  while (!line.empty()) {
    std::size_t bytes = style_length(line);
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
    shown += code == kInvalid || is_control(code) ? kReplacement : utf8.substr(0, bytes);
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
