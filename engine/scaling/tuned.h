// Biases that were trained for exactly one setting of epsilon (C. Merkel, "Synaptic Scaling and
// Optimal Bias Adjustments for Power Reduction in Neuromorphic Systems", figures 4 and 5, dotted
// lines): the bias policy TUNED. Training makes them (a job of kind `tune`); this unit keeps them
// and finds the ones that a power mode asks for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/network/archive.h"
#include "torpor/v1/model.pb.h"

namespace torpor {

// One layer of the network that the biases belong to.
struct TunedLayer {
  std::string name;
  // Whether epsilon scales it; pooling and flatten have no weights.
  bool has_weights = true;
  // Values of its bias: 0 for a layer without one.
  int64_t biases = 0;
};

// The biases of one tuning.
struct TunedBiases {
  // By layer of the network, layers without weights included: their epsilon counts for nothing and
  // their bias is empty.
  std::vector<double> epsilon;
  std::vector<std::vector<float>> bias;
  v1::BiasPolicy::Kind start = v1::BiasPolicy::NONE;
  v1::Loss::Kind loss = v1::Loss::UNSPECIFIED;
  // "adam" or "newton".
  std::string method;
  int epochs = 0;
  // SHA-256 (hex) of the dataset, and how many of its training samples were used.
  std::string dataset_digest;
  int64_t samples = 0;
};

// The tunings of one model. They belong to its parameters: whoever changes those clears them. Not
// thread-safe; const calls may run at once.
class Tunings {
 public:
  // `layers` are all layers of the network, in order.
  explicit Tunings(std::vector<TunedLayer> layers) : layers_(std::move(layers)) {}

  bool empty() const { return all_.empty(); }
  void Clear() { all_.clear(); }
  // Takes the place of the tuning with the same epsilons if there is one. The shapes are those of
  // the layers.
  void Put(TunedBiases tuned);
  // The tuning whose epsilons differ by no more than 1e-9 from `epsilon` [layers of the network],
  // or FAILED_PRECONDITION, reason TUNING_REQUIRED, naming the settings that there are and how to
  // make this one. The pointer is good until the next change.
  absl::StatusOr<const TunedBiases*> Find(std::span<const double> epsilon) const;
  // In the order in which they were first put.
  std::vector<v1::Tuning> Summaries() const;

  // Under tunings/<k>/ in the archive: tensors "epsilon" [layers] and "<layer>/bias", texts
  // "start", "loss", "method", "epochs", "dataset_digest", "samples".
  void Save(ArchiveWriter& archive) const;
  // Replaces all; DATA_LOSS names what is damaged, and then nothing has changed.
  absl::Status Load(const ArchiveReader& archive);

 private:
  bool Same(std::span<const double> a, std::span<const double> b) const;
  // "0.2", or "hidden=0.2, out=1" where layers differ.
  std::string EpsilonText(std::span<const double> epsilon) const;
  // The flags of `torpor job submit tune` that name it.
  std::string EpsilonFlags(std::span<const double> epsilon) const;
  absl::StatusOr<TunedBiases> LoadOne(const ArchiveReader& archive, int k) const;

  std::vector<TunedLayer> layers_;
  std::vector<TunedBiases> all_;
};

}  // namespace torpor
