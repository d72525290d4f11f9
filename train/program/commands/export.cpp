#include <gaze/train/program/commands/commands.h>

#include <memory>

#include <gaze/train/run_folder.h>
#include <gaze/train/saved_model.h>

namespace gaze::train {

void add_export(CLI::App& app) {
  struct Arguments {
    std::string run, file, strip, weights;
  };
  const auto a = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("export", "Writes a run's weights alone, for PyTorch or any other reader of safetensors");
  command->add_option("run", a->run, "The folder of a run")->required();
  command->add_option("file", a->file, "The safetensors file to write")->required();
  command->add_option("--strip", a->strip,
                      "Only parameters with this prefix, without it: \"body.\" for a torch.nn.Transformer");
  add_weights_option(*command, a->weights);
  command->callback([a] {
    const RunFolder run = RunFolder::open(a->run);
    run.check_output(a->file);
    const auto file = run.weights(a->weights);
    const Checkpoint weights = [&] {
      const Checkpoint checkpoint = load_safetensors(file);
      try {
        return weights_of(checkpoint, a->strip);
      } catch (const Error& error) {
        fail("{}: {}", file.string(), error.what());
      }
    }();
    save_safetensors(a->file, weights);
    fmt::print(stderr, "gaze: {} tensors of {} are in {}\n", weights.arrays.size(), file.string(), a->file);
  });
}

}  // namespace gaze::train
