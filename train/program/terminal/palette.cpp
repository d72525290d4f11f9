#include <fmt/format.h>
#include <gaze/train/program/terminal/palette.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace gaze::train::palette {

namespace {

/// The usual meaning of the palette entries 16 to 255: a 6 x 6 x 6 cube, then 24 greys.
Rgb palette_color(int index) {
  constexpr std::array<double, 6> levels{0, 95, 135, 175, 215, 255};
  if (index >= 232) return {8.0 + 10 * (index - 232), 8.0 + 10 * (index - 232), 8.0 + 10 * (index - 232)};
  const auto level = [&](int digit) { return levels[static_cast<std::size_t>(digit % 6)]; };
  return {level((index - 16) / 36), level((index - 16) / 6), level(index - 16)};
}

/// Relative luminance from 0 to 1 (WCAG 2.1).
double luminance(const Rgb& color) {
  const auto linear = [](double part) {
    return part <= 0.04045 * 255 ? part / 255 / 12.92 : std::pow((part / 255 + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue);
}

}  // namespace

Color ramp(double weight, ColorMode mode) {
  constexpr std::array<Rgb, 6> stops{
      {{32, 38, 54}, {52, 70, 96}, {74, 108, 124}, {116, 148, 120}, {192, 188, 92}, {255, 224, 64}}};
  constexpr std::array<int, 9> indices{235, 237, 239, 241, 66, 108, 143, 185, 221};
  const int index = indices[static_cast<std::size_t>(std::lround(weight * (indices.size() - 1)))];
  if (mode == ColorMode::colors_256) return {palette_color(index), index};

  const double place = weight * (stops.size() - 1);
  const std::size_t below = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const auto mix = [&, t = place - static_cast<double>(below)](double Rgb::*part) {
    return std::lerp(stops[below].*part, stops[below + 1].*part, t);
  };
  return {{mix(&Rgb::red), mix(&Rgb::green), mix(&Rgb::blue)}, index};
}

Color text_on(const Color& background) {
  const double behind = luminance(background.rgb) + 0.05;
  return (luminance(kLight.rgb) + 0.05) / behind > behind / (luminance(kDark.rgb) + 0.05) ? kLight : kDark;
}

std::string styled(std::string_view text, const Style& style, ColorMode mode) {
  if (mode == ColorMode::plain) return std::string(text);
  std::string codes = style.bold ? "1" : "";
  const auto add = [&](int layer, const std::optional<Color>& color) {
    if (!color) return;
    if (!codes.empty()) codes += ';';
    if (mode == ColorMode::colors_256)
      codes += fmt::format("{};5;{}", layer, color->index);
    else
      codes += fmt::format("{};2;{:.0f};{:.0f};{:.0f}", layer, color->rgb.red, color->rgb.green, color->rgb.blue);
  };
  add(38, style.text);
  add(48, style.background);
  return fmt::format("\x1b[{}m{}\x1b[0m", codes, text);
}

}  // namespace gaze::train::palette
