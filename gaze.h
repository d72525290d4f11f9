#pragma once

/// All of the library. <gaze/autograd/xtensor.h>, which needs xtensor, is included by those who want it.

#include <gaze/autograd/array.h>
#include <gaze/autograd/engine.h>
#include <gaze/autograd/error.h>
#include <gaze/autograd/gradcheck.h>
#include <gaze/autograd/graph.h>
#include <gaze/autograd/ops.h>
#include <gaze/autograd/parameters.h>
#include <gaze/autograd/random.h>
#include <gaze/autograd/tensor.h>
