// Runs ordinary jobs under names that follow from what they do, so that a repeated or interrupted
// reproduction takes up what was done before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "torpor/v1/dataset.pb.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/network.pb.h"

namespace torpor::cli::reproduce {

// A network in a state that jobs can start from: fresh, trained, or tuned.
struct Stage {
  // Beginning of the names of its jobs, e.g. "repro-merkel-mlp-mnist-s1".
  std::string stem;
  // Stands for everything that led here: definition, specifications, data.
  uint64_t digest = 0;
  v1::Network network;
  // `models/{id}`; empty before training.
  std::string model;
};

// A stable 64-bit digest (FNV-1a) of `upstream` and the bytes.
uint64_t Digest(uint64_t upstream, const std::string& bytes);
// The message in canonical serialisation.
std::string Canonical(const google::protobuf::Message& message);

// Not thread-safe. One job at a time: the server's slots are for everybody.
class JobRunner {
 public:
  // `recipe` is kept as a label. `again`: jobs that are done are done anew.
  JobRunner(Context& context, std::string recipe, bool again)
      : context_(context), recipe_(std::move(recipe)), again_(again) {}

  // The dataset, whose content is checked once; NOT_FOUND says which there are.
  absl::StatusOr<v1::Dataset> UseDataset(const std::string& id);

  // The stage before training: no call is made.
  Stage Fresh(const std::string& network_id, const v1::Network& network, const v1::Dataset& dataset,
              uint64_t seed) const;

  // The job of `spec` (without session) on the stage: taken up if one of the same digest succeeded,
  // followed if it runs, else created. An error if it does not succeed.
  absl::StatusOr<v1::Job> Run(const Stage& stage, v1::JobSpec spec);
  // The ensemble of the members' models, joined unless an earlier run has done so.
  absl::StatusOr<Stage> Join(const std::string& ensemble_id, const std::string& dataset,
                             uint64_t seed, const std::vector<Stage>& members);
  // The session at this stage: an earlier one, or created.
  absl::StatusOr<std::string> SessionOf(const Stage& stage);
  // The stage that the job's model is.
  static Stage After(const Stage& stage, const v1::JobSpec& spec, const v1::Job& job);

  // All jobs so far, in order.
  const std::vector<v1::Job>& jobs() const { return jobs_; }
  int taken_up() const { return taken_up_; }

 private:
  // "repro-merkel-mlp-mnist-s1".
  std::string StemOf(const std::string& network_id, const std::string& dataset,
                     uint64_t seed) const;
  bool DoneNow(const std::string& name) const;
  absl::StatusOr<v1::Job> Create(const Stage& stage, const std::string& id, uint64_t digest,
                                 v1::JobSpec spec);

  Context& context_;
  const std::string recipe_;
  const bool again_;
  // Dataset id -> content, checked.
  std::map<std::string, std::pair<v1::Dataset, std::string>> datasets_;
  std::vector<v1::Job> jobs_;
  int taken_up_ = 0;
};

}  // namespace torpor::cli::reproduce
