// Definitions of networks with traces for tests.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "google/protobuf/text_format.h"
#include "torpor/v1/network.pb.h"

namespace torpor::testing {

// `text` in protobuf's text form: the fields of LifNetwork.
inline v1::Network LifNetworkOf(const std::string& text) {
  v1::Network network;
  TORPOR_CHECK(
      google::protobuf::TextFormat::ParseFromString(absl::StrCat("lif { ", text, " }"), &network));
  return network;
}

// 32 hidden neurons on the synthetic digits' 12 x 12 pixels, 12 steps of a latency code.
inline v1::Network SmallLif(const std::string& more = "") {
  return LifNetworkOf(absl::StrCat(
      "input { shape: [12, 12] } steps: 12 layers { name: 'hidden' dense { units: 32 } "
      "initial_scale: 2 } layers { name: 'out' dense { units: 10 } } ",
      more));
}

// The same behind a convolution and a pool.
inline v1::Network SmallLifImage(const std::string& more = "") {
  return LifNetworkOf(absl::StrCat(
      "input { shape: [12, 12] } steps: 12 layers { name: 'conv' conv2d { channels: 6 kernel: 3 } "
      "initial_scale: 2 } layers { name: 'pool' avg_pool2d { kernel: 2 } } "
      "layers { name: 'flat' flatten {} } layers { name: 'out' dense { units: 10 } } ",
      more));
}

}  // namespace torpor::testing
