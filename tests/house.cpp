#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gaze/autograd/base/error.h>

#include "catch.h"
#include "paths.h"

namespace fs = std::filesystem;
using namespace gaze;

/// Folders are layers and the folders in them rooms: what may include what. A room's files see one another; beyond that
/// they see the rooms that its row names, all of which stand above it in this table, so that there is no way back.
namespace {

struct Room {
  std::string path;
  std::vector<std::string> sees;
};

const std::vector<Room>& rooms() {
  static const std::vector<Room> table = [] {
    const std::string base = "autograd/base", kernels = "autograd/kernels", autograd = "autograd",
                      check = "autograd/check", cases = "autograd/check/cases", nn = "nn", optim = "optim",
                      datasets = "datasets", train = "train", attention = "train/attention", text = "train/text",
                      run_check = "train/check", report = "train/report", terminal = "train/program/terminal",
                      lessons = "train/lessons", program = "train/program", commands = "train/program/commands";
    const auto core = std::vector{base, kernels, autograd, nn, optim};
    const auto and_also = [](std::vector<std::string> first, std::initializer_list<std::string> more) {
      first.insert(first.end(), more);
      return first;
    };
    const auto library = and_also(core, {datasets, train, attention, text, run_check});
    return std::vector<Room>{
        {base, {}},
        {kernels, {base}},
        {autograd, {base, kernels}},
        {"autograd/ops", {base, kernels, autograd}},
        {check, {base, autograd}},
        {cases, {base, autograd, check}},
        {"autograd/check/cases/planted", {base, autograd, check, cases}},
        {nn, {base, kernels, autograd}},
        {optim, {base, kernels, autograd}},
        {"datasets/grammar", {}},
        {datasets, {base, autograd, "datasets/grammar"}},
        {train, {base, autograd, nn, optim, datasets}},
        {attention, {base, autograd, nn, datasets, train}},
        {text, {base, autograd, nn, datasets, train, attention}},
        {run_check, {base, nn, datasets, train, attention, text}},
        {report, {base, train, attention}},
        {terminal, {base, datasets, train, attention}},
        {lessons, {base, kernels, autograd, nn, optim, datasets, terminal}},
        {program, and_also(core, {train})},
        {commands, and_also(library, {check, cases, report, terminal, lessons, program})},
        {"train/program/main.cpp", {terminal, commands}},
    };
  }();
  return table;
}

/// The room that a file lies in: its folder's, unless it is one by itself. Folders without C++ of their own are none.
const Room* room_of(const std::string& file) {
  const std::string folder = fs::path(file).parent_path().string();
  const Room* found = nullptr;
  for (const Room& room : rooms()) {
    if (room.path == file) return &room;
    if (room.path == folder) found = &room;
  }
  return found;
}

struct Include {
  std::string from;  ///< a file
  int line = 0;
  std::string of;  ///< the included file, both by their paths in the project
};

/// All #include <gaze/...> of the library and the program. Nothing there includes by a relative path.
std::vector<Include> includes() {
  const std::regex directive(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<Include> all;
  for (const char* layer : {"autograd", "nn", "optim", "datasets", "train"})
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / layer)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      std::ifstream stream(entry.path());
      const std::string file = fs::relative(entry.path(), source_folder()).generic_string();
      int number = 0;
      for (std::string line; std::getline(stream, line);) {
        ++number;
        std::smatch found;
        if (!std::regex_search(line, found, directive)) continue;
        const std::string name = found[2];
        INFO(file << ":" << number << ": " << line);
        CHECK(found[1] == "<");
        if (name.starts_with("gaze/")) all.push_back({file, number, name.substr(5)});
      }
    }
  return all;
}

}  // namespace

TEST_CASE("no room sees one that stands below it", "[house]") {
  std::vector<std::string> above;
  for (const Room& room : rooms()) {
    for (const std::string& seen : room.sees) {
      INFO(room.path << " sees " << seen);
      CHECK(std::find(above.begin(), above.end(), seen) != above.end());
    }
    above.push_back(room.path);
    CHECK(fs::exists(source_folder() / room.path));
  }
}

