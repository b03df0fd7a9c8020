// A selection without its work: which arms a specification has and which trainings they need, and
// the table that their measurements make. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/power/hopeless.h"
#include "torpor/v1/selection.pb.h"

namespace torpor {

// Training samples held out, unless the specification says how many.
inline constexpr int64_t kSelectValidationSamples = 5000;

// A candidate in a storage, both as indices into the specification; kOwnStorage as the candidate's
// definition says.
struct ArmOrigin {
  static constexpr int kOwnStorage = -1;
  int candidate = 0;
  int storage = kOwnStorage;
};

// In the order of the table: each candidate in its own storage, then in the others.
std::vector<ArmOrigin> ArmsOf(const v1::SelectSpec& spec);

// The trainings of one network by each seed, and the arms that they serve.
struct TrainingGroup {
  int candidate = 0;
  // The storage that it learns in; kOwnStorage also serves all post-training storages.
  int storage = ArmOrigin::kOwnStorage;
  // Indices into ArmsOf.
  std::vector<int> arms;
};

// Those in own storage first: they are what the others must stand up to.
std::vector<TrainingGroup> TrainingsOf(const v1::SelectSpec& spec);

// Index of the arm whose memory is M_0: the reference candidate in its own storage.
size_t ReferenceArm(const v1::SelectSpec& spec);

// The seeds; 1 alone where the specification has none.
std::vector<uint64_t> SeedsOf(const v1::SelectSpec& spec);

// The first end of a batch, in samples since the start of the training, at or after `samples`:
// every epoch has `epoch_samples`, in batches of `batch` but for a smaller last one.
int64_t BatchEnd(int64_t samples, int64_t epoch_samples, int64_t batch);

// Shares of a training at which arms are compared. None earlier: of 400 neurons in 8 bits one stood
// at 17 % on a sixth of 20,000 samples, more than 50 points behind others, and came out first.
inline constexpr double kRungShares[] = {1.0 / 3, 2.0 / 3};

// By how much an arm must be behind others of its candidate at a share of its training to be given
// up, beside the intervals: 40 and 20 points. Of 72 storages of 100 and 400 neurons (MNIST, 20,000
// samples) that gave up 16, all of which ended at 45 % or below where the best came to 90 % and
// 92 %. Candidates are not compared before their end: 400 neurons stood at 37 % where 100 stood
// above 80 %, and ended three points ahead.
double StoppingMargin(double share);

// What HopelessArms is to know of an arm, from its measurements by all of the `seeds` seeds: counts
// of all seeds together. Energies that differ by less than about a twentieth count as equal,
// unless `exact_energy`: a network that has gone silent saves a few spikes, and that is no hope.
Arm StoppingArm(const v1::SelectArm& arm, size_t seeds, bool exact_energy);

// Sets the figures of an arm from its measurements, all of them at the same training: mean accuracy
// with its interval (Student's over seeds, Wilson's from one) and mean energy, unset where one is
// unknown. No measurement: nothing is set.
void SetFigures(v1::SelectArm& arm);

// Marks the Pareto set over accuracy, memory and energy, the trade-offs that each arm wins, and the
// chosen one, among arms without error; their figures are set. Returns one sentence on the limits,
// empty without.
std::string CompareArms(const v1::SelectSpec& spec, std::vector<v1::SelectArm>& arms);

// "small, 8-bit weights, nearest, post-training".
std::string ArmName(const v1::SelectArm& arm);

}  // namespace torpor
