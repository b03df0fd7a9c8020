// What the weights of a trained network cost in memory organisations (study.h).
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/memory_rows.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "torpor/v1/memory.grpc.pb.h"

namespace torpor::cli::reproduce {

absl::Status RunNetworkMemory(Study& study, const Trained& trained) {
  v1::EstimateMemoryRequest request;
  // The session may have been trained further since; its model of then stays.
  request.mutable_subject()->set_name(trained.stage.model);
  *request.mutable_schemes() = trained.plan.memory_schemes();
  CLI_ASSIGN_OR_RETURN(
      const v1::EstimateMemoryResponse estimates,
      Call<v1::MemoryService>(study.context, &v1::MemoryService::Stub::EstimateMemory, request));
  Place base;
  base.base_id = trained.plan.prefix();
  base.dataset = trained.dataset;
  base.what = base.line = trained.plan.title();
  base.group = absl::StrCat("trained networks, ", trained.dataset);
  AddNetworkMemory(base, estimates, study.rows);
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
