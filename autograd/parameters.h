#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gaze/autograd/tensor.h>

namespace gaze {

struct Parameter {
  std::string name;  ///< its path: "body.encoder.layers.0.linear1.weight"
  Tensor value;      ///< a leaf
};

/// The named parameters of a model, in the order of their registration. They keep their address, which scopes and
/// optimizers hold. While one thread adds, packs, trains or zeroes them, no other may use them.
/// pack() moves them into one arena of memory and their gradients into another, so that clipping and an optimizer's
/// step are one pass over memory. Every parameter begins at a multiple of 16 elements; the gap is zeros in both.
class Params {
 public:
  explicit Params(DType dtype = DType::float32) : dtype_(dtype) {}
  Params(const Params&) = delete;  ///< scopes and optimizers keep its address: it is neither copied nor moved
  Params& operator=(const Params&) = delete;

  DType dtype() const { return dtype_; }
  /// Registers a leaf that requires gradients. Throws for a name taken, a dtype that differs, or after pack().
  Tensor add(std::string name, Array initial);
  /// Lets a parameter go by a second name (a tied head): one tensor, stored once.
  void tie(std::string alias, std::string_view name);

  std::span<const Parameter> list() const { return list_; }
  const std::map<std::string, std::string>& ties() const { return ties_; }  ///< alias -> name
  bool contains(std::string_view name) const;
  /// By name or alias. Throws for an unknown name, suggesting the nearest.
  const Tensor& operator[](std::string_view name) const;
  std::int64_t count() const;  ///< numbers in all parameters
  void zero_grad();
  std::uint64_t hash() const;  ///< of names, shapes and every bit of the values

  /// Does nothing the second time. Throws when a reshape, a detached handle or a graph still has a parameter's numbers.
  void pack();
  bool packed() const { return values_.defined(); }
  /// Where parameter i lies in the arenas: its first element. Throws before pack().
  std::int64_t offset(std::size_t i) const {
    require(packed() && i < offsets_.size(), "parameters: offset of parameter {} asked for before pack()", i);
    return offsets_[i];
  }
  Array& values() { return values_; }        ///< the arena of values [arena size]; defined once packed
  Array& gradients() { return gradients_; }  ///< the arena of gradients

 private:
  DType dtype_;
  std::vector<Parameter> list_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::map<std::string, std::string> ties_;
  std::vector<std::int64_t> offsets_;
  Array values_, gradients_;
};

}  // namespace gaze
