#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {

void add_indexing(Table& cases) {
  // i with its place along an axis replaced by what index says.
  const auto moved = [](const Tensor& index, Index i, int axis) {
    const std::int64_t place = id_at(index, i);
    i[static_cast<std::size_t>(index.shape().normal_axis(axis))] = place;
    return i;
  };

  const auto add_gather = [&](const char* variant, const Shape& shape, int axis, const Tensor& index) {
    cases.push_back({"gather",
                     variant,
                     {numbers(shape), index},
                     [axis](Inputs in) { return gather(in[0], axis, in[1]); },
                     [=](Inputs in) {
                       return table(in[1].shape(), [&](const Index& i) { return at(in[0], moved(in[1], i, axis)); });
                     }});
  };
  add_gather("ordinary", {4, 3}, 0, below({4, 3}, 4));
  add_gather("fewer rows, repeated", {4, 3}, 0, whole({2, 2}, {1, 1, 1, 3}));
  add_gather("more along the axis", {2, 3}, 1, below({2, 5}, 3));
  add_gather("middle axis", {2, 4, 3}, -2, below({2, 2, 3}, 4));
  add_gather("size one", {1}, 0, whole({1}, {0}));
  add_gather("empty index", {4, 3}, 0, below({0, 3}, 4));

  const auto add_select = [&](const char* variant, const Shape& shape, int axis, const Tensor& index) {
    cases.push_back({"index_select",
                     variant,
                     {numbers(shape), index},
                     [axis](Inputs in) { return index_select(in[0], axis, in[1]); },
                     [axis](Inputs in) {
                       const auto along = static_cast<std::size_t>(in[0].shape().normal_axis(axis));
                       return table(in[0].shape().with(axis, in[1].size()), [&](Index i) {
                         i[along] = in[1].values<std::int32_t>()[static_cast<std::size_t>(i[along])];
                         return at(in[0], i);
                       });
                     }});
  };
  add_select("ordinary", {4, 3}, 0, whole({3}, {2, 0, 3}));
  add_select("repeated", {4, 3}, 0, whole({5}, {1, 1, 1, 0, 1}));
  add_select("last axis", {2, 5}, -1, whole({2}, {4, 0}));
  add_select("middle axis", {2, 4, 3}, 1, whole({2}, {3, 3}));
  add_select("size one", {1}, 0, whole({1}, {0}));
  add_select("empty index", {4, 3}, 0, below({0}, 4));

  const auto add_scatter = [&](const char* variant, const Shape& shape, int axis, const Tensor& index,
                               const Shape& source) {
    cases.push_back({"scatter_add",
                     variant,
                     {numbers(shape), index, numbers(source, 1)},
                     [axis](Inputs in) { return scatter_add(in[0], axis, in[1], in[2]); },
                     [=](Inputs in) {
                       return table(in[0].shape(), [&](const Index& i) {
                         double s = at(in[0], i);
                         for_each(in[1].shape(), [&](const Index& from) {
                           if (moved(in[1], from, axis) == i) s += at(in[2], from);
                         });
                         return s;
                       });
                     }});
  };
  add_scatter("ordinary", {4, 3}, 0, below({2, 3}, 4), {2, 3});
  add_scatter("repeated", {4, 2}, 0, whole({3, 2}, {1, 1, 1, 0, 1, 1}), {3, 2});
  add_scatter("last axis", {2, 4}, -1, below({2, 5}, 4), {2, 5});
  add_scatter("middle axis", {2, 3, 2}, 1, below({2, 4, 2}, 3), {2, 4, 2});
  add_scatter("size one", {1}, 0, whole({1}, {0}), {1});
  add_scatter("empty index", {4, 3}, 0, below({0, 3}, 4), {0, 3});

  const auto add_embedding = [&](const char* variant, const Shape& weight, const Tensor& ids) {
    cases.push_back({"embedding",
                     variant,
                     {numbers(weight), ids},
                     [](Inputs in) { return embedding(in[0], in[1]); },
                     [](Inputs in) {
                       Shape shape = in[1].shape();
                       shape.append(in[0].size(1));
                       return table(shape, [&](const Index& i) {
                         return at(in[0], Index{id_at(in[1], std::span(i).first(i.size() - 1)), i.back()});
                       });
                     }});
  };
  add_embedding("ordinary", {5, 3}, whole({2, 2}, {4, 0, 2, 1}));
  add_embedding("repeated", {5, 3}, whole({6}, {1, 1, 4, 1, 0, 4}));
  add_embedding("one id", {5, 3}, whole({}, {2}));
  add_embedding("size one", {1, 1}, whole({1}, {0}));
  add_embedding("no ids", {5, 3}, below({2, 0}, 5));
  add_embedding("no columns", {5, 0}, whole({2}, {1, 3}));
}

}  // namespace gaze::cases
