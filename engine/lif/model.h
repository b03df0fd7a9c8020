// The family lif: leaky integrate-and-fire neurons with traces of synapse, membrane and
// refractoriness (C. J. S. Schaefer et al., "Memory Organization for Energy-Efficient Learning and
// Inference in Digital Neuromorphic Accelerators", 2020).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/lif/definition.h"
#include "engine/lif/weights.h"
#include "engine/network/model.h"

namespace torpor {

// Not thread-safe; its owner serialises calls.
class LifModel final : public Model {
 public:
  // INVALID_ARGUMENT names each wrong field by its path inside the network. `network` has the
  // family lif.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const v1::Network& network, uint64_t seed);

  const v1::Network& definition() const override { return definition_; }
  const Levers& levers() const override { return levers_; }
  int features() const override { return resolved_.features(); }
  std::vector<int64_t> sample_shape() const override { return resolved_.sample_shape; }
  int classes() const override { return resolved_.classes(); }
  // Multiply-accumulates are those of dense products in every step.
  v1::NetworkDescription Describe() const override;
  // FreshLifWeights; of WAGE the same numbers on the grid and in the bounds of stored weights.
  void Initialise(uint64_t seed) override;
  void FillTrainDefaults(v1::TrainSpec& spec) const override;
  absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                      ThreadPool* pool) override;
  absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                         const std::string& data_digest, ThreadPool* pool,
                         const Cancellation& cancellation) override;
  const v1::Calibration& calibration() const override { return calibration_; }
  Recorder FullPowerRecord() const override { return record_; }
  v1::Loss::Kind loss() const override { return loss_; }
  absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const override;
  // What the network runs on: of few bits where its definition says so.
  v1::WeightAnalysis AnalyzeWeights() const override;
  absl::Status CheckHardware(const v1::Realisation& realisation) const override;
  bool noise_is_usual() const override { return false; }
  absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

  // For the family's trainer and tests.
  const LifDefinition& resolved() const { return resolved_; }
  const LifParameters& parameters() const { return parameters_; }
  // Weights about to be changed by training with `loss`: forgets the calibration.
  LifParameters& MutableParameters(v1::Loss::Kind loss);

 private:
  LifModel(v1::Network definition, LifDefinition resolved);
  void ForgetCalibration();
  // What temperatures_ becomes, of the archive.
  absl::StatusOr<std::vector<double>> LoadTemperatures(const ArchiveReader& archive) const;
  // Derives the summary from record_ and the weights.
  void SummariseCalibration(const v1::Calibration& source);

  v1::Network definition_;
  LifDefinition resolved_;
  Levers levers_;
  LifParameters parameters_;
  // Squared inputs of the calibration; no samples without.
  Recorder record_;
  // [steps]: of the softmax of scores after step n. The last, of all steps: 1 of what was trained
  // as it is, of counted spikes that at which they are calibrated best.
  std::vector<double> temperatures_;
  v1::Calibration calibration_;
  v1::Loss::Kind loss_ = v1::Loss::UNSPECIFIED;
};

}  // namespace torpor
