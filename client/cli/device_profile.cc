#include "client/cli/device_profile.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/rpc.h"
#include "torpor/v1/energy.grpc.pb.h"

namespace torpor::cli {

absl::StatusOr<v1::ListDeviceProfilesResponse> ListProfiles(Context& context) {
  return Call<v1::EnergyService>(context, &v1::EnergyService::Stub::ListDeviceProfiles,
                                 v1::ListDeviceProfilesRequest());
}

absl::StatusOr<v1::DeviceProfile> NamedProfile(const v1::ListDeviceProfilesResponse& list,
                                               const std::string& name, absl::string_view where) {
  std::vector<std::string> names;
  for (const v1::DeviceProfile& profile : list.profiles()) {
    if (profile.name() == name) return profile;
    names.push_back(profile.name());
  }
  const std::string close = ClosestTo(name, names);
  return UsageError(
      absl::StrCat("the server has no device profile `", name, "`"), where,
      close.empty() ? "torpor energy profiles, or a file such as my-device.yaml" : close);
}

absl::StatusOr<ChosenProfile> ChooseProfile(Context& context, const std::string& word) {
  ChosenProfile chosen;
  if (word == "-" || absl::StrContains(word, '.') || absl::StrContains(word, '/')) {
    CLI_ASSIGN_OR_RETURN(Definition file, Definition::Load(context, word));
    CLI_RETURN_IF_ERROR(file.Read("", chosen.profile));
    chosen.file = std::make_unique<Definition>(std::move(file));
    return chosen;
  }
  CLI_ASSIGN_OR_RETURN(const v1::ListDeviceProfilesResponse list, ListProfiles(context));
  CLI_ASSIGN_OR_RETURN(chosen.profile, NamedProfile(list, word, "--profile"));
  return chosen;
}

}  // namespace torpor::cli
