#include <gaze/train/training_run.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include <gaze/autograd/files.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/model_options.h>

namespace gaze {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* optimizer_prefix = "optimizer.";
constexpr auto least_time_between_checkpoints = std::chrono::seconds(2);

/// The files of snapshots/ by step.
std::map<std::int64_t, fs::path> snapshots_of(const RunFolder& folder) {
  std::map<std::int64_t, fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder.snapshots(), none)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".safetensors" && name.size() < 18 &&
        name.find_first_not_of("0123456789") == name.npos && !name.empty())
      files[std::stoll(name)] = entry.path();
  }
  return files;
}

}  // namespace

bool keeps_best(const Config& config) { return has_text(config) || config.patience > 0; }

/// What a training has to know of its past beside weights and moments.
struct TrainingRun::State {
  std::int64_t lines = 0;           ///< of metrics.jsonl, written where the options say
  double interval_loss = 0;         ///< sum since the last of these lines
  std::int64_t interval_steps = 0;  ///< as many
  double best_loss = std::numeric_limits<double>::infinity();
  std::int64_t best_step = 0, validations_since_best = 0;

  json to_json() const {
    return {{"lines", lines},
            {"interval_loss", interval_loss},
            {"interval_steps", interval_steps},
            {"best_loss", std::isfinite(best_loss) ? json(best_loss) : json()},
            {"best_step", best_step},
            {"validations_since_best", validations_since_best}};
  }
  static State from(const json& object) {
    State s;
    object.at("lines").get_to(s.lines);
    object.at("interval_loss").get_to(s.interval_loss);
    object.at("interval_steps").get_to(s.interval_steps);
    if (!object.at("best_loss").is_null()) object.at("best_loss").get_to(s.best_loss);
    object.at("best_step").get_to(s.best_step);
    object.at("validations_since_best").get_to(s.validations_since_best);
    return s;
  }
};

TrainingRun::TrainingRun(Learner& learner, const RunFolder& folder)
    : learner_(learner),
      folder_(folder),
      optimizer_(make_optimizer(learner.params(), learner.config())),
      trainer_(std::make_unique<Trainer>(
          learner.params(), *optimizer_,
          [this](std::int64_t batch, Context& context) { return learner_.loss(batch, context); },
          trainer_options(learner.config()))),
      state_(std::make_unique<State>()),
      last_line_(std::make_unique<json>()),
      saved_at_(std::chrono::steady_clock::now()) {
  trainer_->on_step([this](const StepReport& report) { after(report); });
}

TrainingRun::~TrainingRun() = default;

nlohmann::json TrainingRun::last_line() const { return *last_line_; }

std::optional<std::pair<double, std::int64_t>> TrainingRun::best() const {
  if (!std::isfinite(state_->best_loss)) return std::nullopt;
  return std::pair(state_->best_loss, state_->best_step);
}

