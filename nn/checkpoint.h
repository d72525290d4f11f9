#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include <gaze/autograd/parameters.h>
#include <gaze/nn/safetensors.h>

namespace gaze {

/// The parameters by name, sharing their numbers. A parameter with a second name is stored once; the metadata maps that
/// name to it ("head.weight": "tgt_embed.tok.weight"), as safetensors.torch does.
Checkpoint to_checkpoint(const Params&, std::map<std::string, std::string> metadata = {});
/// Writes to_checkpoint() to a safetensors file.
void save(const Params&, const std::filesystem::path&, std::map<std::string, std::string> metadata = {});

struct LoadOptions {
  /// Goes before every name of the file: a torch.nn.Transformer's file fills Seq2Seq with "body.". Only parameters
  /// under this prefix are filled.
  std::string add_prefix = {};
  /// Comes off every name of the file: "module." Names without it are not part of what is loaded.
  std::string strip_prefix = {};
};

/// Fills the parameters from arrays of the same names; float dtypes are converted, and names under "optimizer." are
/// left to the optimizer unless a parameter has such a name. Throws one Error that lists all names that are missing,
/// unexpected, of the wrong shape or dtype, tied here but different there, or whose numbers are not all finite; then no
/// parameter has changed. `source` names the checkpoint in the error.
void load(Params&, const Checkpoint&, const LoadOptions& = {}, std::string_view source = "checkpoint");
/// The same from a safetensors file, whose metadata it returns.
std::map<std::string, std::string> load(Params&, const std::filesystem::path&, const LoadOptions& = {});

}  // namespace gaze
