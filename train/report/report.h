#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <gaze/train/run_folder.h>

namespace gaze::train {

/// What the page shows of a run: its options, its curves (metrics.jsonl), and the attention that was recorded, with
/// scores and baselines, as train/report/data.js reads it; where tokens are pieces, folded to words. `from`: only the
/// streams of recorded steps from this one on. Steps are left out, the first and the last kept, until all takes at most
/// `max_bytes`; `recorded` says how many there were. Before anything was recorded there are no steps, probes and
/// modules. Throws for a folder that cannot be read.
nlohmann::json report_data(const RunFolder& run, std::size_t from = 0,
                           std::size_t max_bytes = std::numeric_limits<std::size_t>::max());

/// The page by itself, without data.
const std::string& report_template();
/// The page with this data in it.
std::string report_page(const nlohmann::json& data);
/// The page for a run, of under 5 MB where that is possible. Throws when nothing was recorded.
std::string report_page(const RunFolder& run);

}  // namespace gaze::train
