#include <gaze/train/lessons/lesson.h>

#include <utility>

#include <gaze/autograd/ops.h>

namespace gaze::train {

std::vector<Lesson> all_lessons() {
  return {soft_lookup_lesson(), similarity_lesson(), scores_lesson(),    learning_lesson(), self_attention_lesson(),
          scaling_lesson(),     heads_lesson(),      positions_lesson(), polysemy_lesson(), mixture_lesson(),
          gating_lesson(),      block_lesson(),      bottleneck_lesson()};
}

double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item(); }

void add_vector(CLI::App& app, const std::string& option, std::vector<double>& numbers, int min_count, int max_count,
                double low, double high, const std::string& what) {
  app.add_option(option, numbers, what)->delimiter(',')->expected(min_count, max_count)->check(real_range(low, high));
}

void add_score(CLI::App& app, std::function<void(Score)> choose, const std::string& what) {
  app.add_option_function<std::string>(
         "--score", [choose = std::move(choose)](const std::string& name) { choose(score_names().named(name)); }, what)
      ->check(CLI::IsMember(score_names().names()));
}

}  // namespace gaze::train
