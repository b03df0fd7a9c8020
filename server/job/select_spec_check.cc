#include "server/job/select_spec_check.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/thread_pool.h"
#include "engine/data/augment.h"
#include "engine/energy/price.h"
#include "engine/job/select_arms.h"
#include "server/job/train_spec_check.h"

namespace torpor {
namespace {

constexpr int kMaximumCandidates = 64;
constexpr int kMaximumStorages = 256;
constexpr int64_t kMaximumMeasurements = 4096;
constexpr int kMaximumBits = 32;
constexpr size_t kNameLength = 32;

std::string Path(const std::string& field) { return absl::StrCat("spec.select.", field); }

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kNameLength && absl::ascii_islower(name[0]) &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
         });
}

void CheckCandidates(const v1::SelectSpec& spec, Violations& violations) {
  if (spec.candidates_size() < 1 || spec.candidates_size() > kMaximumCandidates) {
    violations.Add(Path("candidates"), absl::StrCat("must be 1..", kMaximumCandidates, ", got ",
                                                    spec.candidates_size()));
  }
  std::map<std::string, int> names;
  for (int c = 0; c < spec.candidates_size(); ++c) {
    const v1::SelectSpec::Candidate& candidate = spec.candidates(c);
    const std::string path = Path(absl::StrCat("candidates[", c, "]."));
    if (!IsName(candidate.name())) {
      violations.Add(path + "name",
                     absl::StrCat("must be [a-z][a-z0-9_-]{0,31}, got \"", candidate.name(), "\""));
    }
    const auto [first, fresh] = names.emplace(candidate.name(), c);
    if (!fresh) {
      violations.Add(path + "name",
                     absl::StrCat("must be unique, is that of candidates[", first->second, "]"));
    }
    const v1::TrainSpec& train = candidate.train();
    CheckTrainSettings(train, path + "train.", violations);
    constexpr char kOfSelection[] = "is that of the selection: leave it unset";
    if (!train.dataset().empty()) violations.Add(path + "train.dataset", kOfSelection);
    if (train.seed() != 0) {
      violations.Add(path + "train.seed", "is one of spec.select.seeds: leave it unset");
    }
    if (train.validation_samples() != 0) {
      violations.Add(path + "train.validation_samples", kOfSelection);
    }
    if (train.publish_every() != 0) {
      violations.Add(path + "train.publish_every",
                     "a selection publishes no model: leave it unset");
    }
    if (train.from_session() && candidate.has_network()) {
      violations.Add(path + "train.from_session",
                     "a candidate with a network of its own has no parameters in the session");
    }
  }
  if (!spec.reference().empty() && !names.contains(spec.reference())) {
    std::vector<std::string> known;
    for (const auto& [name, index] : names) known.push_back(name);
    violations.Add(Path("reference"),
                   absl::StrCat("must be a candidate, one of ", absl::StrJoin(known, ", "),
                                "; got \"", spec.reference(), "\""));
  }
}

void CheckBits(const std::string& path, bool given, int bits, Violations& violations) {
  if (!given || (bits >= 1 && bits <= kMaximumBits)) return;
  violations.Add(path, absl::StrCat("must be in 1..", kMaximumBits, ", got ", bits));
}

