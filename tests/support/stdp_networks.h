// Definitions of competitive networks for tests.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "google/protobuf/text_format.h"
#include "torpor/v1/network.pb.h"

namespace torpor::testing {

// `text` in protobuf's text form: the fields of StdpNetwork.
inline v1::Network StdpNetwork(const std::string& text) {
  v1::Network network;
  TORPOR_CHECK(
      google::protobuf::TextFormat::ParseFromString(absl::StrCat("stdp { ", text, " }"), &network));
  return network;
}

// tinySNN, section 3: 400 neurons with direct inhibition.
inline v1::Network TinySnn() { return StdpNetwork("input { shape: [28, 28] } neurons: 400"); }

// 24 neurons on the synthetic digits' 12 x 12 pixels, inputs fast enough for 60 steps.
inline v1::Network SmallStdp(const std::string& more = "") {
  return StdpNetwork(absl::StrCat(
      "input { shape: [12, 12] } neurons: 24 steps: 60 rate_hz: 300 theta_plus_mv: 0.3 ", more));
}

}  // namespace torpor::testing
