#include <gaze/train/folder.h>

#include <algorithm>
#include <fstream>

#include <gaze/train/run_folder.h>

#include "../catch.h"
#include "../scratch.h"

using namespace gaze;
using namespace gaze::train;
namespace fs = std::filesystem;

TEST_CASE("what cannot be looked through or removed is an error, what is not there is none") {
  const ScratchFolder scratch;
  const fs::path file = scratch.path / "file", folder = scratch.path / "folder", gone = scratch.path / "gone";
  std::ofstream(file) << "x";
  fs::create_directories(folder / "within");
  std::ofstream(folder / "within/one") << "x";
  CHECK(entries_of(gone).empty());
  CHECK(entries_of(folder) == std::vector<fs::path>{folder / "within"});
  const auto below = entries_below(folder);
  CHECK(below.size() == 2);
  CHECK(std::ranges::count(below, folder / "within/one") == 1);
  CHECK_THROWS_WITH(entries_of(file), StartsWith(file.string() + ": "));
  CHECK_THROWS_WITH(entries_below(file), StartsWith(file.string() + ": "));

  CHECK_NOTHROW(remove_file(gone));
  CHECK_THROWS_WITH(remove_file(folder), StartsWith(folder.string() + ": it cannot be removed"));  // it is not empty
  CHECK_THROWS_WITH(remove_file(file / "x"), ContainsSubstring("it cannot be removed"));
  CHECK_NOTHROW(remove_file(folder / "within/one"));
  CHECK(entries_below(folder).size() == 1);

  fs::create_symlink(file, scratch.path / "link");
  CHECK(is_same_file(file, scratch.path / "link"));
  CHECK_FALSE(is_same_file(file, folder));
  CHECK_FALSE(is_same_file(file, gone));
  CHECK_FALSE(is_same_file(gone, gone));
}

TEST_CASE("a start that was killed leaves a folder that is as good as empty, and only gaze's own parts are removed") {
  const ScratchFolder scratch;
  const Config config;
  for (const char* name : {"config.json.4711.part", "config.json.part", "config.json.x.part", "notes.1.part", "part"}) {
    INFO(name);
    const fs::path run = scratch.path / "run";
    fs::remove_all(run);
    fs::create_directory(run);
    std::ofstream(run / name) << "{";
    if (std::string(name) == "config.json.4711.part") {
      RunFolder::create(run, config);
      CHECK(fs::exists(run / "config.json"));
      CHECK_FALSE(fs::exists(run / name));
    } else {
      CHECK_THROWS_WITH(RunFolder::create(run, config), ContainsSubstring("the folder is not empty"));
      CHECK(fs::exists(run / name));
    }
  }
  CHECK(is_unfinished_write("a/checkpoint.safetensors.1.part"));
  CHECK_FALSE(is_unfinished_write("a/checkpoint.safetensors"));
}
