#include <gaze/train/training_view.h>

#include <algorithm>
#include <cmath>

#include <gaze/train/heat_map.h>

namespace gaze {
namespace {

constexpr int bar_width = 24;

std::string bar(double done, bool unicode) {
  const int full = static_cast<int>(std::lround(std::clamp(done, 0.0, 1.0) * bar_width));
  std::string text;
  for (int i = 0; i < bar_width; ++i) text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return text;
}

}  // namespace

std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal) {
  return render({.rows = map.target, .columns = map.source, .weights = map.weights, .gold = gold, .title = title},
                terminal);
}

std::string TrainingView::figures(const Progress& p) const {
  return fmt::format("step {:>{}}/{}  loss {:.4f}  accuracy {:5.1f} %  AER {:5.1f} %  {:.1f}k tokens/s", p.step,
                     fmt::formatted_size("{}", p.steps), p.steps, p.loss, 100 * p.token_accuracy, 100 * p.aer,
                     p.tokens_per_s / 1e3);
}

void TrainingView::update(const Progress& progress, const AttentionMap& map, const std::vector<Link>& gold,
                          const std::string& title) {
  picture_ = picture_of(map, gold, title, terminal_);
  if (!terminal_.interactive) {
    fmt::print(out_, "{}\n", figures(progress));
    std::fflush(out_);
    return;
  }
  const double done =
      static_cast<double>(progress.step) / static_cast<double>(std::max<std::int64_t>(progress.steps, 1));
  std::vector<std::string> lines = {bar(done, terminal_.unicode) + " " + fmt::format("{:3.0f} %", 100 * done),
                                    figures(progress), ""};
  lines.insert(lines.end(), picture_.begin(), picture_.end());
  redraw_.draw(lines, terminal_, out_);
}

void TrainingView::finish() {
  redraw_.finish();
  if (!terminal_.interactive)
    for (const std::string& line : picture_) fmt::print(out_, "{}\n", line);
  fmt::print(out_, "\n");
  std::fflush(out_);
}

}  // namespace gaze
