#!/usr/bin/env bash
# Runs every command of the README in the README's order.
#
#   readme.sh quick PROGRAM   in a scratch folder, with few steps and little data of its own
#   readme.sh whole           as they stand, in this clone, on the texts in ../shared/data; what takes more than two
#                             minutes takes fewer steps here, too
set -euo pipefail

mode=$1
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
failed=0

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The lines that are indented by four spaces and begin a command, with the lines that continue them; without those that
# show what can be written, with [ ], | or ... in them.
commands() {
  awk '/^    [^ ]/ {
    line = substr($0, 5)
    while (line ~ /\\$/) { sub(/ *\\$/, "", line); getline more; sub(/^ +/, " ", more); line = line more }
    print line
  }' "$root/README.md" | grep -E '^(\./run|cmake|build/release/gaze) ' | grep -vE '\[|\||[.][.][.]' | sed 's/ *# .*//'
}

# What the README says can be written: each command and each option is one that the program has.
check_names() {
  local line command option options known
  known=$("$program" --help)
  while read -r line; do
    command=${line%% *}
    [[ $command != --* ]] || continue
    grep --quiet --extended-regexp "^  $command\b" <<<"$known" || die "README: there is no command $command"
    case $command in
      lesson) continue ;;  # every lesson has options of its own
      score) options=$("$program" score align --help; "$program" score bleu --help) ;;
      *) options=$("$program" "$command" --help) ;;
    esac
    for option in $(grep --only-matching --extended-regexp -- '--[a-z][a-z-]*' <<<"$line"); do
      grep --quiet -- "$option" <<<"$options" || die "README: gaze $command has no option $option"
    done
  done < <(grep --only-matching --extended-regexp './run gaze [a-z-][^`#]*' "$root/README.md" |
    sed -E 's/ {2,}\.\/run gaze /\n/g; s/^\.\/run gaze //' | sort --unique)
}

quick_gaze() {
  local command=$1
  shift
  case $command in
    train)
      local arguments=() more=(--steps 6)
      while (($#)); do  # the steps that the README asks for give way
        if [[ $1 == --steps ]]; then shift; else arguments+=("$1"); fi
        shift
      done
      case "${arguments[*]}" in
        *multi30k*) more+=(--set vocab=300) ;;
        *--watch*) more+=(--port 0) ;;
      esac
      serving "${arguments[*]}" "$program" train "${arguments[@]}" "${more[@]}"
      ;;
    lesson) "$program" lesson "$@" $([[ $# == 0 ]] || echo --quick) ;;
    watch) serving watch "$program" watch "$@" --port 0 ;;
    bench) "$program" bench "$@" --steps 2 ;;
    *) "$program" "$command" "$@" ;;
  esac
}

# serving WORDS COMMAND...: runs the command; what serves a page does so until it is told to stop.
serving() {
  local words=$1 status=0
  shift
  if [[ $words != *watch* ]]; then
    "$@"
    return
  fi
  timeout --signal=INT 2 "$@" || status=$?
  [[ $status == 0 || $status == 124 || $status == 130 ]]
}

# Called as run in place of ./run.
quick_run() {
  case $1 in
    gaze) quick_gaze "${@:2}" ;;
    demo) "$program" train grammar --demo --steps 20 ;;
    lessons) "$program" lesson all --quick ;;
    # What builds and tests is not run again from within a test: it is one that ./run has.
    build | test | bench | asan | fresh | matrix | package | format | clean) "$root/run" help | grep --quiet "^  $1\b" ;;
    *) return 1 ;;
  esac
}

whole_run() {
  case "$*" in
    demo | test* | asan* | fresh* | matrix* | package* | clean) ;;  # run by others, minutes long, or the end of all
    "gaze train pairs"* | "gaze train multi30k"*) ./run "$@" --steps 100 --set validate_every=50 ;;
    *) serving "$*" ./run "$@" ;;
  esac
}

run() { "${mode}_run" "$@"; }

case $mode in
  quick)
    program=$(readlink -f "$2")
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    DATA=$folder/data
    "$program" tasks grammar --count 300 --write "$DATA" >/dev/null
    for part in train val test_2016_flickr; do
      for language in de fr; do cp "$DATA/source.txt" "$DATA/$part.$language"; done
      cp "$DATA/target.txt" "$DATA/$part.en"
    done
    cp "$root/README.md" "$DATA/input.txt"
    check_names
    ;;
  whole)
    cd "$root"
    [[ -d ../shared/data ]] || die "the texts are missing: ../shared/data"
    mkdir -p runs/data
    cp ../shared/data/*/* runs/data/
    DATA=runs/data
    ;;
esac

count=0
while IFS= read -r line; do
  began=$SECONDS
  command=${line//.\/run /run }
  command=${command//DATA\//$DATA/}
  command=${command/ TASK / reverse }
  count=$((count + 1))
  if output=$(eval "$command" </dev/null 2>&1); then
    printf '%4s s  %s\n' $((SECONDS - began)) "$line"
  else
    printf 'FAILED  %s\n%s\n' "$line" "$output"
    failed=1
  fi
done < <(commands)
((count >= 20)) || die "only $count commands were found in README.md"
exit $failed
