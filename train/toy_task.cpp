#include <gaze/train/toy_task.h>

namespace gaze::train {

std::shared_ptr<const ToyTask> toy_task(const Config& c) {
  return make_toy_task(c.task, {.seed = c.seed,
                                .symbols = static_cast<int>(c.data.vocab),
                                .min_length = static_cast<int>(c.data.min_length),
                                .max_length = static_cast<int>(c.data.length)});
}

}  // namespace gaze::train
