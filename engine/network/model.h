// A network with its parameters, and one training run of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/archive.h"
#include "engine/network/deployment.h"
#include "engine/network/levers.h"
#include "torpor/v1/analysis.pb.h"
#include "torpor/v1/job.pb.h"
#include "torpor/v1/memory.pb.h"
#include "torpor/v1/model.pb.h"
#include "torpor/v1/network.pb.h"
#include "torpor/v1/power.pb.h"
#include "torpor/v1/training.pb.h"

namespace torpor {

// A minibatch: inputs [n x features], labels [n] and, where the dataset has them, targets.
struct Batch {
  ConstMatrixView inputs;
  std::span<const int32_t> labels;
  // Share of all the run's steps that came before this one, in [0, 1): where schedules are.
  double progress = 0;
  // Spikes, zeros and ones [n x steps x units]; empty without.
  std::span<const uint8_t> targets = {};
};

// What one step adds to the epoch's figures.
struct StepReport {
  // Sum over the batch's samples.
  double loss = 0;
  int64_t correct = 0;
  int64_t samples = 0;
  // Sum over samples of the squared distance between output and target, over that of no output at
  // all (metric `distance`); 0 where there are no targets.
  double distance = 0;
};

// What a training run did, summed over the samples that were shown, in the layers of the model's
// deployments.
struct TrainingActivity {
  Activity sum;
  int64_t samples = 0;
};

// One training run of a model. The job owns epochs, the order of samples, cancellation and
// checkpoints; a family owns the step and its state. Not thread-safe. The model must outlive it.
class Trainer {
 public:
  virtual ~Trainer() = default;
  // One update. Adds to `report`. The same bits for any number of threads.
  virtual absl::Status Step(const Batch& batch, StepReport& report) = 0;
  // Whether Step reports a loss; rules that descend none do not.
  virtual bool has_loss() const { return true; }
  // Before the model is measured between epochs: what it needs besides steps to be of use, which
  // Calibrate gives too. `train` is what was trained on. The same bits for any number of threads.
  virtual absl::Status FinishEpoch(const Dataset& train, const Cancellation& cancellation) {
    (void)train;
    (void)cancellation;
    return absl::OkStatus();
  }
  // Without samples where a family does not count it.
  virtual TrainingActivity activity() const { return {}; }
  // Parameters, optimiser state, position: what makes a resumed run equal to the uninterrupted one,
  // bit for bit.
  virtual void Save(ArchiveWriter& archive) const = 0;
  virtual absl::Status Load(const ArchiveReader& archive) = 0;
};

// Told how far a tuning is: the share of its work that is done, and the mean loss a sample of the
// pass in work. An error ends the tuning with that error.
using TuneProgress = std::function<absl::Status(double fraction, double loss)>;

// A network with its parameters. Not thread-safe; its owner serialises calls. Built from
// v1::Network by a family.
class Model {
 public:
  virtual ~Model() = default;
  virtual const v1::Network& definition() const = 0;
  virtual const Levers& levers() const = 0;
  // Values of one sample, and outputs.
  virtual int features() const = 0;
  // What the definition says of a sample; its product is features().
  virtual std::vector<int64_t> sample_shape() const = 0;
  virtual int classes() const = 0;
  virtual v1::NetworkDescription Describe() const = 0;
  // Fresh parameters from the seed. Forgets calibration and loss.
  virtual void Initialise(uint64_t seed) = 0;
  // Sets what a specification leaves open (loss, optimizer, learning rate, batch size, schedule,
  // ...) to the family's defaults.
  virtual void FillTrainDefaults(v1::TrainSpec& spec) const = 0;
  // Checks the spec, with its defaults filled, against the network (e.g. BCE needs sigmoid
  // outputs). `pool` outlives the trainer.
  virtual absl::StatusOr<std::unique_ptr<Trainer>> NewTrainer(const v1::TrainSpec& spec,
                                                              ThreadPool* pool) = 0;
  // Whether Calibrate would accept these data: a training asks before it begins. INVALID_ARGUMENT
  // with path "dataset".
  virtual absl::Status CheckCalibration(const Dataset& data) const {
    (void)data;
    return absl::OkStatus();
  }
  // Gathers the statistics of the full-power network that policies, noise and NASP need, and keeps
  // them. The same bits for any number of threads. `data_name` and `data_digest` say what they were
  // gathered on.
  virtual absl::Status Calibrate(const Dataset& data, const std::string& data_name,
                                 const std::string& data_digest, ThreadPool* pool,
                                 const Cancellation& cancellation) = 0;
  // Summary of the calibration; dataset_digest empty if there is none.
  virtual const v1::Calibration& calibration() const = 0;
  // Squared inputs of the full-power network from calibration, for
  // Deployment::NominalSynapticPower; no samples without calibration.
  virtual Recorder FullPowerRecord() const { return {}; }
  // Mean synaptic power a sample at full power on this hardware, from calibration; 0 without. The
  // denominator of online NASP. `realisation` was checked.
  virtual double FullPower(const v1::Realisation& realisation) const {
    (void)realisation;
    return calibration().full_power();
  }
  virtual v1::Loss::Kind loss() const = 0;
  // Whether Tune would accept these, without its data: errors are those of Tune. The default, for a
  // family whose biases cannot be tuned, is UNIMPLEMENTED.
  virtual absl::Status CheckTune(const v1::TuneSpec& spec, const v1::PowerMode& start) const;
  // Trains the biases alone while the weights stand scaled as the mode `start` says, from the
  // biases that its policy gives, and keeps them for deployments with the policy TUNED at these
  // epsilons. Of the spec, loss, method, epochs, learning rate, batch size and seed count. The same
  // bits for any number of threads; after an error the model is as it was. INVALID_ARGUMENT names
  // fields of the spec, FAILED_PRECONDITION says what the model lacks.
  virtual absl::Status Tune(const v1::TuneSpec& spec, const v1::PowerMode& start,
                            const Dataset& data, const std::string& data_digest, ThreadPool* pool,
                            const Cancellation& cancellation, const TuneProgress& progress);
  // What is stored, counted as asked. INVALID_ARGUMENT names fields of `counting`. By default
  // float32 parameters.
  virtual absl::StatusOr<std::vector<v1::MemoryEntry>> Memory(
      const v1::MemoryCounting& counting) const;
  // The arrays of weights that a memory would hold: shapes, bits of a weight, and the share that is
  // not zero; without biases. As the network stores them, or in `bits`, 1..32, by the family's own
  // rounding (post-training quantisation). UNIMPLEMENTED by default.
  virtual absl::StatusOr<std::vector<v1::WeightArray>> WeightArrays(std::optional<int> bits) const;
  // The same network stored in so many bits (post-training quantisation): its definition says so,
  // and its calibration is forgotten. INVALID_ARGUMENT names fields below "quantization.";
  // UNIMPLEMENTED by default.
  virtual absl::StatusOr<std::unique_ptr<Model>> Quantised(
      const v1::Quantization& quantization) const;
  // How weights and biases are distributed, by layer.
  virtual v1::WeightAnalysis AnalyzeWeights() const = 0;
  // What is kept; training and fresh parameters forget it.
  virtual std::vector<v1::Tuning> tunings() const { return {}; }
  // Whether this network can stand on such hardware. INVALID_ARGUMENT names fields of the
  // realisation. The default, for a family that is not written in copies, refuses those.
  virtual absl::Status CheckHardware(const v1::Realisation& realisation) const;
  // Whether training and evaluation measure accuracy under column noise without being asked:
  // families whose columns are analogue. The others take noise where it is asked for.
  virtual bool noise_is_usual() const { return true; }
  // Checks the mode against the levers and the statistics, and makes a deployment that no longer
  // needs the model.
  virtual absl::StatusOr<std::shared_ptr<const Deployment>> Deploy(
      const v1::PowerMode& mode, const v1::Realisation& realisation) const = 0;
  // Parameters, calibration, tunings and loss. The definition is in the archive's manifest.
  virtual void Save(ArchiveWriter& archive) const = 0;
  // Errors name the tensor and the shapes.
  virtual absl::Status Load(const ArchiveReader& archive) = 0;
};

// Checks a definition and builds the model of its family with parameters from `seed`.
// INVALID_ARGUMENT names each wrong field by its path inside the network, e.g.
// "rate.layers[1].dense.units". Implemented in engine/families.cc.
using ModelFactory = absl::StatusOr<std::unique_ptr<Model>> (*)(const v1::Network&, uint64_t seed);

// Bytes of all entries together.
double MemoryBytes(const std::vector<v1::MemoryEntry>& entries);

// A whole archive (kind "model") of `model`, and back.
std::string SerializeModel(const Model& model);
// Of one that was trained: FAILED_PRECONDITION with reason DIVERGED names a tensor that is no
// longer finite.
absl::StatusOr<std::string> SerializeTrained(const Model& model);
absl::StatusOr<std::unique_ptr<Model>> ParseModel(std::string_view archive, ModelFactory factory);

}  // namespace torpor
