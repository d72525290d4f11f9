#include <gaze/train/training_run.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <sstream>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <gaze/autograd/base/files.h>
#include <gaze/autograd/graph.h>
#include <gaze/nn/checkpoint.h>
#include <gaze/train/folder.h>
#include <gaze/train/json.h>
#include <gaze/train/optimizers.h>
#include <gaze/train/options.h>

namespace gaze::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* optimizer_prefix = "optimizer.";
constexpr ValidationNote no_validation{.step = 0, .loss = std::numeric_limits<double>::infinity()};
constexpr auto min_time_between_checkpoints = std::chrono::seconds(2);

/// A count of the notes on the progress.
std::int64_t count_in(const json& notes, const char* name) { return whole_number(notes.at(name), 0, max_count, name); }

}  // namespace

bool keeps_best(const Config& config) { return has_text(config) || config.training.patience > 0; }

std::map<std::int64_t, fs::path> snapshots_of(const RunFolder& folder) {
  std::map<std::int64_t, fs::path> files;
  for (const fs::path& entry : entries_of(folder.snapshots())) {
    const std::string name = entry.stem().string();
    if (entry.extension() == ".safetensors" && name.size() < 18 && name.find_first_not_of("0123456789") == name.npos &&
        !name.empty())
      files[std::stoll(name)] = entry;
  }
  return files;
}

Progress progress_of(const Checkpoint& checkpoint, const std::string& file) {
  const json notes = parse_json(note_of(checkpoint, "progress", file), file + ": progress");
  Progress p;
  try {
    p.step = count_in(notes, "step");
    notes.at("data_hash").get_to(p.data_hash);
    p.lines = count_in(notes, "lines");
    notes.at("lr").get_to(p.lr);
    notes.at("grad_norm").get_to(p.grad_norm);
    notes.at("interval_loss").get_to(p.interval_loss);
    p.interval_steps = count_in(notes, "interval_steps");
    if (!notes.at("best_loss").is_null()) p.best = {count_in(notes, "best_step"), notes.at("best_loss").get<double>()};
    p.validations_since_best = count_in(notes, "validations_since_best");
  } catch (const json::exception&) {
    fail("{}: its notes on the progress are broken", file);
  } catch (const Error& error) {
    fail("{}: its notes on the progress: {}", file, error.what());
  }
  return p;
}

BestWeights best_weights(const RunFolder& folder, const Config& config, const Progress& progress) {
  if (!keeps_best(config) || !progress.best) return BestWeights::none;
  const auto is_of_best_step = [&](const fs::path& file) {
    if (!file_exists(file)) return false;
    try {
      const auto note = validation_of(file);
      return !note || note->step == progress.best->step;  // without a note: as an older program left it
    } catch (const Error&) {
      return false;  // a file that is broken is not of that step
    }
  };
  if (is_of_best_step(folder.best())) return BestWeights::there;
  if (is_of_best_step(folder.best_on_the_way())) return BestWeights::aside;
  return progress.best->step == progress.step ? BestWeights::checkpoint : BestWeights::lost;
}

TrainingRun::TrainingRun(Learner& learner, RunFolder& folder)
    : learner_(learner),
      folder_(folder),
      optimizer_(make_optimizer(learner.params(), learner.config())),
      trainer_(std::make_unique<Trainer>(
          learner.params(), *optimizer_,
          [this](std::int64_t batch, Context& context) { return learner_.loss(batch, context); },
          trainer_options(learner.config()))),
      last_line_(std::make_unique<json>(json::object())),
      saved_at_(std::chrono::steady_clock::now()) {
  trainer_->on_step([this](const StepReport& report) { after(report); });
}

TrainingRun::~TrainingRun() = default;

nlohmann::json TrainingRun::last_line() const { return *last_line_; }

std::optional<ValidationNote> TrainingRun::best() const {
  if (last_is_best_) return last_is_best_;
  return state_.best;
}

