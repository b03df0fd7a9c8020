// torpor energy: what a session's activity costs on a device.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/device_profile.h"
#include "client/cli/energy_ledger.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/rpc.h"
#include "client/cli/watch.h"

namespace torpor::cli {
namespace {

void PrintProfile(Context& context, const v1::DeviceProfile& profile) {
  std::vector<Json> rows;
  for (const v1::Coefficient& c : profile.coefficients()) rows.push_back(ToJson(c));
  PrintRows(context,
            {{"name", "coefficient"},
             {"value", "", Cell::kNumber},
             {"unit"},
             {"low", "", Cell::kNumber},
             {"high", "", Cell::kNumber},
             {"kind"},
             {"source"}},
            rows, ToJson(profile));
  if (context.options.format != Format::kTable) return;
  context.out << "\n" << profile.description() << "\ncaveat: " << profile.caveat() << "\n";
}

struct ProfilesFlags {
  std::string name;
  bool coefficients = false;
};

absl::Status Profiles(Context& context, const ProfilesFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const v1::ListDeviceProfilesResponse list, ListProfiles(context));
  std::vector<Json> rows;
  if (flags.coefficients) {
    for (const v1::CoefficientKind& kind : list.coefficients()) rows.push_back(ToJson(kind));
    PrintRows(context, {{"name"}, {"unit"}, {"description"}}, rows, {{"coefficients", rows}});
    return absl::OkStatus();
  }
  if (!flags.name.empty()) {
    CLI_ASSIGN_OR_RETURN(const v1::DeviceProfile profile,
                         NamedProfile(list, flags.name, "torpor energy profiles"));
    PrintProfile(context, profile);
    return absl::OkStatus();
  }
  for (const v1::DeviceProfile& profile : list.profiles()) rows.push_back(ToJson(profile));
  PrintRows(context, {{"name"}, {"description"}}, rows, ToJson(list));
  context.Note("coefficients with their sources: torpor energy profiles NAME");
  return absl::OkStatus();
}

struct ReportFlags {
  std::string session, dataset, split, profile;
  int64_t samples = 0;
  SubmitFlags submit;
};

absl::StatusOr<v1::Job> Measure(Context& context, const ReportFlags& flags) {
  v1::JobSpec spec;
  v1::EvaluateSpec& evaluate = *spec.mutable_evaluate();
  CLI_ASSIGN_OR_RETURN(const v1::Split::Kind split, ParseSplit(flags.split));
  ChosenProfile chosen;
  if (!flags.profile.empty()) {
    CLI_ASSIGN_OR_RETURN(chosen, ChooseProfile(context, flags.profile));
    *evaluate.mutable_energy_profile() = chosen.profile;
  }
  CLI_ASSIGN_OR_RETURN(*spec.mutable_session(), ResolveSession(context, flags.session));
  evaluate.set_dataset(FullName("datasets", flags.dataset));
  evaluate.set_split(split);
  evaluate.set_samples(flags.samples);
  // Noise changes accuracies, which are not asked for.
  evaluate.mutable_noise()->set_without(true);
  SubmitFlags waiting = flags.submit;
  waiting.wait = true;
  const auto place = [&](absl::Status status) {
    if (chosen.file == nullptr) return NameFlag(std::move(status));
    return chosen.file->Locate(std::move(status), "spec.evaluate.energy_profile.");
  };
  CLI_ASSIGN_OR_RETURN(const v1::Job job, SubmitJob(context, spec, waiting, place));
  CLI_RETURN_IF_ERROR(JobOutcome(job));
  return job;
}

absl::Status Report(Context& context, const ReportFlags& flags) {
  CLI_ASSIGN_OR_RETURN(const v1::Job job, Measure(context, flags));
  if (job.rows().empty() || !job.rows(0).has_energy()) {
    return WorkFailed("this network's family has no device profile of its own", job.name(),
                      "--profile NAME (torpor energy profiles)");
  }
  const v1::PowerSweepRow& row = job.rows(0);
  const v1::Distribution* joules = row.has_joules() ? &row.joules() : nullptr;
  Json whole = LedgerJson(row.energy(), joules);
  whole["job"] = job.name();
  whole["session"] = job.spec().session();
  whole["power_mode"] = ToJson(row.power_mode());
  PrintRows(context, LedgerColumns(context.options.format), LedgerRows(row.energy()), whole);
  if (context.options.format != Format::kTable) return absl::OkStatus();
  context.out << "\n";
  for (const std::string& line : LedgerSummary(row.energy(), joules)) context.out << line << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddEnergyCommands(CLI::App& root, Context& context) {
  CLI::App* energy = AddNoun(root, "energy",
                             "What a network's activity costs on a device, and where that is from.",
                             "torpor energy report s1 --dataset fashion-mnist --samples 1000\n"
                             "torpor energy profiles");
  auto profiles_flags = std::make_shared<ProfilesFlags>();
  CLI::App* profiles = AddCommand(
      *energy, "profiles", "Device profiles that the server knows, or one with its coefficients.",
      "torpor energy profiles\ntorpor energy profiles reram-wan2022 -o json > my-device.json",
      context, [=, &context] { return Profiles(context, *profiles_flags); });
  profiles->add_option("name", profiles_flags->name, "the profile; default all");
  profiles->add_flag("--coefficients", profiles_flags->coefficients,
                     "what a profile may hold: names, units, what they price");

  auto flags = std::make_shared<ReportFlags>();
  CLI::App* report = AddCommand(
      *energy, "report",
      "Prices the present mode's activity by layer and kind; a job measures it, this waits.",
      "torpor energy report s1 --dataset fashion-mnist --samples 1000\n"
      "torpor energy report s1 --dataset fashion-mnist --profile my-device.yaml -o json",
      context, [=, &context] { return Report(context, *flags); });
  report->add_option("session", flags->session, "the session")->required();
  report->add_option("--dataset", flags->dataset, "name of a dataset (torpor dataset list)")
      ->required();
  report->add_option("--split", flags->split, "test or train; default test");
  report->add_option("--samples", flags->samples, "first samples only; default all");
  report->add_option("--profile", flags->profile,
                     "name of a device profile, or a YAML or JSON file; default the family's own");
  AddSubmitFlags(*report, flags->submit, false);
}

}  // namespace torpor::cli
