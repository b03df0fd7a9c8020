#include "server/session/session_view.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/session/deploy.h"
#include "server/store/names.h"

namespace torpor {

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp stamp;
  const int64_t nanos = absl::ToUnixNanos(time);
  stamp.set_seconds(nanos / 1'000'000'000);
  stamp.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  return stamp;
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  google::protobuf::Duration result;
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  result.set_seconds(nanos / 1'000'000'000);
  result.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  return result;
}

v1::Session ViewOf(const Row& row, const v1::StoredSession& stored, const Model& model) {
  v1::Session view = stored.session();
  view.set_name(NameOf("sessions", row.id));
  view.set_uid(row.uid);
  *view.mutable_create_time() = ToTimestamp(row.create_time);
  *view.mutable_update_time() = ToTimestamp(row.update_time);
  view.set_etag(EtagOf(row.version));
  view.clear_levers();
  for (const v1::Lever& lever : model.levers().all()) *view.add_levers() = lever;
  view.clear_calibration();
  if (!model.calibration().dataset_digest().empty())
    *view.mutable_calibration() = model.calibration();
  view.clear_tunings();
  for (v1::Tuning& tuning : model.tunings()) *view.add_tunings() = std::move(tuning);
  view.set_noise_awaits_calibration(NoiseAwaitsCalibration(model, view.realisation()));
  return view;
}

absl::Status CheckTexts(const v1::Session& session, std::string_view path) {
  constexpr size_t kMaximum = 63;
  constexpr int kMaximumLabels = 64;
  const std::string prefix(path);
  Violations violations;
  if (session.display_name().size() > kMaximum) {
    violations.Add(prefix + "display_name",
                   absl::StrCat("must have at most 63 bytes, got ", session.display_name().size()));
  }
  if (session.labels_size() > kMaximumLabels) {
    violations.Add(prefix + "labels",
                   absl::StrCat("must have at most 64 entries, got ", session.labels_size()));
  }
  for (const auto& [key, value] : session.labels()) {
    if (key.empty() || key.size() > kMaximum || value.size() > kMaximum) {
      violations.Add(prefix + "labels",
                     absl::StrCat("keys must have 1..63 bytes and values at most 63, got the key '",
                                  key.substr(0, 63), "' with ", key.size(), " and a value with ",
                                  value.size()));
      break;
    }
  }
  return violations.ToStatus();
}

std::shared_ptr<const Served> MakeServed(std::shared_ptr<const Deployment> deployment,
                                         const v1::StoredSession& stored, const Model& model) {
  auto served = std::make_shared<Served>();
  served->deployment = std::move(deployment);
  served->generation = stored.session().generation();
  served->mode = stored.session().power_mode();
  if (!model.calibration().dataset_digest().empty())
    served->full_power = model.FullPower(stored.session().realisation());
  return served;
}

}  // namespace torpor
