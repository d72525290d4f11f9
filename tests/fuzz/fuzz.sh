# ./run fuzz: read by ./run, which has the functions used here.

# libFuzzer is clang's, in a package that clang only recommends and whose name has clang's version in it.
install_clang() {
  install_packages clang
  local version
  version=$(clang --version | sed -nE '1s/.*version ([0-9]+).*/\1/p')
  [[ ! $version ]] || install_packages "clang-$version" "libclang-rt-$version-dev"
  export CC=clang${version:+-$version} CXX=clang++${version:+-$version}
}

# make_seeds GAZE FOLDER: what the program itself writes and its command line takes, a folder per harness.
make_seeds() {
  local gaze=$1 seeds=$2 made=$2.made tiny=(--set d_model=8 --set d_ff=8 --set heads=2 --set batch=4 --set probes=2)
  rm -rf "$seeds" "$made"
  mkdir -p "$seeds"/{safetensors,npy,json,config,options,alignments,text,columns,attention_index,notes,einsum} "$made"
  printf '%s\n' 'der hund läuft' 'ein haus' 'das haus ist alt' >"$made/source"
  printf '%s\n' 'the dog runs' 'a house' 'the house is old' >"$made/target"
  paste "$made/source" "$made/target" >"$seeds/columns/pairs"
  cp "$made/source" "$made/target" "$seeds/text"
  printf '\xcc\x81a\u0301 \u200b\u05d0 \U1F600\u00a0\n' >"$seeds/text/marks"
  "$gaze" train sort --run "$made/sort" --steps 2 "${tiny[@]}"
  "$gaze" train pairs --src "$made/source" --tgt "$made/target" --run "$made/pairs" --steps 2 "${tiny[@]}"
  "$gaze" train chars --text "$made/target" --run "$made/chars" --steps 2 --set length=8 --set d_model=8 --set d_ff=8 \
    --set heads=2 --set batch=4
  local run file
  for run in sort pairs chars; do
    cp "$made/$run/checkpoint.safetensors" "$seeds/safetensors/$run"
    cp "$made/$run/config.json" "$seeds/config/$run"
    for file in "$made/$run"/attention/*.npy; do [[ ! -e $file ]] || cp "$file" "$seeds/npy/$run-$(basename "$file")"; done
    [[ ! -e $made/$run/attention/index.json ]] || cp "$made/$run/attention/index.json" "$seeds/attention_index/$run"
  done
  for file in "$root"/train/presets/*.json; do cp "$file" "$seeds/config"; done
  cp "$seeds/config/"* "$seeds/attention_index/"* "$made/sort/metrics.jsonl" "$seeds/json"
  "$gaze" train --help-options | sed -nE 's/^  ([a-z_]+=[^ ]*( ?[^ ]+)*)  +.*/\1/p' >"$seeds/options/all"
  printf 'betas=[0.9, 0.99]\nlr=1e-3\ntask=reverse\n' >"$seeds/options/some"
  printf '0-0 1p1 2-1' >"$seeds/alignments/links"
  printf 'ij,jk->ik\n\2\2\0\2\2\0' >"$seeds/einsum/product"
  printf 'bhtk,bhsk->bhts\n\1\2\3\2\0\1\2\3\2\0' >"$seeds/einsum/scores"
  printf 'ii\n\3\3\0' >"$seeds/einsum/trace"
  printf '\0{"task":"pairs","units":"words"}' >"$seeds/notes/config"
  printf '\1["<pad>","<bos>","<eos>","<unk>","a"]' >"$seeds/notes/vocabulary"
  printf '\2%s' 17 >"$seeds/notes/longest"
  printf '\4{"step":3,"loss":1.5}' >"$seeds/notes/validation"
}

run_fuzz() {
  local seconds=${1:-60} folder=$root/build/fuzz
  [[ $# -le 1 && $seconds =~ ^[1-9][0-9]*$ ]] || usage_error "fuzz takes a whole number of seconds"
  install_clang
  build fuzz OFF
  local programs=$folder/tests/fuzz seeds=$folder/seeds corpus=$folder/corpus findings=$folder/findings logs=$folder/logs
  make_seeds "$folder/gaze" "$seeds" >"$folder/seeds.log" 2>&1 || die "the seeds could not be made: $folder/seeds.log"
  rm -rf "$findings" "$logs"
  mkdir -p "$findings" "$logs"
  local harnesses=() harness
  for harness in "$seeds"/*/; do harnesses+=("$(basename "$harness")"); done
  for harness in "${harnesses[@]}"; do mkdir -p "$corpus/$harness"; done
  say "Fuzzing ${harnesses[*]}, $seconds s each"
  # A harness ends at its first finding.
  export UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1
  printf '%s\n' "${harnesses[@]}" | xargs -P "$(nproc)" -I NAME bash -c "exec \"\$1\"/NAME -max_total_time=$seconds \
    -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=65536 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix=\"\$2\"/NAME- \"\$3\"/NAME \"\$4\"/NAME >\"\$5\"/NAME 2>&1 || true" fuzz \
    "$programs" "$findings" "$corpus" "$seeds" "$logs"
  local total=0 executions found=0 state
  for harness in "${harnesses[@]}"; do
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$harness")
    state=
    if compgen -G "$findings/$harness-*" >/dev/null || [[ ! $executions ]]; then
      state="  finding: $logs/$harness"
      found=$((found + 1))
    fi
    printf '%-16s %12s executions%s\n' "$harness" "${executions:-no}" "$state"
    total=$((total + ${executions:-0}))
  done
  printf '%-16s %12s executions, %s findings\n' all "$total" "$found"
  [[ $found == 0 ]]
}
