// The kinds of jobs: each runs one attempt and fills the result's metrics, rows, provenance and
// model.
//
// Errors: CANCELLED when the cancellation was seen (a training job has checkpointed then); anything
// else is why the job failed. The state of the result is the caller's to set.
#pragma once

#include "absl/status/status.h"
#include "engine/job/job_context.h"
#include "torpor/v1/job_directory.pb.h"

namespace torpor {

// Trains, calibrates on the training split, measures on the test split at full power without noise.
// See train.cc for the metrics.
absl::Status RunTrain(const JobContext& context, v1::WorkResult& result);

// The session's mode and realisation on a split: accuracy, loss, ece, agreement, nasp and the noise
// accuracies (NoiseMetricName), each with its interval, and nasp_nominal.
absl::Status RunEvaluate(const JobContext& context, v1::WorkResult& result);

// Statistics on the training split; the result's model is the input with them added.
absl::Status RunCalibrate(const JobContext& context, v1::WorkResult& result);

// Trains the biases for each scaling of the spec; the result's model is the input with them added.
// See tune.cc for the metrics.
absl::Status RunTune(const JobContext& context, v1::WorkResult& result);

// A row for every mode of the grid, reported as each is done.
absl::Status RunPowerSweep(const JobContext& context, v1::WorkResult& result);

// The mode that draws a given share of full power, and rows of what was measured on the way; the
// metrics are those of the found mode, named as in an evaluation. It keeps no checkpoints: an
// attempt begins anew and comes to the same bits.
absl::Status RunPowerSearch(const JobContext& context, v1::WorkResult& result);

// Trains and measures every arm of a selection and compares them. See select.cc for the metrics,
// and for what an attempt takes over from earlier ones.
absl::Status RunSelect(const JobContext& context, v1::WorkResult& result);

}  // namespace torpor
