# Part of ./run, after fresh.sh: packages are made by CPack, those for others in a bare tree of the Debian that they are
# for, and tried in trees that have nothing else.

packages=$root/build/packages

# make_package deb|portable: in build/packages, of this system.
make_package() {
  local made=$root/build/$1 log=$root/build/$1/cpack.log
  build "$1" OFF
  lock "$made"
  "${cmake%cmake}cpack" --config "$made/CPackConfig.cmake" -B "$made/cpack" >"$log" 2>&1 || {
    cat "$log" >&2
    die "CPack failed; see $log"
  }
  mkdir -p "$packages"
  find "$made/cpack" -maxdepth 1 -type f -exec mv --target-directory "$packages" {} + -printf "$packages/%f\n"
  rm -rf "$made/cpack"
  unlock
}

# try_package 12|13 deb|portable FILE: in a bare tree of that Debian.
try_package() {
  local tree=$folder/try home=/home/newcomer log=$packages/$2-on-$1.log
  [[ -e $folder/debian-$1/etc ]] || make_bare_debian "$1" "$folder/debian-$1"
  rm -rf "$tree"
  cp --archive "$folder/debian-$1" "$tree"
  mkdir -p "$tree$home/gaze" "$tree$home/shared"
  cp --recursive "$3" "$root/tests/packages/try.sh" "$root/tests/consumer" "$tree$home/gaze"
  say "Trying $(basename "$3") on a bare Debian $1"
  in_tree "$tree" "$home" bash try.sh "$2" "$(basename "$3")" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "$(basename "$3") failed on Debian $1; what it printed: build/packages/$2-on-$1.log, the tree: $tree"
  }
  sed -n 's/^tried: /  /p' "$log" >&2
  rm -rf "$tree"
}

# run_package [deb|portable|12|13]
run_package() {
  local mirror folder maker release=${1:-deb} kind kinds=(deb portable) file home=/home/newcomer
  [[ $# -le 1 ]] || usage_error "package takes one of deb, portable, 12, 13, or nothing"
  case $release in
    deb | portable)
      make_package "$release"
      return
      ;;
    12) ;;
    13) kinds=(deb) ;;  # what Debian 12 made runs on both
    *) usage_error "package takes deb, portable, 12, 13, or nothing" ;;
  esac
  prepare_for_trees
  folder=$root/build/package-$release maker=$folder/maker
  make_build_folder "$folder"
  lock "$folder"
  make_bare_debian "$release" "$folder/debian-$release"
  rm -rf "$maker"
  cp --archive "$folder/debian-$release" "$maker"
  copy_sources "$maker" "$home"
  mkdir -p "$packages"
  for kind in "${kinds[@]}"; do
    # ccache takes no result of one language for another.
    file=$(in_tree "$maker" "$home" env LANG=C.UTF-8 ./run package "$kind") || die "no $kind was made on Debian $release; the tree: $maker"
    cp "$maker$file" "$packages"
    file=$packages/$(basename "$file")
    printf '%s  %s MB\n' "${file#"$root/"}" "$(awk -v bytes="$(stat --format=%s "$file")" 'BEGIN { printf "%.1f", bytes / 1e6 }')"
    try_package "$release" "$kind" "$file"
    [[ $kind == deb ]] || try_package 13 "$kind" "$file"
  done
  rm -rf "$folder"
}
