#include <gaze/train/json.h>
#include <gaze/train/options.h>
#include <gaze/train/text/translator.h>

#include <nlohmann/json.hpp>

#include "fuzz.h"

using namespace gaze;
using namespace gaze::train;

namespace {

constexpr double few_parameters = 20'000;

/// A model of a toy task, if it is a small one, can be made, or the options are refused.
void make(const Config& config) {
  check_translation(config);
  if (config.data.vocab > 100 || config.data.length > 100 || config.model.layers > 20) return;
  const LanguagePair languages = toy_languages(config);
  const double parameters = parameters_of(config, sizes_of(languages));
  fuzz::must(parameters > 0, "a model has parameters");
  if (parameters > few_parameters) return;
  Translator model(config, languages);
  fuzz::must(static_cast<double>(model.params().count()) >= parameters,
             "a model has no fewer parameters than foretold");
}

}  // namespace

/// A file by hand, a preset and a run's: what is read is written and read again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nlohmann::json object;
  if (!fuzz::accepts([&] { object = parse_json(fuzz::text_of(data, size), "input"); })) return 0;
  fuzz::accepts([&] {
    const Config config = config_from(object, "input");
    fuzz::accepts([&] { require_file_used(config, object, "input"); });
    check_config_of("input", config);
    if (!has_text(config)) make(config);
  });
  Config first;
  if (!fuzz::accepts([&] { read_run_config(first, object, "input"); })) return 0;
  fuzz::accepts([&] { check_config(first); });
  const nlohmann::json written = to_json(first);
  Config second;
  read_run_config(second, written, "again");
  fuzz::must(to_json(second) == written, "options are kept");
  fuzz::must(portable(second) == portable(first), "what makes the weights is kept");
  fuzz::must(fixed_differences(first, second).empty(), "a run can be continued with its own options");
  Config third = local_options(first);
  read_run_config(third, portable(first), "again");
  fuzz::must(to_json(third) == written || !first.own.kind.empty(), "a checkpoint and this machine know all");
  return 0;
}
