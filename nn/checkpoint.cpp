#include <gaze/nn/checkpoint.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gaze/autograd/graph.h>

namespace gaze {
namespace {

using Arrays = std::map<std::string, Array, std::less<>>;

bool equal(const Array& a, const Array& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return for_any(a.dtype(), [&]<class T>() { return std::ranges::equal(a.values<T>(), b.values<T>()); });
}

/// "NAME (nan at element 3)" for the first number of an array that is not finite, or nothing.
std::string not_finite(const std::string& name, const Array& array) {
  const auto bad = first_not_finite(array);
  if (!bad) return "";
  const double number = array.at(*bad);
  return fmt::format("{} ({} at element {})", name, std::isnan(number) ? std::abs(number) : number, *bad);
}

/// What is wrong with a checkpoint, said in one line.
class Problems {
 public:
  void add(std::string_view kind, std::vector<std::string> names) {
    if (names.empty()) return;
    const std::size_t shown = std::min<std::size_t>(names.size(), 8), rest = names.size() - shown;
    names.resize(shown);
    text_ += fmt::format("{}{} {}", text_.empty() ? "" : "; ", kind, fmt::join(names, ", "));
    if (rest > 0) text_ += fmt::format(" and {} more", rest);
  }
  void report(std::string_view source) const { require(text_.empty(), "load {}: {}", source, text_); }

 private:
  std::string text_;
};

/// The checkpoint's arrays by the model's names.
Arrays renamed(const Checkpoint& checkpoint, const Params& params, const LoadOptions& options) {
  constexpr std::string_view optimizers = "optimizer.";
  const bool own = std::any_of(params.list().begin(), params.list().end(), [&](const Parameter& p) {
    return p.name.substr(std::min(options.add_prefix.size(), p.name.size())).starts_with(optimizers);
  });
  Arrays arrays;
  for (const auto& [name, array] : checkpoint.arrays)
    if ((own || !name.starts_with(optimizers)) && name.starts_with(options.strip_prefix))
      arrays.emplace(options.add_prefix + name.substr(options.strip_prefix.size()), array);
  for (const auto& [alias, name] : checkpoint.metadata) {
    if (!alias.starts_with(options.strip_prefix)) continue;
    const std::string known = options.add_prefix + alias.substr(options.strip_prefix.size());
    if (const Array* array = checkpoint.find(name); array && params.contains(known)) arrays.emplace(known, *array);
  }
  return arrays;
}

}  // namespace

Checkpoint to_checkpoint(const Params& params, std::map<std::string, std::string> metadata) {
  Checkpoint checkpoint;
  for (const Parameter& p : params.list()) checkpoint.arrays.emplace_back(p.name, p.value.array());
  checkpoint.metadata = std::move(metadata);
  for (const auto& [alias, name] : params.ties()) checkpoint.metadata[alias] = name;
  return checkpoint;
}

Checkpoint weights_of(const Checkpoint& checkpoint, std::string_view strip_prefix) {
  Checkpoint weights;
  std::vector<std::string> names, unsound;
  for (const auto& [name, array] : checkpoint.arrays) {
    if (name.starts_with("optimizer.")) continue;
    names.push_back(name);
    if (!name.starts_with(strip_prefix)) continue;
    weights.arrays.emplace_back(name.substr(strip_prefix.size()), array);
    if (std::string bad = not_finite(name, array); !bad.empty()) unsound.push_back(std::move(bad));
  }
  require(unsound.empty(), "export: not finite: {}", fmt::join(unsound, ", "));
  require(!weights.arrays.empty(), "export: no parameter begins with {}; there are {}", strip_prefix,
          fmt::join(names, ", "));
  for (const auto& [alias, name] : checkpoint.metadata)
    if (alias.starts_with(strip_prefix) && name.starts_with(strip_prefix) && checkpoint.find(name))
      weights.metadata[alias.substr(strip_prefix.size())] = name.substr(strip_prefix.size());
  return weights;
}

void save(const Params& params, const std::filesystem::path& path, std::map<std::string, std::string> metadata) {
  save_safetensors(path, to_checkpoint(params, std::move(metadata)));
}

void load(Params& params, const Checkpoint& checkpoint, const LoadOptions& options, std::string_view source) {
  Arrays arrays = renamed(checkpoint, params, options);
  std::vector<std::string> missing, unexpected, shapes, dtypes, torn, unsound;
  for (const auto& [alias, name] : params.ties()) {
    const auto given = arrays.find(alias);
    if (given == arrays.end()) continue;
    const auto [stored, first] = arrays.emplace(name, given->second);
    if (!first && !equal(stored->second, given->second)) torn.push_back(fmt::format("{} and {}", alias, name));
    arrays.erase(given);
  }

  std::vector<std::pair<Tensor, Array>> changes;
  for (const Parameter& p : params.list()) {
    if (!p.name.starts_with(options.add_prefix)) continue;
    const auto found = arrays.find(p.name);
    if (found == arrays.end()) {
      missing.push_back(p.name);
      continue;
    }
    const Array& array = found->second;
    if (array.shape() != p.value.shape())
      shapes.push_back(fmt::format("{} {} (here {})", p.name, array.shape(), p.value.shape()));
    else if (!is_floating(array.dtype()))
      dtypes.push_back(fmt::format("{} {}", p.name, name_of(array.dtype())));
    else if (std::string bad = not_finite(p.name, array.to(p.value.dtype())); !bad.empty())
      unsound.push_back(std::move(bad));
    else
      changes.emplace_back(p.value, array);
  }
  for (const auto& [name, array] : arrays)
    if (!params.contains(name)) unexpected.push_back(name);

  Problems problems;
  problems.add("missing", std::move(missing));
  problems.add("unexpected", std::move(unexpected));
  problems.add("wrong shape", std::move(shapes));
  problems.add("wrong dtype", std::move(dtypes));
  problems.add("one parameter here but different numbers:", std::move(torn));
  problems.add("not finite:", std::move(unsound));
  problems.report(source);
  for (auto& [value, array] : changes) value.assign(Tensor(array.to(value.dtype())), "load");
}

std::map<std::string, std::string> load(Params& params, const std::filesystem::path& path, const LoadOptions& options) {
  Checkpoint checkpoint = load_safetensors(path);
  load(params, checkpoint, options, path.string());
  return std::move(checkpoint.metadata);
}

}  // namespace gaze
