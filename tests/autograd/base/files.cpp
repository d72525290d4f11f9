#include <gaze/autograd/base/files.h>

#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include <gaze/autograd/base/error.h>

#include "../../catch.h"
#include "../../scratch.h"

using namespace gaze;
namespace fs = std::filesystem;

namespace {

/// No file of this process may grow beyond a number of bytes: what a full disk looks like in the middle of a file.
struct FileSizeLimit {
  rlimit before{};
  void (*handler)(int) = std::signal(SIGXFSZ, SIG_IGN);
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
};

/// The message of the Error that writing throws, empty when it throws none.
std::string error_of_writing(const fs::path& path, std::string_view text) {
  try {
    write_file_atomically(path, {text});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a file holds the parts that were written, one after another, and nothing else is left") {
  const ScratchFolder folder;
  const fs::path path = folder.path / "file with a blank";
  const std::string large(200'000, 'x');
  write_file_atomically(path, {std::string_view("one\0two", 7), "", large, "\r\n\xff"});
  CHECK(read_file(path) == std::string("one\0two", 7) + large + "\r\n\xff");

  const std::vector<std::string_view> parts{"a", "bc"};
  write_file_atomically(path, parts);
  CHECK(read_file(path) == "abc");
  write_file_atomically(path, {});
  CHECK(read_file(path).empty());
  CHECK(folder.names() == std::vector<std::string>{"file with a blank"});
}

TEST_CASE("somebody who has the old file open goes on reading it") {
  const ScratchFolder folder;
  const fs::path path = folder.path / "file", link = folder.path / "second name";
  write_file_atomically(path, {"old"});
  fs::create_hard_link(path, link);
  write_file_atomically(path, {"new"});
  CHECK(read_file(path) == "new");
  CHECK(read_file(link) == "old");
}

TEST_CASE("what cannot be read is named, with the reason") {
  const ScratchFolder folder;
  const fs::path absent = folder.path / "absent";
  CHECK_THROWS_WITH(read_file(absent), absent.string() + ": No such file or directory");
  CHECK_THROWS_WITH(read_file(folder.path), folder.path.string() + ": Is a directory");
  CHECK_THROWS_AS(read_file(absent), Error);
}

TEST_CASE("a write that fails in the middle leaves the old file and nothing beside it") {
  const ScratchFolder folder;
  const fs::path path = folder.path / "file";
  write_file_atomically(path, {"old"});
  const std::string large(100'000, 'x');
  std::string error;
  {
    const FileSizeLimit limit(10'000);
    error = error_of_writing(path, large);
  }
  CHECK(error == path.string() + ": File too large");
  CHECK(read_file(path) == "old");
  CHECK(folder.names() == std::vector<std::string>{"file"});
  CHECK(error_of_writing(path, large).empty());
}

TEST_CASE("what cannot be written is named, with the reason") {
  const ScratchFolder folder;
  const fs::path lost = folder.path / "no such folder" / "file", held = folder.path / "held";
  CHECK(error_of_writing(lost, "x") == lost.string() + ": No such file or directory");
  fs::create_directory(held);
  write_file_atomically(held / "inside", {"kept"});
  CHECK(error_of_writing(held, "x") == held.string() + ": Is a directory");
  CHECK(read_file(held / "inside") == "kept");
  CHECK(folder.names() == std::vector<std::string>{"held"});
}

TEST_CASE("a device is written itself and reports that it is full") {
  CHECK(error_of_writing("/dev/full", "x") == "/dev/full: No space left on device");
  CHECK(error_of_writing("/dev/null", "x").empty());
  CHECK(fs::is_character_file("/dev/full"));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a file that does not exist is answered with the nearest name beside it") {
  const ScratchFolder folder;
  const fs::path known = folder.path / "train.en";
  write_file_atomically(known, {"x"});
  CHECK(did_you_mean_file(folder.path / "Trian.en") == "; did you mean " + known.string() + "?");
  CHECK(did_you_mean_file(folder.path / "something else").empty());
  CHECK(did_you_mean_file(folder.path / "no folder" / "train.en").empty());
  CHECK_THROWS_WITH(read_file(folder.path / "train.eng"), EndsWith("; did you mean " + known.string() + "?"));
}

TEST_CASE("a file that is replaced keeps its mode, and a link stays a link") {
  const ScratchFolder folder;
  const fs::path file = folder.path / "file", link = folder.path / "link", dangling = folder.path / "dangling";
  write_file_atomically(file, {"before"});
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("file", link);
  fs::create_symlink("later", dangling);
  write_file_atomically(link, {"after"});
  CHECK(fs::is_symlink(link));
  CHECK(read_file(file) == "after");
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  write_file_atomically(dangling, {"there"});
  CHECK(fs::is_symlink(dangling));
  CHECK(read_file(folder.path / "later") == "there");
  CHECK(folder.names() == std::vector<std::string>{"dangling", "file", "later", "link"});
}

TEST_CASE("only what is not there is absent: what cannot be looked up is an error") {
  const ScratchFolder folder;
  const fs::path file = folder.path / "file", loop = folder.path / "loop";
  write_file_atomically(file, {""});
  fs::create_symlink("loop", loop);
  CHECK(file_exists(file));
  CHECK(file_exists(folder.path));
  CHECK_FALSE(file_exists(folder.path / "other"));
  CHECK_FALSE(file_exists(file / "within"));
  CHECK_THROWS_WITH(file_exists(loop), ContainsSubstring("loop: Too many levels of symbolic links"));
  CHECK_THROWS_WITH(write_file_atomically(loop, {"x"}), ContainsSubstring("loop: Too many levels of symbolic links"));
}