std::string TrainingRun::resume() {
  const std::string file = folder_.checkpoint().string();
  if (!file_exists(folder_.checkpoint())) {
    require(!file_exists(folder_.best()) && !file_exists(folder_.averaged()),
            "{}: it is missing; without it the run cannot go on", file);
    const std::size_t files = entries_of(folder_.path()).size();
    note_stale_after(0);
    remove_file(folder_.metrics());
    folder_.write_config(learner_.config());
    if (files == 1) return "";  // config.json: nothing was begun
    return "the run was stopped before its first checkpoint and begins anew";
  }
  const Checkpoint checkpoint = load_safetensors(folder_.checkpoint());
  const Config &wanted = learner_.config(), trained = run_config_of(checkpoint, wanted, file);
  std::vector<std::string> differences = fixed_differences(trained, wanted);
  Progress progress = progress_of(checkpoint, file);
  const std::int64_t step = progress.step;
  if (progress.data_hash != fmt::format("{:016x}", learner_.data_hash()))
    differences.push_back("the data are not those that it was trained on");
  for (const auto& [name, content] : learner_.metadata())
    if (name != "config" && note_of(checkpoint, name, file) != content)
      differences.push_back(fmt::format("the {} is another", name));
  if (step > wanted.training.steps)
    differences.push_back(fmt::format("it has done {} steps, more than {}", step, wanted.training.steps));
  require(differences.empty(), "{}: it cannot be continued as asked for: {}", file, fmt::join(differences, "; "));

  load(learner_.params(), checkpoint, {}, file);
  try {
    optimizer_->load_state([&](const std::string& name) { return checkpoint.find(optimizer_prefix + name); });
  } catch (const Error& error) {
    fail("{}: {}", file, error.what());
  }
  state_ = std::move(progress);
  trainer_->continue_after(step);
  saved_step_ = settled_step_ = step;
  epoch_ = learner_.position(step * wanted.training.accumulate).epoch;
  note_stale_after(step);
  const std::string of_best = fit_best(), of_lines = keep_lines();
  folder_.write_config(wanted);
  return of_best.empty() || of_lines.empty() ? of_best + of_lines : of_best + "; " + of_lines;
}

/// What was written in part goes; weights of later steps will be written again, or go when a later state is saved.
void TrainingRun::note_stale_after(std::int64_t step) {
  for (const fs::path& entry : entries_below(folder_.path()))
    if (is_unfinished_write(entry)) remove_file(entry);
  for (const auto& [at, snapshot] : snapshots_of(folder_))
    if (at > step) stale_.insert(snapshot);
  if (!keeps_best(learner_.config())) stale_.insert({folder_.best(), folder_.best_on_the_way()});
}

/// Has best.safetensors be what the checkpoint of a step says that it is. Says so when that is not possible.
std::string TrainingRun::fit_best() {
  switch (best_weights(folder_, learner_.config(), state_)) {
    case BestWeights::none:
    case BestWeights::there: return "";
    case BestWeights::aside: restores_best_ = true; return "";
    case BestWeights::checkpoint: keep_best(*state_.best); return "";
    case BestWeights::lost: break;
  }
  const std::int64_t lost = state_.best->step;
  state_.best.reset();
  return fmt::format("{}: it does not hold the weights of step {}, the best so far; the next validation's are kept",
                     folder_.best().string(), lost);
}

/// Cuts metrics.jsonl to the lines that the checkpoint knows of. Says so when some of them are gone.
std::string TrainingRun::keep_lines() {
  std::string kept, line, reason;
  std::int64_t count = 0;
  if (file_exists(folder_.metrics())) {
    std::istringstream stream(read_file(folder_.metrics()));
    try {
      while (count < state_.lines && std::getline(stream, line)) {
        *last_line_ = metrics_line(line, folder_.metrics().string(), count + 1);
        kept += line + "\n", ++count;
      }
    } catch (const Error& error) {
      reason = fmt::format("; {}", error.what());
    }
    write_file_atomically(folder_.metrics(), {kept});
  }
  written_step_ = last_line_->value("step", std::int64_t{-1});
  last_has_validation_ = last_line_->contains("validation_loss");
  const std::int64_t known = std::exchange(state_.lines, count);
  if (count == known) return "";
  return fmt::format("{}: {} of its {} lines are gone{}", folder_.metrics().string(), known - count, known, reason);
}

TrainingRun::End TrainingRun::run(const std::atomic<bool>& stop) {
  const std::int64_t last = learner_.config().training.steps;
  try {
    while (steps_done() < last && patient() && !stop) trainer_->step();
    if (saved_step_ != steps_done()) save();
  } catch (const NumericFailure& failure) {
    // Where nothing was saved before there is nothing good to lose: these weights are finite at least.
    try {
      if (saved_step_ < 0 && steps_done() > 0 && settled_step_ == steps_done()) save();
    } catch (const std::exception&) {
      // The first failure is the one to report.
    }
    throw NumericFailure(
        fmt::format("{}; {}", failure.what(),
                    saved_step_ < 0 ? "no state is saved"
                                    : fmt::format("the last state that is saved is that of step {}", saved_step_)));
  } catch (...) {
    try {
      // A step whose figures could not be written is not saved: it will be done again.
      if (steps_done() > 0 && settled_step_ == steps_done() && saved_step_ != steps_done()) save();
    } catch (const std::exception&) {
      // The first failure is the one to report.
    }
    throw;
  }
  if (written_step_ != steps_done() || !last_has_validation_) write(figures(true));  // the last line: the final state
  keep_last_if_best();
  const End end = steps_done() >= last ? End::finished : patient() ? End::interrupted : End::early;
  if (end != End::interrupted) average();
  return end;
}