void TrainingRun::resume() {
  const std::string file = folder_.checkpoint().string();
  std::error_code none;
  if (!fs::exists(folder_.checkpoint(), none)) {  // it was stopped before its first
    fs::remove(folder_.metrics(), none);
    return;
  }
  const Checkpoint checkpoint = load_safetensors(folder_.checkpoint());
  const Config trained = config_of(checkpoint, learner_.config(), file);
  std::vector<std::string> differences = fixed_differences(trained, learner_.config());
  const json progress = json::parse(note_of(checkpoint, "progress", file), nullptr, false);
  State state;
  std::int64_t step = 0;
  try {
    if (progress.at("data_hash") != fmt::format("{:016x}", learner_.data_hash()))
      differences.push_back("the data are not those that it was trained on");
    progress.at("step").get_to(step);
    state = State::from(progress);
  } catch (const json::exception&) {
    fail("{}: its notes on the progress are broken", file);
  }
  const Metadata now = learner_.metadata();
  for (const auto& [name, content] : now)
    if (name != "config" && note_of(checkpoint, name, file) != content)
      differences.push_back(fmt::format("the {} is another", name));
  require(differences.empty(), "{}: it cannot be continued as asked for: {}", file, fmt::join(differences, "; "));

  load(learner_.params(), checkpoint, {}, file);
  try {
    optimizer_->load_state([&](const std::string& name) { return checkpoint.find(optimizer_prefix + name); });
  } catch (const Error& error) {
    fail("{}: {}", file, error.what());
  }
  *state_ = state;
  trainer_->continue_after(step);
  saved_step_ = step;

  // What was written after the checkpoint, or only in part, will be written again.
  for (const auto& entry : fs::directory_iterator(folder_.path(), none))
    if (entry.path().extension() == ".part") fs::remove(entry.path(), none);
  if (fs::exists(folder_.metrics(), none)) {
    std::istringstream stream(read_file(folder_.metrics()));
    std::string kept, line;
    for (std::int64_t i = 0; i < state_->lines && std::getline(stream, line); ++i) kept += line + "\n";
    *last_line_ = json::parse(kept.empty() ? "{}" : line, nullptr, false);
    require(last_line_->is_object(), "{}:{}: it is no JSON object", folder_.metrics().string(), state_->lines);
    written_step_ = last_line_->value("step", std::int64_t{-1});
    last_has_validation_ = last_line_->contains("validation_loss");
    write_file_atomically(folder_.metrics(), {kept});
  }
  for (const auto& [at, snapshot] : snapshots_of(folder_))
    if (at > step) fs::remove(snapshot, none);
}

TrainingRun::End TrainingRun::run(const std::atomic<bool>& stop) {
  const std::int64_t last = learner_.config().steps;
  try {
    while (steps_done() < last && patient() && !stop) trainer_->step();
  } catch (...) {
    try {
      if (steps_done() > 0) save();
    } catch (const std::exception&) {
      // The first failure is the one to report.
    }
    throw;
  }
  if (saved_step_ != steps_done()) save();
  if (written_step_ != steps_done() || !last_has_validation_) {  // the last line is the final state
    const Figures final_state = figures(true);
    keep_best(*final_state.held_out);
    write(final_state);
  }
  if (learner_.config().average > 0) average();
  return steps_done() >= last ? End::finished : patient() ? End::interrupted : End::early;
}

bool TrainingRun::patient() const {
  const std::int64_t patience = learner_.config().patience;
  return patience == 0 || state_->validations_since_best < patience;
}

void TrainingRun::after(const StepReport& report) {
  const Config& config = learner_.config();
  state_->interval_loss += report.loss, ++state_->interval_steps;
  interval_tokens_ += report.tokens, interval_seconds_ += report.seconds;
  last_report_ = report;
  const std::int64_t validate_every = config.validate_every > 0 ? config.validate_every : config.log_every;
  const bool validate = report.step % validate_every == 0;
  if (validate || report.step % config.log_every == 0) {
    const Figures line = figures(validate);
    ++state_->lines;
    state_->interval_loss = 0, state_->interval_steps = 0;
    if (validate) validated(*line.held_out);
    write(line);
    interval_seconds_ = 0, interval_tokens_ = 0;
  }
  const bool due = config.checkpoint_every > 0
                       ? report.step % config.checkpoint_every == 0
                       : validate && std::chrono::steady_clock::now() - saved_at_ > least_time_between_checkpoints;
  if (due) save();
}

Figures TrainingRun::figures(bool validate) const {
  Figures f{.step = steps_done(), .lr = last_report_.lr, .grad_norm = last_report_.grad_norm};
  if (validate) f.held_out = learner_.evaluate();
  f.loss = state_->interval_steps > 0     ? state_->interval_loss / static_cast<double>(state_->interval_steps)
           : last_line_->contains("loss") ? last_line_->at("loss").get<double>()
           : f.held_out                   ? f.held_out->loss
                                          : 0;
  f.tokens_per_s = interval_seconds_ > 0 ? static_cast<double>(interval_tokens_) / interval_seconds_ : 0;
  return f;
}

