# Part of ./run, after fresh.sh: gaze is built and tested in every way that it promises to work in, each in a bare tree of
# a Debian; see combination.sh.

# Name, Debian, what it is.
combinations() {
  cat <<'END'
gcc-12 12 gcc GCC 12
clang-14 12 clang clang 14
libc++-14 12 libc++ clang 14 and its C++ library, the core
gcc-14 13 gcc GCC 14
clang-19 13 clang clang 19
arm 12 arm ARM of 64 bits in an emulator, the core
plain 12 plain kernels without vector instructions, the core
openblas 12 openblas products by OpenBLAS, the core
debug 12 debug without optimisation, the core
shared 12 shared shared libraries
subproject 12 subproject part of another project, added or fetched
END
}

# run_matrix [NAME...]
run_matrix() {
  local mirror folder tree name debian how what line status=0 home=/home/newcomer results=()
  for name in "$@"; do
    combinations | grep --quiet "^$name " || usage_error "matrix has $(combinations | cut -d ' ' -f 1 | paste -sd ' '), and no $name"
  done
  prepare_for_trees
  folder=$root/build/matrix
  make_build_folder "$folder"
  lock "$folder"
  while read -r name debian how what; do
    [[ $# == 0 || " $* " == *" $name "* ]] || continue
    tree=$folder/debian-$debian
    [[ -e $tree/home ]] || make_bare_debian "$debian" "$tree"
    rm -rf "$tree$home/gaze"
    copy_sources "$tree" "$home"
    say "$name: $what"
    line=$(in_tree "$tree" "$home" bash tests/matrix/combination.sh "$how" | tail -n 1) || status=1
    results+=("$(printf '%-10s %-50s %s' "$name" "Debian $debian, $what" "${line#*: }")")
  done < <(combinations)
  printf '%s\n' "${results[@]}"
  rm -rf "$folder"
  return $status
}
