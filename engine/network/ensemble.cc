#include "engine/network/ensemble.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/random.h"
#include "engine/base/status.h"
#include "engine/network/archive_checks.h"
#include "engine/network/ensemble_deployment.h"
#include "engine/network/lever_kinds.h"
#include "engine/network/levers.h"

namespace torpor {
namespace {

using Members = std::vector<std::unique_ptr<Model>>;

std::string MemberTensor(size_t member) { return absl::StrCat("members/", member); }

const v1::Lever* FindLever(const Levers& levers, const std::string& name) {
  for (const v1::Lever& lever : levers.all()) {
    if (lever.name() == name) return &lever;
  }
  return nullptr;
}

// What both may be set to, or nothing where that is no choice at all.
std::optional<v1::Lever> Common(v1::Lever lever, const v1::Lever& other) {
  if (lever.kind() != other.kind() || lever.full_power() != other.full_power()) return std::nullopt;
  if (lever.kind() == v1::Lever::NUMBER) {
    if (other.minimum() > lever.minimum()) {
      lever.set_minimum_exclusive(other.minimum_exclusive());
    } else if (other.minimum() == lever.minimum()) {
      lever.set_minimum_exclusive(lever.minimum_exclusive() || other.minimum_exclusive());
    }
    lever.set_minimum(std::max(lever.minimum(), other.minimum()));
    lever.set_maximum(std::min(lever.maximum(), other.maximum()));
  }
  if (lever.kind() == v1::Lever::CHOICE) {
    v1::Lever shared = lever;
    shared.clear_choices();
    for (const std::string& choice : lever.choices()) {
      const auto& all = other.choices();
      if (std::find(all.begin(), all.end(), choice) != all.end()) shared.add_choices(choice);
    }
    if (shared.choices().empty()) return std::nullopt;
    lever = std::move(shared);
  }
  return lever;
}

Levers EnsembleLevers(const Members& members) {
  std::vector<v1::Lever> levers;
  for (const v1::Lever& first : members.front()->levers().all()) {
    // Copies are members here. A margin stops a sample by its scores, which no member has alone.
    if (first.name() == "copies" || first.name() == "margin") continue;
    std::optional<v1::Lever> lever = first;
    for (const auto& member : members) {
      const v1::Lever* other = FindLever(member->levers(), first.name());
      lever = other == nullptr || !lever.has_value() ? std::nullopt : Common(*lever, *other);
    }
    if (!lever.has_value()) continue;
    // Members' layers may have one name and be different.
    lever->set_per_layer(false);
    levers.push_back(*std::move(lever));
  }
  levers.push_back(NumberLever("copies", 1, static_cast<double>(members.size()),
                               absl::StrCat(members.size()),
                               "Members that vote, the first ones; the others are switched off."));
  return Levers(std::move(levers), {});
}

// What members must have in common. `path` is that of the list of members.
absl::Status CheckMembers(const Members& members, const std::string& path) {
  if (members.empty() || members.size() > kMaxEnsembleMembers) {
    return FieldError(
        path, absl::StrCat("must have 1..", kMaxEnsembleMembers, " members, got ", members.size()));
  }
  Violations violations;
  for (size_t m = 1; m < members.size(); ++m) {
    const std::string at = absl::StrCat(path, "[", m, "]");
    if (members[m]->features() != members[0]->features()) {
      violations.Add(at, absl::StrCat("takes ", members[m]->features(),
                                      " values, the first member ", members[0]->features()));
    }
    if (members[m]->classes() != members[0]->classes()) {
      violations.Add(at, absl::StrCat("has ", members[m]->classes(), " classes, the first member ",
                                      members[0]->classes()));
    }
  }
  TORPOR_RETURN_IF_ERROR(violations.ToStatus());
  for (size_t m = 1; m < members.size(); ++m) {
    if (members[m]->loss() == members[0]->loss()) continue;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            path, "[", m, "]: was trained with ", v1::Loss::Kind_Name(members[m]->loss()),
            ", the first member with ", v1::Loss::Kind_Name(members[0]->loss()),
            "; scores of different losses cannot be added")),
        "LOSSES_DIFFER");
  }
  return absl::OkStatus();
}

// Members have noise and drawn connections of their own; the first one those of the session.
v1::Realisation MemberRealisation(const v1::Realisation& realisation, size_t member) {
  v1::Realisation own = realisation;
  if (member > 0) {
    own.set_seed(RandomStream(realisation.seed(), RandomPurpose::kMembers, 0, member).NextU64());
  }
  return own;
}

}  // namespace

std::string MemberLayerName(size_t member, const std::string& layer) {
  return absl::StrCat(member, "/", layer);
}

