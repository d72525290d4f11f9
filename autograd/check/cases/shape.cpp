#include <gaze/autograd/check/cases/cases.h>

namespace gaze::cases {
namespace {

/// A table of the result's shape whose number at i is x's at source(i).
template <class Source>
Tensor taken(const Tensor& x, const Shape& shape, const Source& source) {
  return table(shape, [&](const Index& i) { return at(x, source(i)); });
}

/// The same numbers, in the same order, in another shape.
Tensor relabelled(const Tensor& x, const Shape& shape) {
  std::int64_t next = 0;
  return table(shape, [&](const Index&) { return x.array().at(next++); });
}

}  // namespace

void add_shapes(Table& cases) {
  const auto add_reshape = [&](const char* variant, const Shape& from, const std::vector<std::int64_t>& to,
                               const Shape& result) {
    cases.push_back({"reshape",
                     variant,
                     {numbers(from)},
                     [to](Inputs in) { return reshape(in[0], to); },
                     [result](Inputs in) { return relabelled(in[0], result); }});
  };
  add_reshape("ordinary", {3, 4}, {2, 6}, {2, 6});
  add_reshape("length worked out", {3, 4}, {2, -1, 2}, {2, 3, 2});
  add_reshape("to a scalar", {1, 1}, {}, {});
  add_reshape("empty", {0, 4}, {2, 0}, {2, 0});

  const auto add_transpose = [&](const char* variant, const Shape& shape, int a, int b) {
    const auto swapped = [a, b](const Tensor& x, Index i) {
      std::swap(i[static_cast<std::size_t>(x.shape().normal_axis(a))],
                i[static_cast<std::size_t>(x.shape().normal_axis(b))]);
      return i;
    };
    cases.push_back({"transpose",
                     variant,
                     {numbers(shape)},
                     [a, b](Inputs in) { return transpose(in[0], a, b); },
                     [=](Inputs in) {
                       const Tensor& x = in[0];
                       const Shape result = x.shape().with(a, x.size(b)).with(b, x.size(a));
                       return taken(x, result, [&](const Index& i) { return swapped(x, i); });
                     }});
  };
  add_transpose("ordinary", {3, 4}, -2, -1);
  add_transpose("larger than a tile", {19, 35}, 0, 1);
  add_transpose("outer axes", {2, 3, 4}, 0, 2);
  add_transpose("an axis with itself", {2, 3}, 1, 1);
  add_transpose("size one", {1, 1}, 0, 1);
  add_transpose("empty", {3, 0, 2}, 0, 1);

  const auto add_permute = [&](const char* variant, const Shape& shape, const Axes& order) {
    cases.push_back({"permute",
                     variant,
                     {numbers(shape)},
                     [order](Inputs in) { return permute(in[0], order); },
                     [order](Inputs in) {
                       Shape result;
                       for (const int axis : order) result.append(in[0].size(axis));
                       return taken(in[0], result, [&](const Index& i) {
                         Index source(i.size());
                         for (std::size_t axis = 0; axis < i.size(); ++axis)
                           source[static_cast<std::size_t>(in[0].shape().normal_axis(order[axis]))] = i[axis];
                         return source;
                       });
                     }});
  };
  add_permute("ordinary", {2, 3, 4}, {2, 0, 1});
  add_permute("heads", {2, 3, 2, 4}, {0, 2, 1, 3});
  add_permute("negative axes", {2, 3, 4}, {-1, -3, -2});
  add_permute("as it is", {2, 3}, {0, 1});
  add_permute("scalar", {}, {});
  add_permute("size one", {1, 1}, {1, 0});
  add_permute("empty", {2, 0, 4}, {1, 2, 0});

  const auto add_expand = [&](const char* variant, const Shape& from, const Shape& to) {
    cases.push_back({"expand",
                     variant,
                     {numbers(from)},
                     [to](Inputs in) { return expand(in[0], to); },
                     [to](Inputs in) { return taken(in[0], to, [](const Index& i) { return i; }); }});
  };
  add_expand("ordinary", {3, 1}, {3, 4});
  add_expand("new axes", {4}, {2, 3, 4});
  add_expand("inner axis", {2, 1, 4}, {2, 3, 4});
  add_expand("scalar", {}, {2, 3});
  add_expand("size one", {1}, {1});
  add_expand("to nothing", {2, 1}, {2, 0});
  add_expand("empty", {0, 1}, {0, 3});

  const auto add_squeeze = [&](const char* variant, const Shape& from, int axis) {
    cases.push_back({"squeeze",
                     variant,
                     {numbers(from)},
                     [axis](Inputs in) { return squeeze(in[0], axis); },
                     [axis](Inputs in) { return relabelled(in[0], in[0].shape().without(axis)); }});
  };
  add_squeeze("ordinary", {3, 1, 4}, 1);
  add_squeeze("last axis", {3, 1}, -1);
  add_squeeze("size one", {1}, 0);
  add_squeeze("empty", {1, 0}, 0);

  const auto add_unsqueeze = [&](const char* variant, const Shape& from, int axis, const Shape& result) {
    cases.push_back({"unsqueeze",
                     variant,
                     {numbers(from)},
                     [axis](Inputs in) { return unsqueeze(in[0], axis); },
                     [result](Inputs in) { return relabelled(in[0], result); }});
  };
  add_unsqueeze("ordinary", {3, 4}, 1, {3, 1, 4});
  add_unsqueeze("behind the last", {3, 4}, -1, {3, 4, 1});
  add_unsqueeze("scalar", {}, 0, {1});
  add_unsqueeze("empty", {0}, 0, {1, 0});

  const auto add_concat = [&](const char* variant, const std::vector<Shape>& shapes, int axis) {
    std::vector<Tensor> inputs;
    for (const Shape& shape : shapes) inputs.push_back(numbers(shape, static_cast<int>(inputs.size())));
    cases.push_back({"concat", variant, inputs, [axis](Inputs in) { return concat(in, axis); },
                     [axis](Inputs in) {
                       const auto along = static_cast<std::size_t>(in[0].shape().normal_axis(axis));
                       std::int64_t length = 0;
                       for (const Tensor& part : in) length += part.size(axis);
                       return table(in[0].shape().with(axis, length), [&](Index i) {
                         std::size_t part = 0;
                         while (i[along] >= in[part].size(axis)) i[along] -= in[part++].size(axis);
                         return at(in[part], i);
                       });
                     }});
  };
  add_concat("ordinary", {{2, 3}, {2, 1}, {2, 4}}, 1);
  add_concat("first axis", {{2, 3}, {1, 3}}, 0);
  add_concat("middle axis", {{2, 1, 3}, {2, 2, 3}}, -2);
  add_concat("one part", {{2, 3}}, 0);
  add_concat("size one", {{1}, {1}}, 0);
  add_concat("an empty part", {{2, 3}, {2, 0}, {2, 1}}, 1);
  cases.push_back({"concat",
                   "with itself",
                   {numbers({2, 3})},
                   [](Inputs in) {
                     return concat({in[0], in[0]}, 0);
                   },
                   [](Inputs in) {
                     return taken(in[0], {4, 3}, [](const Index& i) { return Index{i[0] % 2, i[1]}; });
                   }});

  const auto add_stack = [&](const char* variant, const std::vector<Shape>& shapes, int axis, const Shape& result) {
    std::vector<Tensor> inputs;
    for (const Shape& shape : shapes) inputs.push_back(numbers(shape, static_cast<int>(inputs.size())));
    cases.push_back({"stack", variant, inputs, [axis](Inputs in) { return stack(in, axis); },
                     [=](Inputs in) {
                       const auto along = static_cast<std::size_t>(result.normal_axis(axis));
                       return table(result, [&](Index i) {
                         const auto part = static_cast<std::size_t>(i[along]);
                         i.erase(i.begin() + static_cast<std::ptrdiff_t>(along));
                         return at(in[part], i);
                       });
                     }});
  };
  add_stack("ordinary", {{2, 3}, {2, 3}}, 0, {2, 2, 3});
  add_stack("last axis", {{2, 3}, {2, 3}, {2, 3}}, -1, {2, 3, 3});
  add_stack("scalars", {{}, {}}, 0, {2});
  add_stack("size one", {{1}}, 1, {1, 1});
  add_stack("empty", {{0, 2}, {0, 2}}, 1, {0, 2, 2});

  const auto add_slice = [&](const char* variant, const Shape& shape, int axis, std::int64_t first, std::int64_t last,
                             std::int64_t step, std::int64_t length) {
    cases.push_back({"slice",
                     variant,
                     {numbers(shape)},
                     [=](Inputs in) { return slice(in[0], axis, first, last, step); },
                     [=](Inputs in) {
                       const auto along = static_cast<std::size_t>(in[0].shape().normal_axis(axis));
                       return taken(in[0], in[0].shape().with(axis, length), [&](Index i) {
                         i[along] = in[0].size(axis) == 1 ? 0 : first + i[along] * step;
                         return i;
                       });
                     }});
  };
  add_slice("ordinary", {5, 3}, 0, 1, 4, 1, 3);
  add_slice("last axis", {2, 5}, -1, 2, 5, 1, 3);
  add_slice("with steps", {2, 7, 3}, 1, 1, 7, 3, 2);
  add_slice("whole", {3, 2}, 0, 0, 3, 1, 3);
  add_slice("nothing", {3, 2}, 0, 2, 2, 1, 0);
  add_slice("size one", {1}, 0, 0, 1, 1, 1);
  add_slice("empty", {0, 3}, 1, 1, 3, 1, 2);

  using Widths = std::vector<std::pair<std::int64_t, std::int64_t>>;
  const auto add_pad = [&](const char* variant, const Shape& shape, const Widths& widths, double value) {
    cases.push_back({"pad",
                     variant,
                     {numbers(shape)},
                     [=](Inputs in) { return pad(in[0], widths, value); },
                     [=](Inputs in) {
                       Shape result = in[0].shape();
                       for (int axis = 0; axis < result.rank(); ++axis) {
                         const auto [before, after] = widths[static_cast<std::size_t>(axis)];
                         result.set(axis, result[axis] + before + after);
                       }
                       return table(result, [&](Index i) {
                         for (std::size_t axis = 0; axis < i.size(); ++axis) {
                           i[axis] -= widths[axis].first;
                           if (i[axis] < 0 || i[axis] >= in[0].size(static_cast<int>(axis))) return value;
                         }
                         return at(in[0], i);
                       });
                     }});
  };
  add_pad("ordinary", {2, 3}, {{1, 2}, {0, 1}}, 0);
  add_pad("with a value", {2, 2, 2}, {{0, 0}, {1, 1}, {2, 0}}, -3.5);
  add_pad("nothing to add", {2, 3}, {{0, 0}, {0, 0}}, 1);
  add_pad("size one", {1}, {{1, 1}}, 0);
  add_pad("empty", {0, 2}, {{1, 1}, {0, 1}}, 2);
}

}  // namespace gaze::cases
