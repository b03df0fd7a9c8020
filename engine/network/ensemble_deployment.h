// Members of an ensemble at one power mode.
#pragma once

#include <memory>
#include <vector>

#include "engine/network/deployment.h"

namespace torpor {

// Immutable; any thread may call it. Layers of activity, footprint and recordings are those of the
// members, one after the other; members that are switched off have no activity.
class EnsembleDeployment final : public Deployment {
 public:
  // All members, the first `voting` of which vote; they read their scores alike but for the
  // temperature.
  EnsembleDeployment(std::vector<std::shared_ptr<const Deployment>> members, int voting,
                     v1::PowerMode mode);

  const Footprint& footprint() const override { return footprint_; }
  const ReadOut& read_out() const override { return read_out_; }
  int features() const override { return members_.front()->features(); }
  // Where every member that votes does.
  bool reads_bytes() const override;
  int block_samples() const override;
  const v1::PowerMode& mode() const override { return mode_; }
  // Scores are the sums of the members' scores; steps_used is the largest of theirs.
  absl::Status Run(std::span<const SampleTask> tasks, std::span<SampleResult> results,
                   const Cancellation& cancellation) const override;
  double NominalSynapticPower(const Recorder& recorder) const override;

 private:
  std::vector<std::shared_ptr<const Deployment>> members_;
  size_t voting_;
  v1::PowerMode mode_;
  Footprint footprint_;
  ReadOut read_out_;
  // Layers before each member's.
  std::vector<size_t> first_layer_;
};

}  // namespace torpor
