# Part of ./run: a bare Debian is made by debootstrap, and the README's two commands are run in it in their order, as on a
# new machine; or the core alone is built and tested there. Everything is mounted in a namespace of its own and gone when it ends, however it ends.

# What keeps a tree from being made is a failure where CI asks for it, and no more than a word by hand.
no_tree() {
  [[ ${CI:-} != true ]] || die "no bare tree: $*"
  say "skipped: $*"
  exit 0
}

# The mirror that this machine's own apt sources name for its release.
find_mirror() {
  local ID='' VERSION_CODENAME=''
  source /etc/os-release
  [[ $ID == debian ]] || return 0
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v release="$VERSION_CODENAME" '$1 == release && !found { print $2; found = 1 }'
}

# make_tree CODENAME MIRROR FOLDER
make_tree() {
  local options=(--variant=minbase)
  [[ $2 != https:* ]] || options+=(--include=ca-certificates)
  rm -rf "$3"
  mkdir -p "$3"
  debootstrap "${options[@]}" "$1" "$3" "$2" >"$3.log" 2>&1
}

# in_tree TREE HOME COMMAND...: runs the command in HOME/gaze of the tree, with nothing of this machine's environment
# but what reaches a mirror or says which kernels OpenBLAS may use. A folder that CCACHE_DIR names serves there, too.
in_tree() {
  local tree=$1 home=$2 name passed=()
  shift 2
  for name in http_proxy https_proxy no_proxy OPENBLAS_CORETYPE OPENBLAS_L2_SIZE CI GAZE_SUBPROJECT; do
    [[ -z ${!name:-} ]] || passed+=("$name=${!name}")
  done
  [[ ! -d ${CCACHE_DIR:-} ]] || passed+=(CCACHE_DIR=/ccache)
  unshare --mount --pid --fork --kill-child -- bash -euc '
    tree=$1 home=$2 data=$3 cache=$4
    shift 4
    mount -t proc proc "$tree/proc"
    mount --rbind /dev "$tree/dev"
    if [[ -d $data ]]; then mount --rbind --read-only "$data" "$tree$home/shared"; fi
    if [[ -d $cache ]]; then
      mkdir -p "$tree/ccache"
      mount --bind "$cache" "$tree/ccache"
    fi
    exec chroot "$tree" "$@"
  ' in_tree "$tree" "$home" "$root/../shared" "${CCACHE_DIR:-}" env -i --chdir="$home/gaze" HOME=/root TERM="${TERM:-dumb}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${passed[@]}" "$@" </dev/null
}

# Nothing that gaze::train alone needs has come into the tree.
only_core_is_there() {
  local there
  there=$(chroot "$1" dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' zlib1g-dev libsentencepiece-dev \
    libutf8proc-dev libcli11-dev libcpp-httplib-dev libssl-dev 2>/dev/null | sed -n 's/^installed //p') || true  # unknown ones fail it
  [[ ! $there ]] || die "the core installed more than it needs: $there"
}

# What must be there for bare trees, or the word that says why there are none. Sets mirror.
prepare_for_trees() {
  [[ $EUID == 0 ]] || no_tree "a bare tree needs root"
  command -v apt-get >/dev/null || no_tree "a bare tree needs apt-get"
  mirror=$(find_mirror)
  [[ $mirror ]] || no_tree "no mirror of Debian is known here: this system's apt sources name none (apt-get update may help)"
  install_packages debootstrap
  unshare --mount --pid --fork true 2>/dev/null || no_tree "unshare may not make namespaces here"
}

# make_bare_debian 12|13 TREE
make_bare_debian() {
  local codename=bookworm
  [[ $1 != 13 ]] || codename=trixie
  say "Making a bare tree of Debian $1"
  try_again make_tree "$codename" "$mirror" "$2" || {
    tail -n 20 "$2.log" >&2
    no_tree "debootstrap failed"
  }
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$2/etc/hosts"  # every machine and container has it
}

# copy_sources TREE HOME: this clone as it stands to HOME/gaze of the tree, without what was built.
copy_sources() {
  mkdir -p "$1$2/gaze" "$1$2/shared"
  tar --create --directory "$root" --exclude-vcs --exclude=./build --exclude=./runs . |
    tar --extract --no-same-owner --directory "$1$2/gaze"
}

# run_fresh 12|13 [--core]
run_fresh() {
  local mirror folder tree began demo home=/home/newcomer
  [[ ${1:-} == 12 || ${1:-} == 13 ]] && [[ ${2:---core} == --core && $# -le 2 ]] ||
    usage_error "fresh takes 12 or 13, and then --core or nothing"
  [[ $1 != 13 ]] || home="/home/it's (an) odd & folder"  # as people have them
  prepare_for_trees

  folder=$root/build/fresh-$1${2:-} tree=$folder/tree
  make_build_folder "$folder"
  lock "$folder"
  make_bare_debian "$1" "$tree"
  copy_sources "$tree" "$home"

  [[ ${CI:-} != true || $1 != 13 ]] || export GAZE_SUBPROJECT=core  # once is enough
  began=$SECONDS
  if [[ ${2:-} == --core ]]; then
    in_tree "$tree" "$home" ./run core || die "./run core failed on Debian $1; the tree: $tree"
    only_core_is_there "$tree"
    say "Debian $1: ./run core passed in $((SECONDS - began)) s"
    rm -rf "$folder"
    return
  fi
  in_tree "$tree" "$home" ./run demo || die "./run demo failed on Debian $1; the tree: $tree"
  demo=$((SECONDS - began)) began=$SECONDS
  in_tree "$tree" "$home" ./run test || die "./run test failed on Debian $1; the tree: $tree"
  say "Debian $1: ./run demo passed in $demo s, ./run test in $((SECONDS - began)) s"
  if [[ ${CI:-} == true && $1 == 12 ]]; then
    began=$SECONDS
    in_tree "$tree" "$home" bash tests/readme.sh whole || die "a command of the README failed on Debian $1"
    say "Debian $1: the README's commands passed in $((SECONDS - began)) s"
    began=$SECONDS
    in_tree "$tree" "$home" ./run faults 10 || die "./run faults found something on Debian $1; the tree: $tree"
    say "Debian $1: ./run faults passed in $((SECONDS - began)) s"
  fi
  if [[ ${CI:-} == true && $1 == 13 ]]; then  # the Doxygen whose warnings are errors
    in_tree "$tree" "$home" ./run docs || die "./run docs failed on Debian $1; the tree: $tree"
  fi
  rm -rf "$folder"
}
