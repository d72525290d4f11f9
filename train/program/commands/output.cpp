#include <gaze/train/program/commands/output.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <nlohmann/json.hpp>

#include <gaze/train/program/commands/commands.h>
#include <gaze/train/program/terminal/terminal.h>

namespace gaze::train {

JsonOutput::JsonOutput(bool wanted) : wanted_(wanted) {
  if (!wanted) return;
  flush_output();
  output_ = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (output_ < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) fail("standard output: {}", std::strerror(errno));
}

JsonOutput::~JsonOutput() { restore(); }

bool JsonOutput::restore() {
  if (output_ < 0) return true;
  std::fflush(stdout);
  const bool restored = ::dup2(output_, STDOUT_FILENO) >= 0;
  const int reason = errno;
  ::close(output_);
  output_ = -1;
  errno = reason;
  return restored;
}

void JsonOutput::print(const nlohmann::json& object) {
  if (!wanted_) return;
  if (!restore()) fail("standard output: {}", std::strerror(errno));  // else the object would be among the errors
  fmt::print("{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string shell_quoted(std::string_view word) {
  constexpr std::string_view safe = "_@%+=:,./-";  // beside letters and digits
  const auto plain = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || safe.find(c) != safe.npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return std::string(word);
  // What printable() would replace cannot be shown, and must not be sent to a terminal.
  if (printable(word) != word) {
    std::string text = "$'";
    for (const char c : word) {
      const bool shown = plain(c) || c == ' ';
      text += shown ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    }
    return text + '\'';
  }
  if (word.find_first_of("\"$`\\!") == word.npos) return fmt::format("\"{}\"", word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + '\'';
}

std::string shown_text(std::string_view text, bool to_terminal) {
  if (!to_terminal) return std::string(text);
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n' || text[at] == '\t') {
      shown += text[at++];
      continue;
    }
    const std::size_t end = std::min(text.find_first_of("\n\t", at), text.size());
    shown += printable(text.substr(at, end - at));
    at = end;
  }
  return shown;
}

void require_ending(const std::string& option, const std::filesystem::path& file, std::string_view ending) {
  std::string own = file.extension().string();
  for (char& c : own) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (own.empty() || own == ending) return;
  throw UsageError(fmt::format("{} {}: it writes {} files; name it {}", option, file.string(), ending,
                               std::filesystem::path(file).replace_extension(ending).string()));
}

}  // namespace gaze::train
