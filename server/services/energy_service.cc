#include "server/services/energy_service.h"

#include "engine/base/status.h"
#include "engine/energy/coefficients.h"
#include "engine/energy/price.h"
#include "engine/energy/profiles.h"
#include "server/services/unary.h"

namespace torpor {
namespace {

v1::ListDeviceProfilesResponse ListProfiles() {
  v1::ListDeviceProfilesResponse response;
  for (v1::DeviceProfile& profile : BuiltInProfiles()) {
    *response.add_profiles() = std::move(profile);
  }
  for (const CoefficientInfo& info : Coefficients()) {
    v1::CoefficientKind* kind = response.add_coefficients();
    kind->set_name(info.name);
    kind->set_unit(info.unit);
    kind->set_description(info.description);
  }
  return response;
}

absl::StatusOr<v1::DeviceProfile> ProfileOf(const v1::PriceActivityRequest& request) {
  switch (request.profile_case()) {
    case v1::PriceActivityRequest::kProfileName:
      return FindProfile(request.profile_name());
    case v1::PriceActivityRequest::kDeviceProfile:
      TORPOR_RETURN_IF_ERROR(
          WithFieldPrefix(CheckProfile(request.device_profile()), "device_profile."));
      return request.device_profile();
    default:
      return FieldError("profile_name", "must be set, or device_profile");
  }
}

absl::StatusOr<v1::EnergyReport> PriceRequest(const v1::PriceActivityRequest& request) {
  TORPOR_RETURN_IF_ERROR(WithFieldPrefix(CheckActivity(request.activity()), "activity."));
  TORPOR_ASSIGN_OR_RETURN(const v1::DeviceProfile profile, ProfileOf(request));
  return Price(request.activity(), profile);
}

}  // namespace

grpc::ServerUnaryReactor* EnergyServiceImpl::ListDeviceProfiles(
    grpc::CallbackServerContext* context, const v1::ListDeviceProfilesRequest* request,
    v1::ListDeviceProfilesResponse* reply) {
  return RunUnary(
      context, executor_, request, reply,
      [](const v1::ListDeviceProfilesRequest&) -> absl::StatusOr<v1::ListDeviceProfilesResponse> {
        return ListProfiles();
      });
}

grpc::ServerUnaryReactor* EnergyServiceImpl::PriceActivity(grpc::CallbackServerContext* context,
                                                           const v1::PriceActivityRequest* request,
                                                           v1::EnergyReport* reply) {
  return RunUnary(context, executor_, request, reply,
                  [](const v1::PriceActivityRequest& r) { return PriceRequest(r); });
}

}  // namespace torpor
