#include "engine/base/build_info.h"

#include <fstream>

#include "engine/base/gemm.h"

namespace torpor {

std::string Version() { return TORPOR_VERSION; }

std::string GitCommit() { return TORPOR_GIT_COMMIT; }

std::string CpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  return "unknown";
}

v1::Provenance BaseProvenance() {
  v1::Provenance provenance;
  provenance.set_engine_version(Version());
  provenance.set_git_commit(GitCommit());
  provenance.set_cpu(CpuName());
  provenance.set_gemm(GemmName());
  return provenance;
}

}  // namespace torpor