void CheckStorages(const v1::SelectSpec& spec, Violations& violations) {
  if (spec.storages_size() > kMaximumStorages) {
    violations.Add(Path("storages"), absl::StrCat("must be at most ", kMaximumStorages, ", got ",
                                                  spec.storages_size()));
  }
  std::map<std::string, int> seen;
  for (int s = 0; s < spec.storages_size(); ++s) {
    const v1::SelectSpec::Storage& storage = spec.storages(s);
    const std::string path = Path(absl::StrCat("storages[", s, "]"));
    if (!v1::Scheme::Kind_IsValid(storage.scheme()) ||
        storage.scheme() == v1::Scheme::UNSPECIFIED) {
      violations.Add(path + ".scheme", "must be POST_TRAINING or IN_TRAINING");
    }
    const v1::Quantization& bits = storage.quantization();
    CheckBits(path + ".quantization.weight_bits", bits.has_weight_bits(), bits.weight_bits(),
              violations);
    CheckBits(path + ".quantization.neuron_bits", bits.has_neuron_bits(), bits.neuron_bits(),
              violations);
    if (!bits.has_weight_bits() && !bits.has_neuron_bits()) {
      violations.Add(path + ".quantization",
                     "must have weight_bits or neuron_bits: as it is, every candidate is an arm "
                     "anyway");
    }
    if (!v1::Rounding::Kind_IsValid(bits.rounding())) {
      violations.Add(path + ".quantization.rounding", "must be TRUNCATE, NEAREST or STOCHASTIC");
    }
    const auto [first, fresh] = seen.emplace(storage.SerializeAsString(), s);
    if (!fresh) {
      violations.Add(path, absl::StrCat("is the same as storages[", first->second, "]"));
    }
  }
}

void CheckSeeds(const v1::SelectSpec& spec, Violations& violations) {
  std::set<uint64_t> seeds;
  for (int i = 0; i < spec.seeds_size(); ++i) {
    if (seeds.insert(spec.seeds(i)).second) continue;
    violations.Add(Path(absl::StrCat("seeds[", i, "]")),
                   absl::StrCat("must be unique, got ", spec.seeds(i), " again"));
  }
  const int64_t measurements =
      int64_t{spec.candidates_size()} * (1 + spec.storages_size()) * std::max(1, spec.seeds_size());
  if (measurements > kMaximumMeasurements) {
    violations.Add(Path("seeds"),
                   absl::StrCat("candidates times (1 + storages) times seeds must be at most ",
                                kMaximumMeasurements, ", is ", measurements));
  }
}

// Written so that NaN fails.
void CheckLimits(const v1::Limits& limits, Violations& violations) {
  const auto positive = [&](const char* field, bool given, double value) {
    if (!given || (value > 0 && std::isfinite(value))) return;
    violations.Add(Path(absl::StrCat("limits.", field)),
                   absl::StrCat("must be above 0 and finite, got ", value));
  };
  positive("memory_bytes", limits.has_memory_bytes(), limits.memory_bytes());
  positive("joules", limits.has_joules(), limits.joules());
  if (limits.has_accuracy() && !(limits.accuracy() >= 0 && limits.accuracy() <= 1)) {
    violations.Add(Path("limits.accuracy"),
                   absl::StrCat("must be in [0, 1], got ", limits.accuracy()));
  }
}

absl::Status FitData(const v1::SelectSpec& spec, const v1::Dataset& dataset) {
  const int64_t samples = dataset.train_samples();
  if (spec.validation_samples() < samples) return absl::OkStatus();
  return FieldError(Path("validation_samples"),
                    absl::StrCat("must leave samples to train on: at most ", samples - 1, " of ",
                                 samples, ", got ", spec.validation_samples()));
}

// The candidate against the data.
absl::Status FitNetwork(const std::string& path, const Model& model, const v1::Dataset& dataset) {
  int64_t features = 1;
  for (const int64_t dimension : dataset.sample_shape()) features *= dimension;
  if (features != model.features()) {
    return FieldError(path + "network",
                      absl::StrCat("must take the ", features, " values of samples of ",
                                   dataset.name(), ", takes ", model.features()));
  }
  if (dataset.classes() > model.classes()) {
    return FieldError(path + "network",
                      absl::StrCat("must have the ", dataset.classes(), " classes of ",
                                   dataset.name(), ", has ", model.classes()));
  }
  return absl::OkStatus();
}

absl::Status FitTraining(const std::string& path, const v1::SelectSpec& spec,
                         const v1::Dataset& dataset, v1::TrainSpec& train, Model& model) {
  model.FillTrainDefaults(train);
  FillTrainSettings(train);
  const std::string inside = path + "train.";
  const int64_t samples = dataset.train_samples() - spec.validation_samples();
  if (train.train_samples() > samples) {
    return FieldError(inside + "train_samples", absl::StrCat("must be at most ", samples,
                                                             ", which are left beside those "
                                                             "held out; got ",
                                                             train.train_samples()));
  }
  if (Augmenter::Changes(train.augmentation())) {
    TORPOR_RETURN_IF_ERROR(WithFieldPrefix(
        Augmenter::Create(train.augmentation(),
                          {dataset.sample_shape().begin(), dataset.sample_shape().end()}, 0)
            .status(),
        inside));
  }
  ThreadPool pool(1);
  return WithFieldPrefix(model.NewTrainer(train, &pool).status(), inside);
}

