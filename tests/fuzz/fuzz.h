#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include <gaze/autograd/base/error.h>

// What every harness stands on. A parser may take its bytes or throw a gaze::Error; anything else is a finding: another
// exception, a crash, what the sanitizers see, memory or time without bounds, or a round trip that changes something.

namespace gaze::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process, with what does not hold, unless it does.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "==== does not hold: %s\n", what);
  std::abort();
}

/// Whether it went through. An Error must say something, in one line that a person can read.
template <class Body>
bool accepts(const Body& body) {
  try {
    body();
    return true;
  } catch (const Error& error) {
    const std::string_view message = error.what();
    must(!message.empty(), "an error says what is wrong");
    must(message.find_first_of("\n\r") == message.npos, "an error is one line");
    must(message.size() <= 5000, "an error can be read");
    for (const char* library : {"std::", "[json.exception", "vector::", "basic_string"})
      must(!message.starts_with(library), "an error is not a library's");
    return false;
  }
}

/// A folder of this process, in memory where the system has such a place; it goes with the process.
inline const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    const std::filesystem::path memory = "/dev/shm";
    std::string name =
        ((std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path()) / "gaze-fuzz-XXXXXX")
            .string();
    must(mkdtemp(name.data()) != nullptr, "a folder for the files of a harness");
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return std::filesystem::path(name);
  }();
  return path;
}

inline void write(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A file of these bytes there; written over by the next.
inline std::filesystem::path file_of(std::string_view bytes, const char* ending = "") {
  const std::filesystem::path path = folder() / (std::string("input") + ending);
  write(path, bytes);
  return path;
}

}  // namespace gaze::fuzz

/// libFuzzer's own way to change bytes, for harnesses that keep a frame around them.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