void TrainingRun::write(const Figures& f) {
  json line = {
      {"step", f.step}, {"loss", f.loss}, {"lr", f.lr}, {"grad_norm", f.grad_norm}, {"tokens_per_s", f.tokens_per_s}};
  if (f.held_out) {
    line["validation_loss"] = f.held_out->loss;
    line["token_accuracy"] = f.held_out->token_accuracy;
    if (has_text(learner_.config())) line["perplexity"] = std::exp(f.held_out->loss);
    if (f.held_out->aer) line["aer"] = *f.held_out->aer;
  }
  folder_.append_metrics(line);
  *last_line_ = std::move(line);
  written_step_ = f.step, last_has_validation_ = f.held_out.has_value();
  if (show_) show_(f);
}

void TrainingRun::validated(const Evaluation& held_out) {
  const Config& config = learner_.config();
  if (config.average > 0) snapshot();
  if (!keep_best(held_out)) ++state_->validations_since_best;
}

bool TrainingRun::keep_best(const Evaluation& held_out) {
  if (!(held_out.loss < state_->best_loss)) return false;
  state_->best_loss = held_out.loss, state_->best_step = steps_done(), state_->validations_since_best = 0;
  if (keeps_best(learner_.config())) gaze::save(learner_.params(), folder_.best(), learner_.metadata());
  return true;
}

void TrainingRun::snapshot() {
  std::error_code error;
  fs::create_directories(folder_.snapshots(), error);
  require(!error, "{}: the folder cannot be made: {}", folder_.snapshots().string(), error.message());
  gaze::save(learner_.params(), folder_.snapshots() / fmt::format("{:09}.safetensors", steps_done()),
             learner_.metadata());
  auto files = snapshots_of(folder_);
  while (std::cmp_greater(files.size(), learner_.config().average)) {
    fs::remove(files.begin()->second, error);
    files.erase(files.begin());
  }
}

/// The mean of the snapshots, each number added up in the order of steps.
void TrainingRun::average() {
  const auto files = snapshots_of(folder_);
  if (files.empty()) return;
  Checkpoint mean;
  for (const auto& [step, file] : files) {
    Checkpoint one = load_safetensors(file);
    for (auto& [name, array] : one.arrays) array = array.to(DType::float64);
    if (mean.arrays.empty()) {
      mean = std::move(one);
      continue;
    }
    for (auto& [name, sum] : mean.arrays) {
      const Array* more = one.find(name);
      require(more != nullptr && more->shape() == sum.shape(), "{}: it has no {} of the others' shape", file.string(),
              name);
      double* const to = sum.write<double>();
      for (std::int64_t i = 0; i < sum.size(); ++i) to[i] += more->data<double>()[i];
    }
  }
  for (auto& [name, sum] : mean.arrays) {
    double* const numbers = sum.write<double>();
    for (std::int64_t i = 0; i < sum.size(); ++i) numbers[i] /= static_cast<double>(files.size());
    sum = sum.to(learner_.params().dtype());
  }
  save_safetensors(folder_.averaged(), mean);
}

void TrainingRun::save() {
  json progress = state_->to_json();
  const std::int64_t batches = steps_done() * learner_.config().accumulate;
  const auto [epoch, batch] = learner_.position(batches);  // of the next batch
  progress["step"] = steps_done();
  progress["epoch"] = epoch, progress["batch"] = batch;
  progress["data_hash"] = fmt::format("{:016x}", learner_.data_hash());
  Metadata metadata = learner_.metadata();
  metadata["progress"] = progress.dump();
  Checkpoint checkpoint = to_checkpoint(learner_.params(), std::move(metadata));
  for (auto& [name, array] : optimizer_->state())
    checkpoint.arrays.emplace_back(optimizer_prefix + name, std::move(array));
  save_safetensors(folder_.checkpoint(), checkpoint);
  saved_step_ = steps_done();
  saved_at_ = std::chrono::steady_clock::now();
}

}  // namespace gaze
