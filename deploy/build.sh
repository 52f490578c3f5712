# Sourced by deploy/kmyriad and tests/run: sets up and builds what is missing.
# shellcheck shell=bash
kmyriad_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Runs deploy/setup unless a quick look says that nothing is missing.
kmyriad_setup() {
  "$kmyriad_root/deploy/setup" --check || "$kmyriad_root/deploy/setup"
}

# Compiler processes that fit into the machine: a unit that includes LibTorch
# takes about 1.6 GB.
kmyriad_build_jobs() {
  local cores memory_kib jobs
  cores=$(nproc)
  memory_kib=$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)
  jobs=$((memory_kib / 1600000))
  ((jobs > cores)) && jobs=$cores
  ((jobs < 1)) && jobs=1
  echo "${KMYRIAD_BUILD_JOBS:-$jobs}"
}

# Names of the files that decide what the build contains; CMake sees changes
# inside them, but not new ones. Of an nvcc, the pins it was made from.
kmyriad_build_inputs() {
  (cd "$kmyriad_root" && find CMakeLists.txt CMakePresets.json proto actor \
    learner entropy_service common deploy tests \
    \( -name CMakeLists.txt -o -name '*_test.cc' -o -name '*.cmake' \) |
    sort
  printf '%s\n' "${Torch_DIR:-}" "${mujoco_ROOT:-}" "${CUDACXX:-}"
  cat .deps/nvcc/.wheels 2>/dev/null || true)
}

kmyriad_configure() {
  local preset=$1 folder=$kmyriad_root/build/$1 inputs
  inputs=$(kmyriad_build_inputs)
  if [[ -f $folder/build.ninja && -f $folder/.inputs &&
        $(<"$folder/.inputs") == "$inputs" ]]; then
    return 0
  fi
  (cd "$kmyriad_root" && cmake --preset "$preset" \
    ${Torch_DIR:+"-DTorch_DIR=$Torch_DIR"} \
    ${mujoco_ROOT:+"-Dmujoco_ROOT=$mujoco_ROOT"}) &&
    printf '%s\n' "$inputs" >"$folder/.inputs"
}

# Turns ninja's lines into one line of progress on stderr.
kmyriad_build_progress() {
  local line shown=0 said=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line"
    # [0/N] is ninja looking, not building.
    [[ $line =~ ^\[([1-9][0-9]*/[0-9]+)\] ]] || continue
    if [[ -t 2 ]]; then
      printf '\r\033[Kkmyriad: building %s' "${BASH_REMATCH[1]}" >&2
      shown=1
    elif ((shown == 0 || SECONDS - said >= 60)); then
      printf 'kmyriad: building %s\n' "${BASH_REMATCH[1]}" >&2
      shown=1 said=$SECONDS
    fi
  done
  if [[ $shown == 1 && -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# kmyriad_build PRESET TARGET...: configures and builds; quiet when there is
# nothing to do. On failure shows the end of the log, returns 1.
kmyriad_build() {
  local preset=$1 folder=$kmyriad_root/build/$1 log started=$SECONDS lock
  shift
  log=$folder/build.log
  mkdir -p "$folder"
  # One build at a time; the second waits and then finds nothing to do.
  exec {lock}>"$folder/.build_lock"
  if ! flock --nonblock "$lock"; then
    echo "kmyriad: waiting for another build in build/$preset" >&2
    flock "$lock"
  fi
  export CCACHE_BASEDIR=$kmyriad_root CCACHE_NOHASHDIR=1
  if ! kmyriad_configure "$preset" >"$folder/configure.log" 2>&1; then
    tail -n 20 "$folder/configure.log" >&2
    echo "kmyriad: error: configuring failed: $folder/configure.log" >&2
    return 1
  fi
  if ! NINJA_STATUS='[%f/%t] ' ninja -C "$folder" -j "$(kmyriad_build_jobs)" \
      "$@" 2>&1 | kmyriad_build_progress >"$log"; then
    sed -n '/^FAILED:/,$p' "$log" | grep -v '^\[' | head -n 40 >&2
    echo "kmyriad: error: the build failed; whole log: $log" >&2
    return 1
  fi
  exec {lock}>&-
  if ! grep -q '^ninja: no work to do' "$log"; then
    echo "kmyriad: built build/$preset in $((SECONDS - started)) s" >&2
  fi
}