// The candidate in every storage; one that learns so is tried once.
absl::Status FitStorages(const std::string& path, const v1::SelectSpec& spec,
                         const v1::TrainSpec& train, const std::string& name, const Model& model) {
  const std::string counting = Path("memory_counting.");
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.Memory(spec.memory_counting()).status(), counting));
  bool tried = false;
  for (int s = 0; s < spec.storages_size(); ++s) {
    const v1::SelectSpec::Storage& storage = spec.storages(s);
    const std::string at = Path(absl::StrCat("storages[", s, "]"));
    const absl::StatusOr<std::unique_ptr<Model>> stored = model.Quantised(storage.quantization());
    if (absl::IsUnimplemented(stored.status())) {
      return WithReason(
          FieldError(
              at, absl::StrCat("candidate ", name, " cannot have it: ", stored.status().message())),
          ReasonOf(stored.status()));
    }
    TORPOR_RETURN_IF_ERROR(WithFieldPrefix(stored.status(), at + "."));
    TORPOR_RETURN_IF_ERROR(
        WithFieldPrefix((*stored)->Memory(spec.memory_counting()).status(), counting));
    if (storage.scheme() != v1::Scheme::IN_TRAINING || tried) continue;
    ThreadPool pool(1);
    TORPOR_RETURN_IF_ERROR(
        WithFieldPrefix((*stored)->NewTrainer(train, &pool).status(), path + "train."));
    tried = true;
  }
  return absl::OkStatus();
}

}  // namespace

void CheckSelectBounds(const v1::SelectSpec& spec, Violations& violations) {
  if (spec.dataset().empty()) violations.Add(Path("dataset"), "must be set");
  if (spec.validation_samples() < 0) {
    violations.Add(Path("validation_samples"),
                   absl::StrCat("must not be negative, got ", spec.validation_samples()));
  }
  CheckCandidates(spec, violations);
  CheckStorages(spec, violations);
  CheckSeeds(spec, violations);
  CheckLimits(spec.limits(), violations);
  if (spec.has_energy_profile()) {
    CheckProfile(spec.energy_profile(), Path("energy_profile."), violations);
  }
}

void FillSelectDefaults(v1::SelectSpec& spec) {
  if (spec.validation_samples() == 0) spec.set_validation_samples(kSelectValidationSamples);
  if (spec.seeds().empty()) spec.add_seeds(1);
  if (spec.reference().empty() && !spec.candidates().empty()) {
    spec.set_reference(spec.candidates(0).name());
  }
}

absl::Status FitSelect(v1::SelectSpec& spec, const std::string& archive, const v1::Dataset& dataset,
                       ModelFactory factory) {
  TORPOR_RETURN_IF_ERROR(FitData(spec, dataset));
  for (int c = 0; c < spec.candidates_size(); ++c) {
    v1::SelectSpec::Candidate& candidate = *spec.mutable_candidates(c);
    const std::string path = Path(absl::StrCat("candidates[", c, "]."));
    absl::StatusOr<std::unique_ptr<Model>> model =
        candidate.has_network() ? factory(candidate.network(), 0) : ParseModel(archive, factory);
    TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.status(), path + "network."));
    TORPOR_RETURN_IF_ERROR(FitNetwork(path, **model, dataset));
    TORPOR_RETURN_IF_ERROR(FitTraining(path, spec, dataset, *candidate.mutable_train(), **model));
    TORPOR_RETURN_IF_ERROR(FitStorages(path, spec, candidate.train(), candidate.name(), **model));
  }
  return absl::OkStatus();
}

}  // namespace torpor
