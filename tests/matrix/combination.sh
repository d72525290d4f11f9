#!/usr/bin/env bash
# combination.sh NAME [CTEST ARGS]: builds gaze in one of the ways of ./run matrix and runs its tests, on the Debian that
# it is called on, a bare tree: what is missing is installed, foreign packages included. Its last line says what came of it.
set -euo pipefail

source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../run"
source "$root/tests/fuzz/fuzz.sh"  # for install_clang

name=$1
shift
preset=release packages=() options=() targets=()
case $name in
  gcc) ;;
  clang | clang-core)
    install_clang
    [[ $name == clang ]] || preset=core
    ;;
  libc++)
    install_clang
    preset=core packages=("libc++-${CXX##*-}-dev" "libc++abi-${CXX##*-}-dev") options=(-DCMAKE_CXX_FLAGS=-stdlib=libc++)
    ;;
  arm)
    preset=core packages=(g++-aarch64-linux-gnu qemu-user libopenblas-dev:arm64 libfmt-dev:arm64)
    options=(-DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64-linux-gnu.cmake")
    ;;
  plain) preset=core options=(-DGAZE_PLAIN=ON) ;;
  openblas) preset=core options=(-DGAZE_PRODUCTS=openblas) ;;
  debug) preset=core options=(-DCMAKE_BUILD_TYPE=Debug) ;;
  shared) options=(-DBUILD_SHARED_LIBS=ON) ;;
  subproject)
    export GAZE_SUBPROJECT=whole
    set -- --tests-regex "gaze as a part of another project"
    targets=(gaze_core)  # the project builds the rest by itself
    ;;
  *) usage_error "matrix has no combination $name" ;;
esac

install_build_packages "$root/build/$preset" ON
if [[ $name == arm && $(dpkg --print-foreign-architectures) != *arm64* ]]; then
  dpkg --add-architecture arm64
fi
[[ ! ${packages[*]:-} ]] || install_packages "${packages[@]}"
check_ccache

folder=$root/build/matrix-$name log=$root/build/matrix-$name.log
began=$SECONDS
failed() {
  tail -n 60 "$log" >&2
  printf '%s: %s; %s s\n' "$name" "$1" $((SECONDS - began))
  exit 1
}
mkdir -p "$root/build"
"$cmake" --fresh -G Ninja -S "$root" --preset "$preset" -B "$folder" -DGAZE_TESTS=ON "${options[@]}" >"$log" 2>&1 ||
  failed "not configured"
"$cmake" --build "$folder" --parallel "$(nproc)" ${targets[@]:+--target "${targets[@]}"} >>"$log" 2>&1 ||
  failed "not built"
built=$((SECONDS - began)) began=$SECONDS
"${cmake%cmake}ctest" --test-dir "$folder" --output-on-failure --parallel "$(nproc)" "$@" >"$log" 2>&1 || failed "tests failed"
summary=$(sed -nE 's/^.*tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 of \2 tests failed/p; s/^100% tests passed out of ([0-9]+)$/0 of \1 tests failed/p' "$log")
skipped=$(grep --count '(Skipped)$' "$log") || true
[[ $summary == "0 of "[1-9]* ]] || failed "no test ran"
printf '%s: built in %s s; %s, %s skipped, in %s s\n' "$name" "$built" "$summary" "$skipped" $((SECONDS - began))
