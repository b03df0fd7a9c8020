#include "engine/scaling/tuned.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"
#include "engine/network/archive_checks.h"

namespace torpor {
namespace {

constexpr double kSameEpsilon = 1e-9;
// Settings that an error lists.
constexpr size_t kListed = 8;
constexpr char kCount[] = "tunings/count";

std::string Path(int k, const std::string& what) { return absl::StrCat("tunings/", k, "/", what); }

template <typename Integer>
absl::Status ReadCount(const ArchiveReader& archive, const std::string& key, Integer& value) {
  if (absl::SimpleAtoi(archive.Text(key), &value) && value >= 0) return absl::OkStatus();
  return CorruptArchive(absl::StrCat("text \"", key, "\" is not a count"));
}

}  // namespace

bool Tunings::Same(std::span<const double> a, std::span<const double> b) const {
  for (size_t l = 0; l < layers_.size(); ++l) {
    if (layers_[l].has_weights && !(std::abs(a[l] - b[l]) <= kSameEpsilon)) return false;
  }
  return true;
}

void Tunings::Put(TunedBiases tuned) {
  TORPOR_CHECK(tuned.epsilon.size() == layers_.size() && tuned.bias.size() == layers_.size());
  for (size_t l = 0; l < layers_.size(); ++l) {
    TORPOR_CHECK(static_cast<int64_t>(tuned.bias[l].size()) == layers_[l].biases);
  }
  for (TunedBiases& known : all_) {
    if (!Same(known.epsilon, tuned.epsilon)) continue;
    known = std::move(tuned);
    return;
  }
  all_.push_back(std::move(tuned));
}

std::string Tunings::EpsilonText(std::span<const double> epsilon) const {
  std::vector<std::string> each;
  bool one = true;
  double first = 0;
  for (size_t l = 0; l < layers_.size(); ++l) {
    if (!layers_[l].has_weights) continue;
    if (each.empty()) first = epsilon[l];
    one = one && std::abs(epsilon[l] - first) <= kSameEpsilon;
    each.push_back(absl::StrCat(layers_[l].name, "=", epsilon[l]));
  }
  return one ? absl::StrCat(first) : absl::StrJoin(each, ", ");
}

std::string Tunings::EpsilonFlags(std::span<const double> epsilon) const {
  std::string flags;
  double first = 0;
  for (size_t l = 0; l < layers_.size(); ++l) {
    if (!layers_[l].has_weights) continue;
    if (flags.empty()) {
      first = epsilon[l];
      flags = absl::StrCat("--epsilon ", first);
    } else if (std::abs(epsilon[l] - first) > kSameEpsilon) {
      absl::StrAppend(&flags, " --layer-epsilon ", layers_[l].name, "=", epsilon[l]);
    }
  }
  return flags;
}

absl::StatusOr<const TunedBiases*> Tunings::Find(std::span<const double> epsilon) const {
  TORPOR_CHECK(epsilon.size() == layers_.size());
  std::vector<std::string> known;
  for (const TunedBiases& tuned : all_) {
    if (Same(tuned.epsilon, epsilon)) return &tuned;
    if (known.size() == kListed) {
      known.back() = "...";
    } else {
      known.push_back(EpsilonText(tuned.epsilon));
    }
  }
  const std::string wanted = EpsilonText(epsilon);
  return WithHelp(
      WithReason(
          absl::FailedPreconditionError(absl::StrCat(
              "bias: tuned needs biases that were trained for epsilon ", wanted,
              "; this model has ",
              known.empty() ? "none" : absl::StrCat("them for ", absl::StrJoin(known, "; ")))),
          "TUNING_REQUIRED", {{"field", "bias"}, {"epsilon", wanted}}),
      absl::StrCat("Train them with `torpor job submit tune SESSION --dataset NAME ",
                   EpsilonFlags(epsilon), "`, or use another bias policy."));
}

std::vector<v1::Tuning> Tunings::Summaries() const {
  std::vector<v1::Tuning> summaries;
  for (const TunedBiases& tuned : all_) {
    v1::Tuning& summary = summaries.emplace_back();
    for (size_t l = 0; l < layers_.size(); ++l) {
      if (layers_[l].has_weights) {
        (*summary.mutable_layer_epsilon())[layers_[l].name] = tuned.epsilon[l];
      }
    }
    summary.set_start(tuned.start);
    summary.set_loss(tuned.loss);
    summary.set_method(tuned.method);
    summary.set_epochs(tuned.epochs);
    summary.set_dataset_digest(tuned.dataset_digest);
    summary.set_samples(tuned.samples);
  }
  return summaries;
}

void Tunings::Save(ArchiveWriter& archive) const {
  if (all_.empty()) return;
  archive.SetText(kCount, absl::StrCat(all_.size()));
  for (size_t k = 0; k < all_.size(); ++k) {
    const TunedBiases& tuned = all_[k];
    const auto path = [k](const std::string& what) { return Path(static_cast<int>(k), what); };
    archive.AddDoubles(path("epsilon"), {static_cast<int64_t>(layers_.size())}, tuned.epsilon);
    for (size_t l = 0; l < layers_.size(); ++l) {
      if (layers_[l].biases > 0) {
        archive.AddFloats(path(layers_[l].name + "/bias"), {layers_[l].biases}, tuned.bias[l]);
      }
    }
    archive.SetText(path("start"), v1::BiasPolicy::Kind_Name(tuned.start));
    archive.SetText(path("loss"), v1::Loss::Kind_Name(tuned.loss));
    archive.SetText(path("method"), tuned.method);
    archive.SetText(path("epochs"), absl::StrCat(tuned.epochs));
    archive.SetText(path("dataset_digest"), tuned.dataset_digest);
    archive.SetText(path("samples"), absl::StrCat(tuned.samples));
  }
}

absl::StatusOr<TunedBiases> Tunings::LoadOne(const ArchiveReader& archive, int k) const {
  TunedBiases tuned;
  TORPOR_ASSIGN_OR_RETURN(
      tuned.epsilon, archive.Doubles(Path(k, "epsilon"), {static_cast<int64_t>(layers_.size())}));
  for (size_t l = 0; l < layers_.size(); ++l) {
    if (layers_[l].has_weights && !(tuned.epsilon[l] > 0 && tuned.epsilon[l] <= 1)) {
      return CorruptArchive(absl::StrCat("\"", Path(k, "epsilon"), "\" is not in (0, 1]"));
    }
    tuned.bias.emplace_back();
    if (layers_[l].biases == 0) continue;
    TORPOR_ASSIGN_OR_RETURN(
        tuned.bias.back(), archive.Floats(Path(k, layers_[l].name + "/bias"), {layers_[l].biases}));
  }
  if (!v1::BiasPolicy::Kind_Parse(archive.Text(Path(k, "start")), &tuned.start)) {
    return CorruptArchive(absl::StrCat("text \"", Path(k, "start"), "\" is no bias policy"));
  }
  if (!v1::Loss::Kind_Parse(archive.Text(Path(k, "loss")), &tuned.loss)) {
    return CorruptArchive(absl::StrCat("text \"", Path(k, "loss"), "\" is no loss"));
  }
  tuned.method = archive.Text(Path(k, "method"));
  TORPOR_RETURN_IF_ERROR(ReadCount(archive, Path(k, "epochs"), tuned.epochs));
  TORPOR_RETURN_IF_ERROR(ReadCount(archive, Path(k, "samples"), tuned.samples));
  tuned.dataset_digest = archive.Text(Path(k, "dataset_digest"));
  return tuned;
}

absl::Status Tunings::Load(const ArchiveReader& archive) {
  int count = 0;
  if (!archive.Text(kCount).empty()) {
    TORPOR_RETURN_IF_ERROR(ReadCount(archive, kCount, count));
  }
  std::vector<TunedBiases> read;
  for (int k = 0; k < count; ++k) {
    TORPOR_ASSIGN_OR_RETURN(TunedBiases tuned, LoadOne(archive, k));
    read.push_back(std::move(tuned));
  }
  all_ = std::move(read);
  return absl::OkStatus();
}

}  // namespace torpor
