#pragma once

#ifndef GAZE_LEVEL
#error "GAZE_LEVEL names the namespace of the instruction set that this file is compiled for: v2, v3 or v4"
#endif

/// What the files compiled once for each instruction set share.
///
/// A function that the linker may merge with one of the same name from elsewhere (an inline function, a template of
/// std) must not come from here: the program would run AVX-512 code on a processor without it. So everything lies in
/// the level's namespace, mostly unnamed inside it, and nothing uses containers of std. A test looks at the symbols.
namespace gaze::kernels::GAZE_LEVEL {

template <class Group>
void fill(Group&);

}  // namespace gaze::kernels::GAZE_LEVEL

/// Fills a group's table, of float and of double, with functions by name: .max = max, in the order of the group. A
/// name that the group does not have is an error, and one left out is a warning, which the build makes an error.
#define GAZE_FILL(Group, ...)           \
  template <>                           \
  void fill(Group<float>& group) {      \
    group = Group<float>{__VA_ARGS__};  \
  }                                     \
  template <>                           \
  void fill(Group<double>& group) {     \
    group = Group<double>{__VA_ARGS__}; \
  }
