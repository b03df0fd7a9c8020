// The rate family: dense layers x = f(W u + b) (C. Merkel, "Synaptic Scaling and Optimal Bias
// Adjustments for Power Reduction in Neuromorphic Systems", eq. 1), whose weights and biases can be
// scaled down while it runs (eq. 4).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/network/model.h"
#include "engine/rate/modes.h"
#include "engine/rate/weights.h"
#include "engine/scaling/calibration.h"
#include "engine/scaling/tuned.h"

namespace torpor {

// Not thread-safe; its owner serialises calls.
class RateModel final : public Model {
 public:
  // INVALID_ARGUMENT names each wrong field by its path inside the network. `network` has the
  // family rate.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const v1::Network& network, uint64_t seed);

  const v1::Network& definition() const override { return definition_; }
  const Levers& levers() const override { return levers_; }
  int features() const override { return shapes_.front().inputs; }
  std::vector<int64_t> sample_shape() const override {
    const auto& shape = definition_.rate().input().shape();
    return {shape.begin(), shape.end()};
  }
  int classes() const override { return shapes_.back().units; }
  v1::NetworkDescription Describe() const override;
  // Uniform in +-1/sqrt(inputs).
  void Initialise(uint64_t seed) override;
  void FillTrainDefaults(v1::TrainSpec& spec) const override;
  absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                      ThreadPool* pool) override;
  absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                         const std::string& data_digest, ThreadPool* pool,
                         const Cancellation& cancellation) override;
  const v1::Calibration& calibration() const override { return calibration_; }
  Recorder FullPowerRecord() const override;
  double FullPower(const v1::Realisation& realisation) const override;
  v1::Loss::Kind loss() const override { return loss_; }
  absl::Status CheckTune(const v1::TuneSpec& spec, const v1::PowerMode& start) const override;
  absl::Status Tune(const v1::TuneSpec& spec, const v1::PowerMode& start, const Dataset& data,
                    const std::string& data_digest, ThreadPool* pool,
                    const Cancellation& cancellation, const TuneProgress& progress) override;
  absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const override;
  v1::WeightAnalysis AnalyzeWeights() const override;
  std::vector<v1::Tuning> tunings() const override { return tunings_.Summaries(); }
  absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

  // For the family's trainer, tuner and tests.
  const std::vector<RateLayerShape>& shapes() const { return shapes_; }
  const std::vector<RateLayerParameters>& parameters() const { return parameters_; }
  const std::vector<LayerStatistics>& statistics() const { return statistics_; }
  std::shared_ptr<const FrozenWeights> Frozen() const;
  // Parameters about to be changed by training with `loss`: forgets the calibration, the tunings
  // and the frozen weights.
  std::vector<RateLayerParameters>& MutableParameters(v1::Loss::Kind loss);

 private:
  RateModel(v1::Network definition, std::vector<RateLayerShape> shapes);
  bool calibrated() const { return !statistics_.empty(); }
  void ForgetCalibration();
  // Derives the summary from statistics_ and the parameters.
  void SummariseCalibration(const std::string& data_name, const std::string& data_digest,
                            int64_t samples);
  // What a checked mode makes of the network.
  absl::StatusOr<RateMode> Resolve(const v1::PowerMode& mode,
                                   const v1::Realisation& realisation) const;

  v1::Network definition_;
  std::vector<RateLayerShape> shapes_;
  Levers levers_;
  std::vector<RateLayerParameters> parameters_;
  // Made when first needed after a change of the parameters.
  mutable std::shared_ptr<const FrozenWeights> frozen_;
  // By layer, empty for layers without weights; no layers without calibration.
  std::vector<LayerStatistics> statistics_;
  v1::Calibration calibration_;
  Tunings tunings_;
  v1::Loss::Kind loss_ = v1::Loss::UNSPECIFIED;
};

// Parameters under the archive names that models and checkpoints share: layers/<name>/weight and
// layers/<name>/bias.
void SaveParameters(const std::vector<RateLayerShape>& shapes,
                    const std::vector<RateLayerParameters>& parameters, ArchiveWriter& archive);
// Reads all before changing anything.
absl::Status LoadParameters(const std::vector<RateLayerShape>& shapes, const ArchiveReader& archive,
                            std::vector<RateLayerParameters>& parameters);

}  // namespace torpor
