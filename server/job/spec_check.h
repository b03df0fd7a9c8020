// What a job's specification must satisfy before the job is accepted, and its defaults.
#pragma once

#include "absl/status/status.h"
#include "engine/data/catalogue.h"
#include "engine/network/model.h"
#include "server/session/registry.h"
#include "torpor/v1/job.pb.h"

namespace torpor {

// The dataset that a specification names; "" if its kind is not set.
std::string DatasetOf(const v1::JobSpec& spec);
// Names it; the kind is set.
void SetDataset(v1::JobSpec& spec, const std::string& name);

// Fills every field that was left at its default and means the same to every network, so that the
// stored specification says what will be done.
void FillDefaults(v1::JobSpec& spec);

// Checks everything that needs neither session nor data: the kind, bounds, finite numbers.
// INVALID_ARGUMENT with paths from the request's root ("spec.train.epochs") and every violation.
// Call before FillDefaults.
absl::Status CheckBounds(const v1::JobSpec& spec);

// Fills the defaults of the session's family, and checks the specification against the session's
// network and the dataset: shapes, classes, numbers of samples, loss and activation, realisation
// and calibration. Builds the model to ask it. Call after FillDefaults.
absl::Status FitToSession(v1::JobSpec& spec, const SessionSnapshot& session,
                          const v1::Dataset& dataset, ModelFactory factory);

}  // namespace torpor
