#include <gaze/datasets/parallel_text.h>

#include <algorithm>

#include <gaze/autograd/base/error.h>
#include <gaze/autograd/random.h>
#include <gaze/datasets/lines.h>

namespace gaze::train {

ParallelText ParallelText::read(const std::filesystem::path& source, const std::filesystem::path& target,
                                Unicode unicode) {
  ParallelText text{read_lines(source, unicode), read_lines(target, unicode), source.string(), target.string(), {}};
  require_as_many_lines(source, text.source.size(), target, text.target.size());
  require(text.size() > 0, "{}:1: the file is empty", text.source_file);
  return text;
}

ParallelText ParallelText::read_columns(const std::filesystem::path& file, Unicode unicode) {
  ParallelText text{{}, {}, file.string(), file.string(), {}};
  for_each_line(file, unicode, [&](std::string_view line) {
    const auto columns = std::count(line.begin(), line.end(), '\t') + 1;
    require(columns == 2, "{}:{}: {} column{} instead of two, source and target with a tab between them",
            text.source_file, text.size() + 1, columns, columns == 1 ? "" : "s");
    const std::size_t tab = line.find('\t');
    text.source.emplace_back(line.substr(0, tab));
    text.target.emplace_back(line.substr(tab + 1));
  });
  require(text.size() > 0, "{}:1: the file is empty", text.source_file);
  return text;
}

std::uint64_t ParallelText::hash() const {
  std::uint64_t hash = hash_of("");
  for (std::size_t i = 0; i < size(); ++i)
    hash = hash_of("\n", hash_of(target[i], hash_of("\n", hash_of(source[i], hash))));
  return hash;
}

ParallelText ParallelText::take_held_out(std::size_t max_count) {
  require(size() >= 2, "{}:{}: there is one pair; training and validation need one each", source_file, size());
  const std::size_t count = std::clamp<std::size_t>(size() / 20, 1, max_count), every = size() / count;
  ParallelText rest{{}, {}, source_file, target_file, {}}, taken = rest;
  for (std::size_t i = 0; i < size(); ++i) {
    ParallelText& to = i % every == every - 1 && taken.size() < count ? taken : rest;
    to.source.push_back(std::move(source[i]));
    to.target.push_back(std::move(target[i]));
    to.lines.push_back(line_of(i));
  }
  *this = std::move(rest);
  return taken;
}

}  // namespace gaze::train