bool TrainingRun::patient() const {
  const std::int64_t patience = learner_.config().training.patience;
  return patience == 0 || state_.validations_since_best < patience;
}

/// Whether an epoch ends here, where the options leave it to the data, or the step is a round one.
bool TrainingRun::validation_is_due(std::int64_t step) {
  const Config& config = learner_.config();
  if (config.training.validate_every > 0) return step % config.training.validate_every == 0;
  if (!is_parallel_text(config)) return step % config.training.log_every == 0;
  const std::int64_t epoch = learner_.position(step * config.training.accumulate).epoch;  // of the next batch
  return std::exchange(epoch_, epoch) != epoch;
}

void TrainingRun::after(const StepReport& report) {
  const Config& config = learner_.config();
  state_.interval_loss += report.loss, ++state_.interval_steps;
  state_.lr = report.lr, state_.grad_norm = report.grad_norm;
  interval_tokens_ += report.tokens, interval_seconds_ += report.seconds;
  const bool validate = validation_is_due(report.step);
  bool best = false;
  if (validate || report.step % config.training.log_every == 0) {
    const Figures line = figures(validate);
    write(line);
    best = validate && validated(*line.held_out) && keeps_best(config);
    ++state_.lines;
    state_.interval_loss = 0, state_.interval_steps = 0;
    interval_seconds_ = 0, interval_tokens_ = 0;
  }
  settled_step_ = report.step;
  const bool due = config.training.checkpoint_every > 0
                       ? report.step % config.training.checkpoint_every == 0
                       : validate && std::chrono::steady_clock::now() - saved_at_ > min_time_between_checkpoints;
  if (due || best) save();  // before the best weights: the checkpoint knows of which step they are
  if (best) keep_best(*state_.best);
}

