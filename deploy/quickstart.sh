#!/usr/bin/env bash
# quickstart.sh [FLAGS OF torpor demo]: installs what is missing, builds Torpor, and runs `torpor demo`: a network trained
# on real images keeps classifying while its synaptic power falls to a tenth. Can be run again; only the demo is repeated.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "[1/3] packages"
deploy/install-packages.sh build demo
echo "[2/3] build (about ten minutes on two cores the first time)"
cmake --preset release -DTORPOR_BUILD_TESTS=OFF >build-configure.log 2>&1 || { cat build-configure.log >&2; exit 1; }
rm -f build-configure.log
cmake --build --preset release -j "$(nproc)" --target torpord torpor-worker torpor
echo "[3/3] torpor demo $*"
exec build/release/bin/torpor demo "$@"
