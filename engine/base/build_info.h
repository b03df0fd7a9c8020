// What is running: for provenance and `torpor doctor`.
#pragma once

#include <cstdint>
#include <string>

#include "torpor/v1/common.pb.h"

namespace torpor {

std::string Version();
std::string GitCommit();
// As the operating system names it, e.g. "AMD EPYC".
std::string CpuName();
// engine_version, git_commit, cpu, gemm filled in.
v1::Provenance BaseProvenance();

}  // namespace torpor
