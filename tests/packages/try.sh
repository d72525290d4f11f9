#!/usr/bin/env bash
# Tries a package as whoever gets it would, on a bare Debian: try.sh deb|portable FILE. Says "tried: ..." of each thing.
set -euo pipefail

kind=$1 file=$2

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

tried() { printf 'tried: %s\n' "$*"; }

# answers WHAT PATTERN COMMAND...: the command ends well and prints what matches.
answers() {
  local what=$1 pattern=$2 output
  shift 2
  output=$("$@" 2>&1) || die "$what failed: $output"
  grep --quiet --extended-regexp -- "$pattern" <<<"$output" || die "$what printed: $output"
  printf '%s\n' "$output"
  tried "$what"
}

install() { apt-get install -qq -y --no-install-recommends "$@" >/dev/null; }

export DEBIAN_FRONTEND=noninteractive
if [[ $kind == deb ]]; then
  apt-get update -qq
  install "./$file"
  gaze=gaze
  tried "installation: $(dpkg-query --show --showformat='${Package} ${Version}, ${Installed-Size} KB' gaze)"
else
  mkdir elsewhere
  tar --extract --gzip --directory elsewhere --file "$file"
  folder=$(echo "$PWD"/elsewhere/*)
  gaze=$folder/bin/gaze
  # Everything lies beside it but what belongs to glibc.
  others=$(ldd "$gaze" | grep -vE "=> $(realpath "$folder")/(bin/\.\./)?lib/|linux-vdso|/ld-linux|lib(c|m|mvec|dl|rt|pthread|resolv)\.so") || true
  [[ ! $others ]] || die "not found beside the program: $others"
  [[ -s $folder/LICENSE && -s $folder/README.md && -s $folder/licences/VERSIONS ]] || die "a licence or the README is missing"
  for library in "$folder"/lib/*; do
    [[ $(ldd "$gaze") == *"${library##*/}"* ]] || die "${library##*/} is there and not used"
  done
  tried "unpacked: $(du --summarize --block-size=1MB "$folder" | cut -f 1) MB, $(ls "$folder/lib" | wc --lines) libraries"
fi

answers "gaze --version" '[0-9]+\.[0-9]+\.[0-9]+' "$gaze" --version
answers "a training" 'step +30' "$gaze" train reverse --steps 30 --run runs/reverse
answers "the demo" 'AER' "$gaze" train grammar --demo --steps 20
answers "a lesson" '[0-9]' "$gaze" lesson soft-lookup
answers "a report" 'report.html' "$gaze" report runs/reverse
grep --quiet '</html>' runs/reverse/report.html || die "the report is not a page"

# Subwords, which sentencepiece learns and applies.
"$gaze" tasks grammar --count 300 --write data >/dev/null
answers "a training on subwords" 'step +6' "$gaze" train multi30k --src data/source.txt --tgt data/target.txt \
  --run runs/subwords --steps 6 --set vocab=300
head -n 2 data/source.txt >two.txt
[[ $("$gaze" translate runs/subwords <two.txt | wc --lines) == 2 ]] || die "translate did not answer two lines with two"
tried "translate"

# The page of a run is served.
"$gaze" watch runs/reverse --port 8765 >watch.log 2>&1 &
server=$!
for _ in {1..50}; do
  grep --quiet 'Ctrl-C' watch.log && break
  sleep 0.2
done
exec {connection}<>/dev/tcp/127.0.0.1/8765 || die "nobody listens: $(cat watch.log)"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$connection"
answers "a page from gaze watch" '^HTTP/1.1 200' timeout 10 cat <&"$connection" | grep tried:
exec {connection}>&-
kill "$server"
wait "$server" || [[ $? == 143 ]] || die "gaze watch did not end well: $(cat watch.log)"

if [[ $kind == deb ]]; then
  install g++ cmake make pkgconf
  for half in core:main train:train; do
    source=consumer/${half#*:}.cpp half=${half%:*}
    cmake -S consumer -B "build-$half" -DCONSUMER_SOURCE="$PWD/$source" -DCONSUMER_NEEDS="$half" >/dev/null
    cmake --build "build-$half" >/dev/null
    answers "a program built with find_package(gaze COMPONENTS $half)" '[^ ]' "build-$half/consumer"
    g++ -std=c++20 "$source" $(pkg-config --cflags --libs "gaze-$half") -o "with-pkg-config-$half"
    answers "a program built with pkg-config gaze-$half" '[^ ]' "./with-pkg-config-$half"
  done
  install lintian
  lintian --fail-on error "$file"
  tried "lintian, which found no errors"
  apt-get remove -qq -y gaze >/dev/null
  [[ ! -e /usr/bin/gaze && ! -e /usr/include/gaze ]] || die "removing the package left files"
fi
