#include <gaze/train/program/terminal/training_view.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gaze::train {
namespace {

constexpr int widest_bar = 24, narrowest_bar = 6;
constexpr auto time_between_ticks = std::chrono::milliseconds(250);
constexpr int columns_for_curves = 100;  ///< a terminal has that many and more
constexpr int widest_chart = 72;

std::string bar(double done, int width, bool unicode) {
  const int full = static_cast<int>(std::lround(std::clamp(done, 0.0, 1.0) * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return text;
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::ceil(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

/// One of a line's fields.
struct Field {
  std::string text;
  int importance;  ///< from 0, which is left out last
  int width;       ///< at most, in nearly all lines, so that lines below each other hold the same fields
};

constexpr std::string_view gap = "  ";

/// The most important fields that the columns have room for, in their own order.
std::string joined(std::vector<Field> fields, int columns) {
  std::vector<std::size_t> order(fields.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return fields[i].importance; });
  int used = -display_width(gap);
  for (const std::size_t i : order) {
    const int width = std::max(fields[i].width, display_width(fields[i].text)) + display_width(gap);
    if (used + width <= columns) {
      used += width;
    } else {
      fields[i].text.clear();
    }
  }
  std::string line;
  for (const Field& field : fields)
    if (!field.text.empty()) line += fmt::format("{}{}", line.empty() ? "" : gap, field.text);
  return line;
}

}  // namespace

HeatMap heat_map_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title) {
  return {.rows = map.target, .columns = map.source, .weights = map.weights, .gold = gold, .title = title};
}

std::vector<std::string> picture_of(const AttentionMap& map, const std::vector<Link>& gold, const std::string& title,
                                    const Terminal& terminal) {
  return render(heat_map_of(map, gold, title), terminal);
}

TrainingView::TrainingView(std::function<Terminal()> terminal, std::FILE* out, std::int64_t first, std::int64_t last,
                           bool perplexity)
    : terminal_(std::move(terminal)), out_(out), first_(first), last_(last), perplexity_(perplexity) {}

std::string TrainingView::time_left(std::int64_t step) const {
  if (step <= first_ || step >= last_) return "";
  const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
  return fmt::format("{} left",
                     duration(seconds / static_cast<double>(step - first_) * static_cast<double>(last_ - step)));
}

/// The bar gives way to the time that is left, and that to the step.
std::string TrainingView::progress(std::int64_t step, const Terminal& terminal) const {
  const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(last_, 1));
  const std::string place = fmt::format("{:3.0f} %  {}/{}", 100 * done, step, last_);
  constexpr int usual_time = 9;  // a bar should not grow and shrink with it
  const std::string left = time_left(step);
  const int room = terminal.columns - display_width(place) - 1;
  const int room_beside_time = room - std::max(usual_time, display_width(left)) - display_width(gap);
  const bool with_time = room_beside_time >= narrowest_bar;
  const int width = std::min(widest_bar, with_time ? room_beside_time : room);
  std::string line = width < narrowest_bar ? place : fmt::format("{} {}", bar(done, width, terminal.unicode), place);
  if (with_time && !left.empty()) line += fmt::format("{}{}", gap, left);
  return line;
}

/// With the time that is left, which may be "", the line stands alone; without, below the progress.
std::string TrainingView::figures_line(int columns, const std::optional<std::string>& time_left) const {
  const Figures& f = figures_;
  const std::string step = fmt::format("step {:>{}}/{}", f.step, fmt::formatted_size("{}", last_), last_);
  std::vector<Field> fields = {{step, 2, 0}, {fmt::format("loss {:.4f}", f.loss), 0, 11}};
  if (held_out_) {
    if (perplexity_) {
      const double perplexity = std::exp(held_out_->loss);
      fields.push_back({fmt::format("validation {:.4f}", held_out_->loss), 3, 17});
      fields.push_back({fmt::format("perplexity {:.{}f}", perplexity, perplexity < 1000 ? 2 : 0), 4, 17});
    }
    fields.push_back({fmt::format("accuracy {:5.1f} %", 100 * held_out_->token_accuracy), 5, 16});
    if (held_out_->aer) fields.push_back({fmt::format("AER {:5.1f} %", 100 * *held_out_->aer), 1, 11});
  }
  if (f.tokens_per_s > 0) fields.push_back({fmt::format("{:.1f}k tokens/s", f.tokens_per_s / 1e3), 7, 15});
  if (time_left) fields.push_back({*time_left, 6, 9});
  const std::string line = joined(fields, columns);
  if (!held_out_ || !held_out_->aer || line.find("AER") != line.npos) return line;
  const std::string loss = fmt::format("loss {:.{}f}", f.loss, f.loss < 10 ? 2 : 1);
  return fmt::format("{}{}AER {:.0f} %", loss, gap, 100 * *held_out_->aer);
}

void TrainingView::update(const Figures& figures, std::optional<HeatMap> map) {
  const Terminal terminal = terminal_();
  figures_ = figures;
  // Elsewhere than on a terminal, a line shows what was taken at its own step.
  if (figures.held_out || !terminal.interactive) held_out_ = figures.held_out;
  map_ = std::move(map);
  loss_.points.emplace_back(figures.step, figures.loss);
  if (std::isfinite(figures.loss)) loss_.top = std::max(loss_.top, figures.loss);
  loss_.top_label = fmt::format("{:.{}f}", loss_.top, loss_.top < 100 ? 2 : 0);
  if (figures.held_out && figures.held_out->aer) aer_.points.emplace_back(figures.step, *figures.held_out->aer);
  if (terminal.interactive) return draw(figures.step, terminal);
  constexpr int narrowest_line = 60;
  fmt::print(out_, "{}\n", figures_line(std::max(terminal.columns, narrowest_line), time_left(figures.step)));
  std::fflush(out_);
}

void TrainingView::tick(std::int64_t step) {
  if (Clock::now() - drawn_ <= time_between_ticks) return;
  drawn_ = Clock::now();
  if (const Terminal terminal = terminal_(); terminal.interactive) draw(step, terminal);
}

void TrainingView::draw(std::int64_t step, const Terminal& terminal) {
  drawn_ = Clock::now();
  std::vector<std::string> lines = {progress(step, terminal), figures_line(terminal.columns, {}), ""};
  if (map_) {
    std::ranges::move(render(*map_, terminal), std::back_inserter(lines));
    if (terminal.columns >= columns_for_curves) add_curves(lines, terminal);
  }
  redraw_.draw(lines, terminal, out_);
}

/// Beside the map, from the empty line above it or, where its title is too long, from the line below that.
void TrainingView::add_curves(std::vector<std::string>& lines, const Terminal& terminal) const {
  constexpr std::size_t empty_line = 2, title = 3;
  const bool has_title = !map_->title.empty();
  const std::size_t words = has_title ? title + 1 : title;
  const std::size_t end = words + 1 + map_->rows.size();  // what follows explains the map
  int width = 0;
  for (std::size_t i = words; i < end; ++i) width = std::max(width, styled_width(lines[i]));
  const std::size_t begin = has_title && styled_width(lines[title]) > width ? words : empty_line;

  constexpr int margin = 3;
  const int room = std::min(terminal.columns - width - margin, widest_chart);
  std::vector<Curve> curves = {loss_};
  if (!aer_.points.empty()) curves.push_back(aer_);
  const std::vector<std::string> chart = render(curves, first_, last_, room, static_cast<int>(end - begin), terminal);
  for (std::size_t i = 0; i < chart.size(); ++i) {
    std::string& line = lines[begin + i];
    line += std::string(static_cast<std::size_t>(width + margin - styled_width(line)), ' ') + chart[i];
  }
}

void TrainingView::finish() {
  redraw_.finish();
  if (const Terminal terminal = terminal_(); !terminal.interactive && map_)
    for (const std::string& text : render(*map_, terminal)) fmt::print(out_, "{}\n", text);
  fmt::print(out_, "\n");
  std::fflush(out_);
}

}  // namespace gaze::train