absl::StatusOr<std::unique_ptr<Model>> EnsembleModel::Build(const v1::Network& network,
                                                            uint64_t seed, ModelFactory factory) {
  const auto& definitions = network.ensemble().members();
  Members members;
  for (int m = 0; m < definitions.size() && m < kMaxEnsembleMembers; ++m) {
    const std::string path = absl::StrCat("ensemble.members[", m, "]");
    if (definitions[m].has_ensemble()) return FieldError(path, "must not be an ensemble itself");
    auto member = factory(definitions[m], seed + static_cast<uint64_t>(m));
    if (!member.ok()) return WithFieldPrefix(member.status(), path + ".");
    members.push_back(*std::move(member));
  }
  if (definitions.size() > kMaxEnsembleMembers) {
    return FieldError("ensemble.members", absl::StrCat("must have 1..", kMaxEnsembleMembers,
                                                       " members, got ", definitions.size()));
  }
  TORPOR_RETURN_IF_ERROR(CheckMembers(members, "ensemble.members"));
  return std::unique_ptr<Model>(new EnsembleModel(network, std::move(members)));
}

absl::StatusOr<std::unique_ptr<Model>> EnsembleModel::Join(Members members,
                                                           const std::string& display_name) {
  for (size_t m = 0; m < members.size(); ++m) {
    if (members[m]->definition().has_ensemble()) {
      return FieldError(absl::StrCat("members[", m, "]"), "must not be an ensemble itself");
    }
  }
  TORPOR_RETURN_IF_ERROR(CheckMembers(members, "members"));
  v1::Network definition;
  definition.set_display_name(display_name);
  for (const auto& member : members) {
    *definition.mutable_ensemble()->add_members() = member->definition();
  }
  return std::unique_ptr<Model>(new EnsembleModel(std::move(definition), std::move(members)));
}

EnsembleModel::EnsembleModel(v1::Network definition, Members members)
    : definition_(std::move(definition)),
      members_(std::move(members)),
      levers_(EnsembleLevers(members_)) {
  SummariseCalibration();
}

v1::NetworkDescription EnsembleModel::Describe() const {
  v1::NetworkDescription whole;
  whole.set_family("ensemble");
  for (size_t m = 0; m < members_.size(); ++m) {
    v1::NetworkDescription part = members_[m]->Describe();
    for (v1::LayerDescription& layer : *part.mutable_layers()) {
      layer.set_name(MemberLayerName(m, layer.name()));
      *whole.add_layers() = std::move(layer);
    }
    whole.set_parameters(whole.parameters() + part.parameters());
    whole.set_parameter_bytes(whole.parameter_bytes() + part.parameter_bytes());
    whole.set_multiply_accumulates(whole.multiply_accumulates() + part.multiply_accumulates());
    whole.set_cores(whole.cores() + part.cores());
  }
  for (const v1::Lever& lever : levers_.all()) *whole.add_levers() = lever;
  return whole;
}

void EnsembleModel::Initialise(uint64_t seed) {
  for (size_t m = 0; m < members_.size(); ++m) members_[m]->Initialise(seed + m);
  SummariseCalibration();
}

void EnsembleModel::FillTrainDefaults(v1::TrainSpec& spec) const {
  members_.front()->FillTrainDefaults(spec);
}

absl::StatusOr<std::unique_ptr<Trainer>> EnsembleModel::NewTrainer(const v1::TrainSpec&,
                                                                   ThreadPool*) {
  return WithHelp(
      WithReason(absl::FailedPreconditionError("an ensemble is made of trained networks, it is "
                                               "not trained itself"),
                 "NOT_TRAINABLE"),
      "Train its members, then join their models (torpor model ensemble).");
}

absl::Status EnsembleModel::Calibrate(const Dataset& data, const std::string& data_name,
                                      const std::string& data_digest, ThreadPool* pool,
                                      const Cancellation& cancellation) {
  for (const auto& member : members_) {
    TORPOR_RETURN_IF_ERROR(member->Calibrate(data, data_name, data_digest, pool, cancellation));
  }
  SummariseCalibration();
  return absl::OkStatus();
}

void EnsembleModel::SummariseCalibration() {
  calibration_ = v1::Calibration();
  const v1::Calibration& first = members_.front()->calibration();
  for (const auto& member : members_) {
    // Calibrated on different data, or not at all: there is no common reference.
    if (member->calibration().dataset_digest() != first.dataset_digest()) return;
    if (member->calibration().samples() != first.samples()) return;
  }
  if (first.dataset_digest().empty()) return;
  calibration_.set_dataset_digest(first.dataset_digest());
  calibration_.set_dataset(first.dataset());
  calibration_.set_samples(first.samples());
  for (size_t m = 0; m < members_.size(); ++m) {
    const v1::Calibration& own = members_[m]->calibration();
    calibration_.set_full_power(calibration_.full_power() + own.full_power());
    for (v1::LayerCalibration layer : own.layers()) {
      layer.set_name(MemberLayerName(m, layer.name()));
      // Shares are of the member's power.
      *calibration_.add_layers() = std::move(layer);
    }
  }
  for (size_t m = 0, l = 0; m < members_.size(); ++m) {
    const v1::Calibration& own = members_[m]->calibration();
    const double share =
        calibration_.full_power() > 0 ? own.full_power() / calibration_.full_power() : 0;
    for (int k = 0; k < own.layers_size(); ++k, ++l) {
      v1::LayerCalibration& layer = *calibration_.mutable_layers(static_cast<int>(l));
      layer.set_weight_power(layer.weight_power() * share);
      layer.set_bias_power(layer.bias_power() * share);
    }
  }
}

