// Training the biases of a rate network while its weights stand scaled (C. Merkel, "Synaptic
// Scaling and Optimal Bias Adjustments for Power Reduction in Neuromorphic Systems": the dotted
// lines of figures 4 and 5): x = f(epsilon W u + c), with the training loss as a function of all c.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/base/cancellation.h"
#include "engine/base/thread_pool.h"
#include "engine/data/dataset.h"
#include "engine/network/model.h"
#include "engine/rate/model.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// What is held of the first layer's products at most, since they are the same in every pass; beyond
// this they are computed each time. Bytes.
inline constexpr int64_t kHeldProducts = int64_t{256} << 20;

// The spec with its defaults filled in for this model: loss (that of its training; if it was never
// trained, BCE for sigmoid outputs and CE for others), method, epochs, learning rate, batch size.
v1::TuneSpec CompleteTuneSpec(const RateModel& model, v1::TuneSpec spec);

// Whether biases of this network can be tuned so. INVALID_ARGUMENT names fields of the spec:
// "loss", "method" (NEWTON is for networks of one layer, CE for at most kMaxJointOutputs outputs),
// "learning_rate", "batch_size", "epochs"; FAILED_PRECONDITION with reason NO_BIAS or
// NOT_TRAINABLE.
absl::Status CheckTuneSpec(const RateModel& model, const v1::TuneSpec& spec);

// Tuned biases by layer for epsilons and starting biases by layer; layers without weights have
// neither. ADAM: minibatches of an order that (seed, epoch) gives. NEWTON: FindOptimalBias
// (engine/scaling/optimal_bias.h). The model stays as it is. Errors: those of CheckTuneSpec,
// INVALID_ARGUMENT for data that does not fit ("dataset", "samples"), DIVERGED, CANCELLED, what
// `progress` returns. The same bits for any number of threads.
absl::StatusOr<std::vector<std::vector<float>>> TuneBiases(
    const RateModel& model, const v1::TuneSpec& spec, const std::vector<double>& epsilon,
    std::vector<std::vector<float>> start, const Dataset& data, ThreadPool* pool,
    const Cancellation& cancellation, const TuneProgress& progress);

}  // namespace torpor
