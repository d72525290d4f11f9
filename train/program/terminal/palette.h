#pragma once

#include <gaze/train/program/terminal/terminal.h>

#include <optional>
#include <string>
#include <string_view>

/// The colours of maps and curves.
namespace gaze::train::palette {

/// Parts from 0 to 255.
struct Rgb {
  double red, green, blue;
};

/// A colour for either kind of colour terminal.
struct Color {
  Rgb rgb;
  int index;  ///< in the palette of 256 colours
};

constexpr Color kLight{{255, 255, 255}, 231}, kMuted{{150, 157, 170}, 247}, kDark{{0, 0, 0}, 16};
constexpr Color kHit{{120, 200, 120}, 114}, kMiss{{225, 105, 95}, 167}, kBroken{{110, 40, 60}, 52};

/// The colour of a weight from 0 to 1: from a dark blue-grey over slate and sage to bright yellow. Lightness rises all
/// the way, so that the order of two weights shows without knowing the hues, to the colour-blind as well.
Color ramp(double weight, ColorMode mode);

/// Whichever of light and dark has the higher contrast ratio (WCAG 2.1) to the background.
Color text_on(const Color& background);

struct Style {
  bool bold = false;
  std::optional<Color> text, background;
};

/// The text between the SGR sequences that switch the style on and off; in plain mode the text itself.
std::string styled(std::string_view text, const Style& style, ColorMode mode);

}  // namespace gaze::train::palette
