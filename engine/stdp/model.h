// The family stdp: spiking neurons that compete and learn without labels (R. V. W. Putra and M.
// Shafique, "tinySNN: Towards Memory- and Energy-Efficient Spiking Neural Networks"). What is
// learned are weights in [0, 1] and thresholds; a neuron stands for the class that it answers to
// most in the samples that the model is calibrated on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network/model.h"
#include "engine/stdp/labels.h"
#include "engine/stdp/observed.h"
#include "engine/stdp/plan.h"
#include "engine/stdp/responses.h"

namespace torpor {

// Not thread-safe; its owner serialises calls.
class StdpModel final : public Model {
 public:
  // INVALID_ARGUMENT names each wrong field by its path inside the network
  // ("stdp.excitatory.tau_ms"). `network` has the family stdp.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const v1::Network& network, uint64_t seed);

  const v1::Network& definition() const override { return definition_; }
  const Levers& levers() const override { return levers_; }
  int features() const override { return plan_->parameters.inputs; }
  std::vector<int64_t> sample_shape() const override {
    const auto& shape = definition_.stdp().input().shape();
    return {shape.begin(), shape.end()};
  }
  int classes() const override { return plan_->classes; }
  // Multiply-accumulates are additions of weights over all steps, if every input spiked.
  v1::NetworkDescription Describe() const override;
  // Weights uniform in [0, 0.3), thresholds without theta.
  void Initialise(uint64_t seed) override;
  void FillTrainDefaults(v1::TrainSpec& spec) const override;
  absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                      ThreadPool* pool) override;
  absl::Status CheckCalibration(const Dataset& data) const override {
    return CheckLabelled(*plan_, data);
  }
  // Labels the neurons by their answers to `data`, which is kept apart from test samples.
  absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                         const std::string& data_digest, ThreadPool* pool,
                         const Cancellation& cancellation) override;
  const v1::Calibration& calibration() const override { return calibration_; }
  Recorder FullPowerRecord() const override;
  // A learning rule descends no loss; the cross-entropy of calibrated scores is reported.
  v1::Loss::Kind loss() const override { return v1::Loss::CE; }
  absl::StatusOr<std::vector<v1::MemoryEntry>> Memory(
      const v1::MemoryCounting& counting) const override;
  absl::StatusOr<std::unique_ptr<Model>> Quantised(
      const v1::Quantization& quantization) const override;
  // Thresholds stand in the place of biases.
  absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const override;
  v1::WeightAnalysis AnalyzeWeights() const override;
  // Column noise is added to what each neuron receives in each step; its unit is the standard
  // deviation of that at full power.
  absl::Status CheckHardware(const v1::Realisation& realisation) const override;
  bool noise_is_usual() const override { return false; }
  // A network that was never calibrated has no labels: all its scores are 0.
  absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

  // For the family's trainer and tests.
  const StdpPlan& plan() const { return *plan_; }
  const StdpWeights& weights() const { return weights_; }
  const NeuronLabels& labels() const { return *labels_; }
  // Forgets the calibration and the labels.
  void SetWeights(StdpWeights weights);
  // Labels without the rest of a calibration, and what the neurons are observed to need: selections
  // store a network by that, right after an epoch.
  absl::Status Label(const Dataset& data, ThreadPool* pool, const Cancellation& cancellation);

 private:
  StdpModel(v1::Network definition, std::shared_ptr<const StdpPlan> plan);
  void ForgetCalibration();
  // With the integer bits that its range_outliers ask for.
  absl::StatusOr<v1::Quantization> WithObservedRange(const v1::Quantization& quantization) const;
  // From responses_ and response_samples_.
  void AssignStoredLabels();
  // Derives the summary's power from input_spikes_.
  void SummariseCalibration(const v1::Calibration& source);

  v1::Network definition_;
  std::shared_ptr<const StdpPlan> plan_;
  Levers levers_;
  StdpWeights weights_;
  // [neurons x classes] and [classes]: what labels come from; empty without.
  std::vector<int64_t> responses_;
  std::vector<int64_t> response_samples_;
  std::shared_ptr<const NeuronLabels> labels_;
  double temperature_ = 1;
  v1::Calibration calibration_;
  // [inputs]: spikes that reached the neurons, over all samples of the calibration.
  Eigen::VectorXd input_spikes_;
  // With the labels, of whose time it takes a hundredth (64 samples, of 60000).
  StdpObserved observed_;
};

// Weights and thresholds under the archive names that models and checkpoints share.
void SaveStdpWeights(const StdpPlan& plan, const StdpWeights& weights, ArchiveWriter& archive);
// DATA_LOSS names the tensor.
absl::StatusOr<StdpWeights> LoadStdpWeights(const StdpPlan& plan, const ArchiveReader& archive);

}  // namespace torpor