TEST_CASE("includes go where the house has an arrow, and nowhere else", "[house]") {
  std::set<std::pair<const Room*, const Room*>> used;
  for (const Include& include : includes()) {
    INFO(include.from << ":" << include.line << " includes " << include.of);
    const Room *from = room_of(include.from), *to = room_of(include.of);
    REQUIRE(from);
    REQUIRE(to);
    used.emplace(from, to);
    const bool allowed = from == to || std::find(from->sees.begin(), from->sees.end(), to->path) != from->sees.end();
    CHECK(allowed);
    if (from->path == "datasets" && to->path == "autograd")  // arrays and random numbers, no tensors
      CHECK((include.of == "autograd/array.h" || include.of == "autograd/random.h"));
  }
  CHECK(used.size() > rooms().size());
}

/// Two types of one name in one namespace are one type to the linker, which takes the members of either for both: the
/// compiler sees them one at a time, and says nothing.
TEST_CASE("a type's name is defined once in its namespace, in the tests as well", "[house]") {
  const std::regex opening(R"re(^(inline )?namespace ?([\w:]*) ?\{$)re"), closing(R"re(^\}  // namespace)re"),
      type(R"re(^(?:struct|class|enum class|enum|union) (?:alignas\(\w+\) )?(\w+)(?: final)?(?: : .*| \{.*)?$)re");
  std::map<std::string, std::string> places;
  for (const char* layer : {"autograd", "nn", "optim", "datasets", "train", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / layer)) {
      const std::string file = fs::relative(entry.path(), source_folder()).generic_string();
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      if (file.starts_with("tests/consumer") || file.starts_with("tests/examples")) continue;  // programs of their own
      std::ifstream stream(entry.path());
      std::vector<std::string> namespaces;
      for (std::string line; std::getline(stream, line);) {
        std::smatch found;
        if (std::regex_search(line, found, opening)) {
          namespaces.push_back(found[2]);
        } else if (std::regex_search(line, closing)) {
          INFO(file << ": " << line);
          REQUIRE_FALSE(namespaces.empty());
          namespaces.pop_back();
        } else if (std::find(namespaces.begin(), namespaces.end(), "") == namespaces.end() &&
                   std::regex_search(line, found, type)) {
          std::string name;
          for (const std::string& part : namespaces) name += part + "::";
          const auto [place, fresh] = places.emplace(name + found[1].str(), file);
          INFO(place->first << " is in " << place->second << " and in " << file);
          CHECK((fresh || place->second == file));  // a template and its specializations stand in one file
        }
      }
    }
  CHECK(places.size() > 100);
}

/// The pages of all headers: complete, and the core's without a word of training.
TEST_CASE("gaze.h and train.h include every public header of their libraries", "[house]") {
  const auto headers_in = [](const char* page) {
    std::vector<std::string> found;
    std::ifstream stream(source_folder() / page);
    for (std::string line; std::getline(stream, line);)
      if (line.starts_with("#include <gaze/")) found.push_back(line.substr(15, line.size() - 16));
    return found;
  };
  const auto headers_of = [](const std::vector<std::string>& folders) {
    std::vector<std::string> found;
    for (const std::string& folder : folders)
      for (const auto& entry : fs::directory_iterator(source_folder() / folder))
        if (entry.path().extension() == ".h")
          found.push_back(fs::relative(entry.path(), source_folder()).generic_string());
    std::erase(found, "autograd/xtensor.h");       // bridges to libraries
    std::erase(found, "autograd/check/catch2.h");  // that not everybody has
    std::sort(found.begin(), found.end());
    return found;
  };
  auto core = headers_in("gaze.h"), train = headers_in("train.h");
  std::sort(core.begin(), core.end());
  CHECK(core == headers_of({"autograd", "autograd/base", "autograd/check", "nn", "optim"}));
  auto expected = headers_of({"datasets", "train", "train/attention", "train/text", "train/check"});
  expected.emplace_back("gaze.h");
  std::sort(expected.begin(), expected.end());
  std::sort(train.begin(), train.end());
  CHECK(train == expected);
}
