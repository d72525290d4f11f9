#include <gaze/train/options.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

/// Lines of "key=value", as --set has them. What was set has a value that sets it again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  Config config;
  std::vector<std::string> settings;
  for (int lines = 0; !rest.empty() && lines < 10; ++lines) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const nlohmann::json before = option_value(config, "betas");
    const bool taken = fuzz::accepts([&] { set_option(config, line); });
    fuzz::must(taken || option_value(config, "betas") == before, "what is refused changes nothing");
    const auto equals = line.find('=');
    fuzz::must(!taken || equals != line.npos, "an assignment has a sign");
    if (!taken) continue;
    settings.emplace_back(line);
    const std::string key(line.substr(0, equals));
    const nlohmann::json value = option_value(config, key);
    Config other = config;
    read_config(other, {{key, value}}, "again");
    fuzz::must(option_value(other, key) == value, "a value is kept");
    // What is typed for a text that looks like JSON is JSON; the others go through as they are.
    set_option(other, key, value.dump(), "again");
    fuzz::must(option_value(other, key) == value, "a value is kept");
  }
  fuzz::accepts([&] { require_settings_used(config, settings); });
  fuzz::accepts([&] { check_config(config); });
  fuzz::accepts([&] { to_json(config).dump(); });
  return 0;
}
