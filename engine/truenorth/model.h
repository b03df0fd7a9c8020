// The family truenorth: grids of neurosynaptic cores whose binary crossbars are learned (A. Jimeno
// Yepes and J. Tang, "Improving energy efficiency and classification accuracy of neuromorphic chips
// by learning binary synaptic crossbars"). What is learned is a number c in [0, 1] for each site
// and a leak for each neuron; what is deployed are bits and integers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network/model.h"
#include "engine/truenorth/grid.h"
#include "engine/truenorth/plan.h"

namespace torpor {

class GridKernels;

// Not thread-safe; its owner serialises calls.
class TrueNorthModel final : public Model {
 public:
  // INVALID_ARGUMENT names each wrong field by its path inside the network
  // ("truenorth.layers[1].block"). `network` has the family truenorth.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const v1::Network& network, uint64_t seed);

  const v1::Network& definition() const override { return definition_; }
  const Levers& levers() const override { return levers_; }
  int features() const override { return plan_->features; }
  std::vector<int64_t> sample_shape() const override {
    const auto& shape = definition_.truenorth().input().shape();
    return {shape.begin(), shape.end()};
  }
  int classes() const override { return plan_->classes; }
  // Multiply-accumulates are additions of sites over all ticks, if every axon spiked.
  v1::NetworkDescription Describe() const override;
  // c uniform in (0, 1), leaks 0.
  void Initialise(uint64_t seed) override;
  void FillTrainDefaults(v1::TrainSpec& spec) const override;
  absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                      ThreadPool* pool) override;
  // Runs the thresholded network at all its ticks.
  absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                         const std::string& data_digest, ThreadPool* pool,
                         const Cancellation& cancellation) override;
  const v1::Calibration& calibration() const override { return calibration_; }
  // Spikes of each layer's lines below.
  Recorder FullPowerRecord() const override;
  // Of sampled copies: what their sites draw at the spikes of the thresholded network.
  double FullPower(const v1::Realisation& realisation) const override;
  v1::Loss::Kind loss() const override { return loss_; }
  // Crossbar sites of one bit, leaks of nine (a sign and a byte).
  absl::StatusOr<std::vector<v1::MemoryEntry>> Memory(
      const v1::MemoryCounting& counting) const override;
  // Of THRESHOLD hardware: one a core, "layer/row-column", of the sites of its axons and neurons.
  absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const override;
  // Of THRESHOLD hardware.
  v1::WeightAnalysis AnalyzeWeights() const override;
  // Crossbars know no column noise and no off conductance, and copies differ only if sampled.
  absl::Status CheckHardware(const v1::Realisation& realisation) const override;
  absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

  // For the family's trainer, files and tests.
  const GridPlan& plan() const { return *plan_; }
  const GridParameters& parameters() const { return parameters_; }
  // Parameters about to be changed by training with `loss`, whose logits are `loss_scale` times a
  // class's mean output: forgets the calibration and what was written into hardware.
  GridParameters& MutableParameters(v1::Loss::Kind loss, double loss_scale);
  // The crossbars of THRESHOLD hardware.
  BinaryGrid Thresholded() const { return Threshold(plan_, parameters_); }

 private:
  TrueNorthModel(v1::Network definition, std::shared_ptr<const GridPlan> plan);
  void ForgetHardware();
  // Derives the summary's powers from synaptic_power_.
  void SummariseCalibration(const v1::Calibration& source);
  // The kernels of this hardware, made when first asked for.
  std::shared_ptr<const GridKernels> KernelsOf(const v1::Realisation& realisation) const;

  v1::Network definition_;
  std::shared_ptr<const GridPlan> plan_;
  Levers levers_;
  GridParameters parameters_;
  v1::Loss::Kind loss_ = v1::Loss::UNSPECIFIED;
  double loss_scale_;
  v1::Calibration calibration_;
  // By layer, over all samples of the calibration; empty without.
  std::vector<Eigen::VectorXd> squared_inputs_;
  std::vector<double> synaptic_power_;
  // Of the hardware that was asked for last.
  mutable std::string hardware_;
  mutable std::shared_ptr<const GridKernels> kernels_;
};

// Parameters under the archive names that models and checkpoints share:
// layers/<name>/<core>/connection [neurons x axons] and layers/<name>/<core>/leak [neurons].
void SaveGrid(const GridPlan& plan, const GridParameters& parameters, ArchiveWriter& archive);
// Errors name the tensor.
absl::StatusOr<GridParameters> LoadGrid(const GridPlan& plan, const ArchiveReader& archive);

}  // namespace torpor
