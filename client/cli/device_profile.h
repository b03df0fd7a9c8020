// Device profiles as users choose them: a name that the server knows, or a file.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"
#include "client/cli/definition.h"
#include "torpor/v1/energy.pb.h"

namespace torpor::cli {

absl::StatusOr<v1::ListDeviceProfilesResponse> ListProfiles(Context& context);

// A usage error at `where` with the nearest name, if there is none.
absl::StatusOr<v1::DeviceProfile> NamedProfile(const v1::ListDeviceProfilesResponse& list,
                                               const std::string& name, absl::string_view where);

// A profile, and the file to name in errors, null without.
struct ChosenProfile {
  v1::DeviceProfile profile;
  std::unique_ptr<Definition> file;
};

// `word` is a name, or a YAML or JSON file or - for standard input. Names have no dots and no
// slashes.
absl::StatusOr<ChosenProfile> ChooseProfile(Context& context, const std::string& word);

}  // namespace torpor::cli
