#!/usr/bin/env bash
# install-packages.sh GROUP...: installs the Debian 12 packages of the groups named, if any of them is missing.
#   build   compiler, CMake and the libraries that Torpor links
#   demo    what `torpor demo` needs: gnuplot for plots, Fashion-MNIST as data
#   test    GoogleTest, Python for the quickstart test, Fashion-MNIST
#   bench   PyTorch as the peer of the benchmarks (large)
# Needs root or sudo only when something is missing.
set -euo pipefail

declare -A groups=(
  [build]="g++ cmake ninja-build ccache git pkg-config ca-certificates protobuf-compiler protobuf-compiler-grpc
    libprotobuf-dev libprotoc-dev libgrpc++-dev libabsl-dev libc-ares-dev libre2-dev libeigen3-dev libopenblas-serial-dev
    librandom123-dev libssl-dev zlib1g-dev libzip-dev libsqlite3-dev libspdlog-dev libcli11-dev libyaml-cpp-dev nlohmann-json3-dev"
  [demo]="gnuplot-nox dataset-fashion-mnist"
  [test]="libgtest-dev libgmock-dev python3 python3-grpcio python3-protobuf python3-numpy gnuplot-nox dataset-fashion-mnist procps"
  [bench]="libbenchmark-dev python3-torch python3-numpy"
)

[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2; }
wanted=()
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || { echo "install-packages.sh: unknown group '$group' (${!groups[*]})" >&2; exit 2; }
  read -r -d '' -a packages <<<"${groups[$group]}" || true
  wanted+=("${packages[@]}")
done

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
  echo "install-packages.sh: no apt-get here; install the equivalents of: ${missing[*]}" >&2
  exit 1
}
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages.sh: as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
