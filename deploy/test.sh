#!/usr/bin/env bash
# test.sh [ARGUMENTS OF ctest]: installs what is missing, builds Torpor, and runs all tests but those labelled paper, bench
# or sanitizer. Can be run again.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "[1/3] packages"
deploy/install-packages.sh build test
echo "[2/3] build"
cmake --preset release -DTORPOR_BUILD_TESTS=ON >build-configure.log 2>&1 || { cat build-configure.log >&2; exit 1; }
rm -f build-configure.log
cmake --build --preset release -j "$(nproc)"
echo "[3/3] tests"
exec ctest --preset release "$@"
