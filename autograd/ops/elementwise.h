#pragma once

#include <gaze/autograd/graph.h>
#include <gaze/autograd/kernels/isa.h>
#include <gaze/autograd/ops.h>

/// What the operations that work element by element share.
namespace gaze::detail {

/// Throws unless both operands have the same floating dtype.
void require_alike(const char* operation, const Tensor& a, const Tensor& b);

Array apply(const char* operation, kernels::Unary, const Array& x);
Array apply(const char* operation, kernels::Binary, const Array& a, const Array& b);  ///< a ~ b

}  // namespace gaze::detail
