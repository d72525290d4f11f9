#include <gaze/nn/checkpoint.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <gaze/autograd/graph.h>

namespace gaze {
namespace {

using Arrays = std::map<std::string, Array, std::less<>>;

/// "NAME (nan at element 3)" for the first number of an array that is not finite, or nothing.
std::string not_finite(const std::string& name, const Array& array) {
  const auto bad = first_not_finite(array);
  if (!bad) return "";
  const double number = array.at(*bad);
  return fmt::format("{} ({} at element {})", name, std::isnan(number) ? std::abs(number) : number, *bad);
}

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

void save(const Params& params, const std::filesystem::path& path, std::map<std::string, std::string> metadata) {
  save_safetensors(path, to_checkpoint(params, std::move(metadata)));
}

void load(Params& params, const Checkpoint& checkpoint, const LoadOptions& options, std::string_view source) {
  Arrays arrays = renamed(checkpoint, params, options);
  const auto same = [](const Array& a, const Array& b) {
    return a.shape() == b.shape() && a.dtype() == b.dtype() && a.raw() == b.raw();
  };
  std::vector<std::string> missing, unexpected, shapes, dtypes, torn, unsound;
  for (const auto& [alias, name] : params.ties()) {
    const auto given = arrays.find(alias);
    if (given == arrays.end()) continue;
    const auto [stored, first] = arrays.emplace(name, given->second);
    if (!first && !same(stored->second, given->second)) torn.push_back(fmt::format("{} and {}", alias, name));
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

  std::vector<std::string> problems;
  for (auto& [kind, names] : {std::pair<const char*, std::vector<std::string>&>{"missing", missing},
                              {"unexpected", unexpected},
                              {"wrong shape", shapes},
                              {"wrong dtype", dtypes},
                              {"one parameter here but different numbers:", torn},
                              {"not finite:", unsound}}) {
    constexpr std::size_t shown = 8;
    const std::size_t count = names.size();
    names.resize(std::min(count, shown));
    const std::string more = count > shown ? fmt::format(" and {} more", count - shown) : "";
    if (count > 0) problems.push_back(fmt::format("{} {}{}", kind, fmt::join(names, ", "), more));
  }
  require(problems.empty(), "load {}: {}", source, fmt::join(problems, "; "));
  for (auto& [value, array] : changes) value.assign(Tensor(array.to(value.dtype())), "load");
}

std::map<std::string, std::string> load(Params& params, const std::filesystem::path& path, const LoadOptions& options) {
  Checkpoint checkpoint = load_safetensors(path);
  load(params, checkpoint, options, path.string());
  return std::move(checkpoint.metadata);
}

}  // namespace gaze
