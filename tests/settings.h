#pragma once

#include <gaze/autograd/base/products.h>
#include <gaze/autograd/base/threads.h>

/// So many threads are used while one lives.
struct Threads {
  explicit Threads(int count) : before(gaze::threads()) { gaze::set_threads(count); }
  ~Threads() { gaze::set_threads(before); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int before;
};

/// Products are gaze's own or OpenBLAS's while one lives.
struct UseProducts {
  explicit UseProducts(gaze::ProductsBy by) : before(gaze::products()) { gaze::set_products(by); }
  ~UseProducts() { gaze::set_products(before); }
  UseProducts(const UseProducts&) = delete;
  UseProducts& operator=(const UseProducts&) = delete;
  gaze::ProductsBy before;
};
