#include "server/job/power_spec_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/energy/price.h"
#include "engine/power/noise.h"
#include "engine/power/search.h"
#include "engine/power/sweep.h"

namespace torpor {
namespace {

// Fields that all three have.
template <class Spec>
void CheckCommon(const std::string& path, const Spec& spec, Violations& violations) {
  if (spec.dataset().empty()) violations.Add(path + "dataset", "must be set");
  if (!v1::Split::Kind_IsValid(spec.split())) {
    violations.Add(path + "split", "must be TRAIN, TEST or VALIDATION");
  }
  if (spec.samples() < 0) {
    violations.Add(path + "samples", absl::StrCat("must not be negative, got ", spec.samples()));
  }
  CheckNoise(spec.noise(), path + "noise.", violations);
}

template <class Spec>
void CheckEnergyProfile(const std::string& path, const Spec& spec, Violations& violations) {
  if (spec.has_energy_profile()) {
    CheckProfile(spec.energy_profile(), path + "energy_profile.", violations);
  }
}

void CheckPolicy(const std::string& path, int policy, Violations& violations) {
  if (!v1::BiasPolicy::Kind_IsValid(policy) || policy == v1::BiasPolicy::UNSPECIFIED) {
    violations.Add(path, "must be NONE, TABLE, HOMOGENEOUS, EMPIRICAL, MATCHED or TUNED");
  }
}

void FillNoise(v1::NoiseSpec& spec) {
  // Levels that nobody named are the family's business.
  spec.set_seeds(PlanOf(spec).seeds);
}

// Whether the hardware is one, and can be had: noise needs calibration, which only the model can
// tell.
absl::Status CheckHardware(const std::string& path, const v1::Realisation& realisation,
                           const Model& model) {
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(CheckRealisation(realisation), path + "realisation."));
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.CheckHardware(realisation), path + "realisation."));
  return model.Deploy(v1::PowerMode(), realisation).status();
}

}  // namespace

void CheckEvaluateBounds(const v1::EvaluateSpec& spec, Violations& violations) {
  const std::string path = "spec.evaluate.";
  CheckCommon(path, spec, violations);
  CheckEnergyProfile(path, spec, violations);
}

void CheckPowerSweepBounds(const v1::PowerSweepSpec& spec, Violations& violations) {
  const std::string path = "spec.power_sweep.";
  CheckCommon(path, spec, violations);
  CheckEnergyProfile(path, spec, violations);
  CheckGrid(spec, path, violations);
  for (int i = 0; i < spec.bias_size(); ++i) {
    CheckPolicy(absl::StrCat(path, "bias[", i, "]"), spec.bias(i), violations);
  }
}

void CheckPowerSearchBounds(const v1::PowerSearchSpec& spec, Violations& violations) {
  const std::string path = "spec.power_search.";
  CheckCommon(path, spec, violations);
  if (spec.split() == v1::Split::TEST) {
    violations.Add(path + "split",
                   "must be VALIDATION or TRAIN: settings are chosen on training data");
  }
  if (!(spec.nasp() > 0 && spec.nasp() <= 1)) {
    violations.Add(path + "nasp", absl::StrCat("must be in (0, 1], got ", spec.nasp()));
  }
}

void FillEvaluateDefaults(v1::EvaluateSpec& spec) {
  if (spec.split() == v1::Split::UNSPECIFIED) spec.set_split(v1::Split::TEST);
  FillNoise(*spec.mutable_noise());
}

void FillPowerSweepDefaults(v1::PowerSweepSpec& spec) {
  if (spec.split() == v1::Split::UNSPECIFIED) spec.set_split(v1::Split::TEST);
  if (spec.bias().empty() && !spec.epsilon().empty()) {
    spec.add_bias(spec.base().has_bias() ? spec.base().bias() : v1::BiasPolicy::NONE);
  }
  FillNoise(*spec.mutable_noise());
}

void FillPowerSearchDefaults(v1::PowerSearchSpec& spec) {
  if (spec.split() == v1::Split::UNSPECIFIED) spec.set_split(v1::Split::VALIDATION);
  FillNoise(*spec.mutable_noise());
}

absl::Status CheckPowerSweepAgainst(const v1::PowerSweepSpec& spec, const Model& model) {
  const std::string path = "spec.power_sweep.";
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(CheckSweep(model, spec), path));
  const auto check = [&](const v1::PowerMode& mode, const std::string& inside) {
    return WithFieldPrefix(model.levers().Check(mode), path + inside);
  };
  TORPOR_RETURN_IF_ERROR(check(spec.base(), "base."));
  for (const double epsilon : spec.epsilon()) {
    v1::PowerMode mode;
    mode.set_epsilon(epsilon);
    TORPOR_RETURN_IF_ERROR(check(mode, ""));
  }
  for (const int policy : spec.bias()) {
    v1::PowerMode mode;
    mode.set_bias(static_cast<v1::BiasPolicy::Kind>(policy));
    TORPOR_RETURN_IF_ERROR(check(mode, ""));
  }
  for (int a = 0; a < spec.axes_size(); ++a) {
    for (int v = 0; v < spec.axes(a).values_size(); ++v) {
      TORPOR_RETURN_IF_ERROR(
          check(spec.axes(a).values(v), absl::StrCat("axes[", a, "].values[", v, "].")));
    }
  }
  for (int i = 0; i < spec.modes_size(); ++i) {
    TORPOR_RETURN_IF_ERROR(check(spec.modes(i), absl::StrCat("modes[", i, "].")));
  }
  return spec.has_realisation() ? CheckHardware(path, spec.realisation(), model) : absl::OkStatus();
}

absl::Status CheckPowerSearchAgainst(const v1::PowerSearchSpec& spec, const Model& model) {
  const std::string path = "spec.power_search.";
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(CheckSearch(model, spec), path));
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(model.levers().Check(spec.base()), path + "base."));
  if (spec.has_realisation()) {
    TORPOR_RETURN_IF_ERROR(CheckHardware(path, spec.realisation(), model));
  }
  // A policy that this model cannot have is refused now rather than by the worker.
  return model.Deploy(spec.base(), v1::Realisation()).status();
}

}  // namespace torpor
