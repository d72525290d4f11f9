#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace gaze::train {

/// --json of a command. From when it is made, what is printed for people goes to standard error: standard output holds
/// the one object and nothing else.
class JsonOutput {
 public:
  explicit JsonOutput(bool wanted);
  ~JsonOutput();
  JsonOutput(const JsonOutput&) = delete;
  JsonOutput& operator=(const JsonOutput&) = delete;

  /// Gives standard output back and prints the object on it, if it is wanted. Bytes that are not UTF-8 become U+FFFD.
  void print(const nlohmann::json& object);

 private:
  bool restore();    ///< false, with errno, when that fails
  int output_ = -1;  ///< standard output as it was, while that is standard error
  bool wanted_;
};

/// A word of a command line for a shell: as it is where that is safe, else in quotes that keep the shell from reading
/// anything in it. Control characters are written as escapes in bash's and zsh's $'...'.
std::string shell_quoted(std::string_view word);

/// Text of models and corpora on standard output: to a terminal without control characters but tabs and ends of lines,
/// which could steer it; to a file or a pipe as it is.
std::string shown_text(std::string_view text, bool to_terminal);

/// Throws a UsageError for a file whose name promises another format: `ending` is what is written (".svg").
void require_ending(const std::string& option, const std::filesystem::path& file, std::string_view ending);

}  // namespace gaze::train
