#include <gaze/autograd/kernels/conversion.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

namespace gaze::kernels {
namespace {

float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16, exponent = half >> 10 & 31,
                      fraction = half & 1023;
  if (exponent == 0) {  // a subnormal is a multiple of 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

float from_bfloat(std::uint16_t half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

/// out[i] = meaning(number i), as long as T can hold it.
template <class Raw, class T, class Meaning>
std::int64_t convert_each(const char* from, std::int64_t count, T* out, const Meaning& meaning) {
  for (std::int64_t i = 0; i < count; ++i, from += sizeof(Raw)) {
    Raw raw;
    std::memcpy(&raw, from, sizeof raw);
    const auto number = meaning(raw);
    if constexpr (std::is_integral_v<T>)
      if (!std::in_range<T>(number)) return i;
    out[i] = static_cast<T>(number);
  }
  return count;
}

}  // namespace

template <class T>
std::int64_t convert(Stored stored, const char* from, std::int64_t count, T* out) {
  if constexpr (std::is_floating_point_v<T>) {
    return convert_each<std::uint16_t>(from, count, out, stored == Stored::float16 ? from_half : from_bfloat);
  } else {
    const auto same = [](auto number) { return number; };
    return stored == Stored::int64 ? convert_each<std::int64_t>(from, count, out, same)
                                   : convert_each<std::uint8_t>(from, count, out, same);
  }
}

template std::int64_t convert(Stored, const char*, std::int64_t, float*);
template std::int64_t convert(Stored, const char*, std::int64_t, std::int32_t*);

template <class T>
void swap_bytes(T* numbers, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, numbers + i, sizeof bytes);
    std::reverse(bytes, bytes + sizeof bytes);
    std::memcpy(numbers + i, bytes, sizeof bytes);
  }
}

template void swap_bytes(float*, std::int64_t);
template void swap_bytes(double*, std::int64_t);
template void swap_bytes(std::int32_t*, std::int64_t);

}  // namespace gaze::kernels