Recorder EnsembleModel::FullPowerRecord() const {
  Recorder whole;
  if (calibration_.dataset_digest().empty()) return whole;
  for (const auto& member : members_) {
    Recorder part = member->FullPowerRecord();
    whole.samples = part.samples;
    for (Eigen::VectorXd& squares : part.squared_inputs) {
      whole.squared_inputs.push_back(std::move(squares));
    }
  }
  return whole;
}

double EnsembleModel::FullPower(const v1::Realisation& realisation) const {
  double power = 0;
  for (size_t m = 0; m < members_.size(); ++m) {
    power += members_[m]->FullPower(MemberRealisation(realisation, m));
  }
  return power;
}

absl::Status EnsembleModel::CheckHardware(const v1::Realisation& realisation) const {
  for (const auto& member : members_) TORPOR_RETURN_IF_ERROR(member->CheckHardware(realisation));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Deployment>> EnsembleModel::Deploy(
    const v1::PowerMode& mode, const v1::Realisation& realisation) const {
  TORPOR_RETURN_IF_ERROR(levers_.Check(mode));
  v1::PowerMode own = mode;
  own.clear_copies();
  std::vector<std::shared_ptr<const Deployment>> deployments;
  for (size_t m = 0; m < members_.size(); ++m) {
    auto deployment = members_[m]->Deploy(own, MemberRealisation(realisation, m));
    TORPOR_RETURN_IF_ERROR(deployment.status());
    deployments.push_back(*std::move(deployment));
  }
  v1::PowerMode in_force = deployments.front()->mode();
  in_force.clear_margin();
  in_force.set_copies(mode.has_copies() ? mode.copies() : static_cast<int>(members_.size()));
  return std::make_shared<const EnsembleDeployment>(std::move(deployments), in_force.copies(),
                                                    in_force);
}

absl::StatusOr<std::vector<v1::WeightArray>> EnsembleModel::WeightArrays(
    std::optional<int> bits) const {
  std::vector<v1::WeightArray> all;
  for (size_t m = 0; m < members_.size(); ++m) {
    TORPOR_ASSIGN_OR_RETURN(std::vector<v1::WeightArray> arrays, members_[m]->WeightArrays(bits));
    for (v1::WeightArray& array : arrays) {
      array.set_name(MemberLayerName(m, array.name()));
      all.push_back(std::move(array));
    }
  }
  return all;
}

v1::WeightAnalysis EnsembleModel::AnalyzeWeights() const {
  v1::WeightAnalysis whole;
  for (size_t m = 0; m < members_.size(); ++m) {
    v1::WeightAnalysis part = members_[m]->AnalyzeWeights();
    for (v1::LayerWeights& layer : *part.mutable_layers()) {
      layer.set_name(MemberLayerName(m, layer.name()));
      *whole.add_layers() = std::move(layer);
    }
  }
  return whole;
}

void EnsembleModel::Save(ArchiveWriter& archive) const {
  for (size_t m = 0; m < members_.size(); ++m) {
    const std::string member = SerializeModel(*members_[m]);
    archive.AddBytes(MemberTensor(m), {static_cast<int64_t>(member.size())},
                     {reinterpret_cast<const uint8_t*>(member.data()), member.size()});
  }
}

absl::Status EnsembleModel::Load(const ArchiveReader& archive) {
  std::vector<ArchiveReader> readers;
  for (size_t m = 0; m < members_.size(); ++m) {
    int64_t size = -1;
    for (const v1::ArchiveTensor& tensor : archive.manifest().tensors()) {
      if (tensor.name() == MemberTensor(m) && tensor.shape_size() == 1) size = tensor.shape(0);
    }
    if (size < 0) {
      return CorruptArchive(absl::StrCat("no tensor ", MemberTensor(m)));
    }
    TORPOR_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, archive.Bytes(MemberTensor(m), {size}));
    TORPOR_ASSIGN_OR_RETURN(
        ArchiveReader reader,
        ArchiveReader::Parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
    readers.push_back(std::move(reader));
  }
  for (size_t m = 0; m < members_.size(); ++m) {
    TORPOR_RETURN_IF_ERROR(members_[m]->Load(readers[m]));
  }
  SummariseCalibration();
  return absl::OkStatus();
}

}  // namespace torpor
