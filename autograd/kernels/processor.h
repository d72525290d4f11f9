#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Instructions beyond arithmetic that every kind of processor calls by another name. Where there is nothing of the
/// kind, C++ does what they do or nothing is done. Nothing here may be merged by the linker with its like from a level
/// (see level.h): all is inlined.
namespace gaze::kernels {

/// In a loop that waits for another thread: the processor may go easy meanwhile.
[[gnu::always_inline]] inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// How this thread's floating-point numbers are rounded, flushed and trapped: the processor's control word.
[[gnu::always_inline]] inline std::uint64_t floating_point_control() {
#if defined(__x86_64__)
  return _mm_getcsr();
#elif defined(__aarch64__)
  std::uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
#else
  return 0;
#endif
}

[[gnu::always_inline]] inline void set_floating_point_control([[maybe_unused]] std::uint64_t control) {
#if defined(__x86_64__)
  _mm_setcsr(static_cast<unsigned>(control));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" : : "r"(control));
#endif
}

/// What the control word has set while denormals are zeros, as operands and as results.
#if defined(__x86_64__)
constexpr std::uint64_t denormals_flushed = 0x8000 | 0x0040;  // FTZ and DAZ of MXCSR
#elif defined(__aarch64__)
constexpr std::uint64_t denormals_flushed = 1 << 24;  // FZ of FPCR, which is both
#else
constexpr std::uint64_t denormals_flushed = 0;
#endif

/// As many words of 64 bits as a vector of the instructions that this file is compiled for holds.
#if defined(__AVX512F__)
constexpr int wide_bytes = 64;
#elif defined(__AVX2__)
constexpr int wide_bytes = 32;
#else
constexpr int wide_bytes = 16;
#endif
typedef std::uint64_t Wide __attribute__((vector_size(wide_bytes)));

/// The products of the words' lower halves, whatever lies above them.
[[gnu::always_inline]] inline Wide multiply_lower_halves(Wide a, Wide b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Wide>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Wide>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__x86_64__)
  return reinterpret_cast<Wide>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#elif defined(__aarch64__)
  return reinterpret_cast<Wide>(
      vmull_u32(vmovn_u64(reinterpret_cast<uint64x2_t>(a)), vmovn_u64(reinterpret_cast<uint64x2_t>(b))));
#else
  constexpr std::uint64_t low = 0xffffffff;
  return (a & low) * (b & low);
#endif
}

}  // namespace gaze::kernels
