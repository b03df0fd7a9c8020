// A network made of networks: members of any family see the same samples, and their scores are
// added (Jimeno Yepes and Tang, table 4, add the spikes of four networks).
//
// Members are trained each by itself. The ensemble has the levers that all members have, and
// `copies`: how many members vote, the first ones of the list; the others are switched off.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/network/model.h"

namespace torpor {

inline constexpr int kMaxEnsembleMembers = 64;

// Not thread-safe; its owner serialises calls.
class EnsembleModel final : public Model {
 public:
  // `network` has the family ensemble. INVALID_ARGUMENT names each wrong field by its path inside
  // the network ("ensemble.members[1].rate..."): no members or too many, an ensemble as member,
  // members with different inputs or classes.
  static absl::StatusOr<std::unique_ptr<Model>> Build(const v1::Network& network, uint64_t seed,
                                                      ModelFactory factory);
  // Of trained members, as one. The same errors, with the paths "members[1]"; FAILED_PRECONDITION
  // where members were trained with different losses.
  static absl::StatusOr<std::unique_ptr<Model>> Join(std::vector<std::unique_ptr<Model>> members,
                                                     const std::string& display_name);

  const v1::Network& definition() const override { return definition_; }
  const Levers& levers() const override { return levers_; }
  int features() const override { return members_.front()->features(); }
  // That of the first member; those of others may differ.
  std::vector<int64_t> sample_shape() const override { return members_.front()->sample_shape(); }
  int classes() const override { return members_.front()->classes(); }
  v1::NetworkDescription Describe() const override;
  // Member k from seed + k.
  void Initialise(uint64_t seed) override;
  void FillTrainDefaults(v1::TrainSpec& spec) const override;
  // FAILED_PRECONDITION with reason NOT_TRAINABLE.
  absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                      ThreadPool* pool) override;
  absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                         const std::string& data_digest, ThreadPool* pool,
                         const Cancellation& cancellation) override;
  const v1::Calibration& calibration() const override { return calibration_; }
  Recorder FullPowerRecord() const override;
  double FullPower(const v1::Realisation& realisation) const override;
  v1::Loss::Kind loss() const override { return members_.front()->loss(); }
  absl::Status CheckHardware(const v1::Realisation& realisation) const override;
  absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const override;
  v1::WeightAnalysis AnalyzeWeights() const override;
  absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const override;
  void Save(ArchiveWriter& archive) const override;
  absl::Status Load(const ArchiveReader& archive) override;

 private:
  EnsembleModel(v1::Network definition, std::vector<std::unique_ptr<Model>> members);
  void SummariseCalibration();

  v1::Network definition_;
  std::vector<std::unique_ptr<Model>> members_;
  Levers levers_;
  v1::Calibration calibration_;
};

// Of the layer of a member, e.g. "2/hidden".
std::string MemberLayerName(size_t member, const std::string& layer);

}  // namespace torpor
