# ./run fuzz: read by ./run, which has the functions used here.

# libFuzzer is clang's, in a package that clang only recommends and whose name has clang's version in it.
install_clang() {
  install_packages clang
  local version
  version=$(clang --version | sed -nE '1s/.*version ([0-9]+).*/\1/p')
  [[ ! $version ]] || install_packages "clang-$version" "libclang-rt-$version-dev"
  export CC=clang${version:+-$version} CXX=clang++${version:+-$version}
}

# The words of a harness's seeds, for libFuzzer to put where they are not.
make_dictionary() {
  cat "$1"/* | tr --complement --squeeze-repeats 'A-Za-z_' '\n' | sort --unique | sed -nE 's/^[A-Za-z_]{3,24}$/"&"/p'
}

run_fuzz() {
  local seconds=${1:-60} folder=$root/build/fuzz
  [[ $# -le 1 && $seconds =~ ^[1-9][0-9]*$ ]] || usage_error "fuzz takes a whole number of seconds"
  install_clang
  build fuzz OFF
  local programs=$folder/tests/fuzz seeds=$folder/seeds corpus=$folder/corpus findings=$folder/findings logs=$folder/logs
  "$programs/seeds" "$seeds" >"$folder/seeds.log" 2>&1 || die "the seeds could not be made: $folder/seeds.log"
  rm -rf "$logs"
  mkdir -p "$findings" "$logs"
  local harnesses=() harness
  for harness in "$seeds"/*/; do
    harness=$(basename "$harness")
    harnesses+=("$harness")
    mkdir -p "$corpus/$harness"
    make_dictionary "$seeds/$harness" >"$logs/$harness.words"
    [[ -s $logs/$harness.words ]] || printf '"0"\n' >"$logs/$harness.words"
  done
  say "Fuzzing ${harnesses[*]}, $seconds s each"
  # A harness ends at its first finding. What the sanitizers keep to see uses of freed memory counts as memory, too.
  export UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=quarantine_size_mb=32:detect_leaks=1 OMP_NUM_THREADS=1
  printf '%s\n' "${harnesses[@]}" | xargs -P "$(nproc)" -I NAME bash -c '"$1/NAME" -max_total_time="$2" \
    -timeout=10 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 -artifact_prefix="$3/NAME-" \
    -dict="$5/NAME.words" "$4/corpus/NAME" "$4/seeds/NAME" >"$5/NAME" 2>&1 || true' \
    fuzz "$programs" "$seconds" "$findings" "$folder" "$logs"
  local total=0 executions coverage found=0 input replay=()
  printf '%-16s %12s %9s  %s\n' harness executions coverage findings
  for harness in "${harnesses[@]}"; do
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$harness")
    coverage=$(sed -nE 's/^#.* cov: ([0-9]+) .*/\1/p' "$logs/$harness" | tail -n 1)
    input=$(sed -nE 's/.*Test unit written to (.*)/\1/p' "$logs/$harness" | tail -n 1)
    if [[ $input || ! $executions ]]; then
      found=$((found + 1))
      printf '%-16s %12s %9s  %s\n' "$harness" "${executions:--}" "${coverage:--}" "${input:-it ended: $logs/$harness}"
      [[ ! $input ]] || replay+=("build/fuzz/tests/fuzz/$harness $input")
    else
      printf '%-16s %12s %9s  none\n' "$harness" "$executions" "${coverage:--}"
    fi
    total=$((total + ${executions:-0}))
  done
  printf '%-16s %12s %9s  %s\n' all "$total" '' "$found"
  [[ $found == 0 ]] && return
  printf '\nWhat a finding is stands at the end of its log in %s. To see one again:\n' "$logs"
  printf '  %s\n' "${replay[@]:-}"
  return 1
}
