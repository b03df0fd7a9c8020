#include "client/cli/exit_code.h"

namespace torpor::cli {

int ExitCodeOf(const absl::Status& rpc_status) {
  return rpc_status.ok() ? kDone : 64 + static_cast<int>(rpc_status.code());
}

}  // namespace torpor::cli
