#if defined(__FAST_MATH__) || __FINITE_MATH_ONLY__ || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__)
#error "gaze's sums may be put in another order"
#endif
#ifndef __OPTIMIZE__
#error "gaze is not optimised"
#endif

int shadowed(int x) {
  int unused;  // warned about by what the parent asks for
  return x;
}