Figures TrainingRun::figures(bool validate) const {
  Figures f{.step = steps_done(), .lr = state_.lr, .grad_norm = state_.grad_norm};
  if (validate) f.held_out = learner_.evaluate();
  f.loss = state_.interval_steps > 0        ? state_.interval_loss / static_cast<double>(state_.interval_steps)
           : figure_in(*last_line_, "loss") ? *figure_in(*last_line_, "loss")
           : f.held_out                     ? f.held_out->loss
                                            : 0;
  f.tokens_per_s = interval_seconds_ > 0 ? static_cast<double>(interval_tokens_) / interval_seconds_
                                         : figure_in(*last_line_, "tokens_per_s").value_or(0);
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

/// Whether it is the best so far.
bool TrainingRun::validated(const Evaluation& held_out) {
  if (learner_.config().training.average > 0) snapshot();
  if (!(held_out.loss < state_.best.value_or(no_validation).loss)) {
    ++state_.validations_since_best;
    return false;
  }
  state_.best = {steps_done(), held_out.loss};
  state_.validations_since_best = 0;
  return true;
}

/// Writes the weights as they are now over best.safetensors.
void TrainingRun::save_best(const ValidationNote& note) {
  Metadata metadata = learner_.metadata();
  add_validation(metadata, note);
  gaze::save(learner_.params(), folder_.best(), metadata);
}

/// The weights as they are now are the best.
void TrainingRun::keep_best(const ValidationNote& note) {
  save_best(note);
  stale_.erase(folder_.best());
  restores_best_ = false;
  remove_file(folder_.best_on_the_way());
}

/// The last state is validated whether or not it was due, and may be the best. The best on the way is put aside for a
/// training that goes on.
void TrainingRun::keep_last_if_best() {
  const double loss = figure_in(*last_line_, "validation_loss").value_or(std::numeric_limits<double>::quiet_NaN());
  const ValidationNote best = state_.best.value_or(no_validation);
  if (!keeps_best(learner_.config()) || best.step == steps_done() || !(loss < best.loss)) return;
  last_is_best_ = ValidationNote{steps_done(), loss};
  if (file_exists(folder_.best())) {
    const auto there = validation_of(folder_.best());
    if (there && there->step == steps_done()) return;
    std::error_code error;
    fs::create_directories(folder_.snapshots(), error);
    if (!error) fs::rename(folder_.best(), folder_.best_on_the_way(), error);
    require(!error, "{}: {}", folder_.best_on_the_way().string(), error.message());
  }
  save_best(*last_is_best_);
}

void TrainingRun::snapshot() {
  std::error_code error;
  fs::create_directories(folder_.snapshots(), error);
  require(!error, "{}: the folder cannot be made: {}", folder_.snapshots().string(), error.message());
  const fs::path file = folder_.snapshots() / fmt::format("{:09}.safetensors", steps_done());
  gaze::save(learner_.params(), file, learner_.metadata());
  stale_.erase(file);
  last_snapshots();
}

/// As many as are averaged; older ones are removed.
std::map<std::int64_t, fs::path> TrainingRun::last_snapshots() const {
  auto files = snapshots_of(folder_);
  std::erase_if(files, [&](const auto& file) { return stale_.contains(file.second); });
  while (std::cmp_greater(files.size(), learner_.config().training.average)) {
    remove_file(files.begin()->second);
    files.erase(files.begin());
  }
  return files;
}

/// The mean of the snapshots, each number added up in the order of steps; kept if it is better than the best of them.
/// One of an earlier end goes.
void TrainingRun::average() {
  const auto files = learner_.config().training.average > 0 ? last_snapshots() : std::map<std::int64_t, fs::path>();
  if (files.empty()) {
    remove_file(folder_.averaged());
    return;
  }
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
  // Measured in the learner, whose own weights come back.
  const Checkpoint own = to_checkpoint(learner_.params());
  Checkpoint kept;
  for (const auto& [name, array] : own.arrays) kept.arrays.emplace_back(name, array.copy());
  load(learner_.params(), mean);
  const double loss = learner_.evaluate().loss;
  load(learner_.params(), kept);
  averaged_loss_ = loss;
  if (const auto other = best(); other && !(loss < other->loss)) {
    remove_file(folder_.averaged());
    return;
  }
  add_validation(mean.metadata, {steps_done(), loss});
  save_safetensors(folder_.averaged(), mean);
}

/// Throws for a parameter that is no number.
void TrainingRun::require_sound() const {
  for (const Parameter& p : learner_.params().list())
    if (const auto bad = first_not_finite(p.value.array()))
      throw NumericFailure(fmt::format("step {}: parameter {} has {} at element {}", steps_done(), p.name,
                                       p.value.array().at(*bad), *bad));
}

void TrainingRun::save() {
  require_sound();
  folder_.check_place();
  const std::int64_t batches = steps_done() * learner_.config().training.accumulate;
  const auto [epoch, batch] = learner_.position(batches);  // of the next batch
  const json progress = {{"step", steps_done()},
                         {"epoch", epoch},
                         {"batch", batch},
                         {"data_hash", fmt::format("{:016x}", learner_.data_hash())},
                         {"lines", state_.lines},
                         {"lr", state_.lr},
                         {"grad_norm", state_.grad_norm},
                         {"interval_loss", state_.interval_loss},
                         {"interval_steps", state_.interval_steps},
                         {"best_loss", state_.best ? json(state_.best->loss) : json()},
                         {"best_step", state_.best.value_or(no_validation).step},
                         {"validations_since_best", state_.validations_since_best}};
  Metadata metadata = learner_.metadata();
  metadata["progress"] = progress.dump();
  folder_.flush_metrics();  // no checkpoint knows of lines that a crash can take away
  Checkpoint checkpoint = to_checkpoint(learner_.params(), std::move(metadata));
  for (auto& [name, array] : optimizer_->state())
    checkpoint.arrays.emplace_back(optimizer_prefix + name, std::move(array));
  save_safetensors(folder_.checkpoint(), checkpoint);
  saved_step_ = steps_done();
  last_is_best_.reset();
  for (const fs::path& stale : std::exchange(stale_, {})) remove_file(stale);
  if (std::exchange(restores_best_, false)) {
    std::error_code error;
    fs::rename(folder_.best_on_the_way(), folder_.best(), error);
    require(!error, "{}: {}", folder_.best().string(), error.message());
  }
  saved_at_ = std::chrono::steady_clock::now();
}

}  // namespace gaze::train
