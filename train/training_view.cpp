#include <gaze/train/training_view.h>

#include <algorithm>
#include <cmath>

#include <gaze/train/heat_map.h>

namespace gaze {
namespace {

constexpr int bar_width = 24;
constexpr auto time_between_ticks = std::chrono::milliseconds(250);

std::string bar(double done, bool unicode) {
  const int full = static_cast<int>(std::lround(std::clamp(done, 0.0, 1.0) * bar_width));
  std::string text;
  for (int i = 0; i < bar_width; ++i) text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return text;
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::ceil(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal) {
  return render({.rows = map.target, .columns = map.source, .weights = map.weights, .gold = gold, .title = title},
                terminal);
}

TrainingView::TrainingView(Terminal terminal, std::FILE* out, std::int64_t first, std::int64_t last, bool perplexity)
    : terminal_(terminal), out_(out), first_(first), last_(last), perplexity_(perplexity) {}

std::string TrainingView::time_left(std::int64_t step) const {
  if (step <= first_ || step >= last_) return "";
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  return fmt::format("  {} left",
                     duration(seconds / static_cast<double>(step - first_) * static_cast<double>(last_ - step)));
}

std::string TrainingView::line(const Figures& f) const {
  std::string text =
      fmt::format("step {:>{}}/{}  loss {:.4f}", f.step, fmt::formatted_size("{}", last_), last_, f.loss);
  if (held_out_) {
    if (perplexity_)
      text += fmt::format("  validation {:.4f}, perplexity {:.2f}", held_out_->loss, std::exp(held_out_->loss));
    text += fmt::format("  accuracy {:5.1f} %", 100 * held_out_->token_accuracy);
    if (held_out_->aer) text += fmt::format("  AER {:5.1f} %", 100 * *held_out_->aer);
  }
  return text + fmt::format("  {:.1f}k tokens/s", f.tokens_per_s / 1e3);
}

void TrainingView::update(const Figures& figures, std::vector<std::string> picture) {
  figures_ = figures;
  // Elsewhere than on a terminal, a line shows what was taken at its own step.
  if (figures.held_out || !terminal_.interactive) held_out_ = figures.held_out;
  picture_ = std::move(picture);
  if (terminal_.interactive) return draw(figures.step);
  fmt::print(out_, "{}{}\n", line(figures), time_left(figures.step));
  std::fflush(out_);
}

void TrainingView::tick(std::int64_t step) {
  if (terminal_.interactive && Clock::now() - drawn_ > time_between_ticks) draw(step);
}

void TrainingView::draw(std::int64_t step) {
  drawn_ = Clock::now();
  const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(last_, 1));
  std::vector<std::string> lines = {
      fmt::format("{} {:3.0f} %  {}/{}{}", bar(done, terminal_.unicode), 100 * done, step, last_, time_left(step)),
      line(figures_), ""};
  lines.insert(lines.end(), picture_.begin(), picture_.end());
  redraw_.draw(lines, terminal_, out_);
}

void TrainingView::finish() {
  redraw_.finish();
  if (!terminal_.interactive)
    for (const std::string& text : picture_) fmt::print(out_, "{}\n", text);
  fmt::print(out_, "\n");
  std::fflush(out_);
}

}  // namespace gaze
