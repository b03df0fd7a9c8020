// Definitions of core grids for tests.
#pragma once

#include <string>

#include "engine/base/status.h"
#include "google/protobuf/text_format.h"
#include "torpor/v1/network.pb.h"

namespace torpor::testing {

// `text` in protobuf's text form: the fields of TrueNorthNetwork.
inline v1::Network CoreGrid(const std::string& text) {
  v1::Network network;
  TORPOR_CHECK(
      google::protobuf::TextFormat::ParseFromString("truenorth { " + text + " }", &network));
  return network;
}

// Jimeno Yepes and Tang, table 1: 5 cores.
inline v1::Network SmallGrid() {
  return CoreGrid(
      "input { shape: [28, 28] } layers { block: 16 stride: 12 } layers { block: 2 stride: 1 }");
}

// 30 cores.
inline v1::Network LargeGrid() {
  return CoreGrid(R"(input { shape: [28, 28] } layers { block: 16 stride: 4 }
      layers { block: 2 stride: 1 } layers { block: 2 stride: 1 } layers { block: 2 stride: 1 })");
}

// 4 + 1 cores on 6 x 6 pixels, three classes with two neurons each, 3 ticks.
inline v1::Network TinyGrid() {
  return CoreGrid(R"(input { shape: [6, 6] } layers { name: "eyes" block: 4 stride: 2 }
      layers { name: "out" block: 2 stride: 1 } classes: 3 output_neurons: 6 ticks: 3)");
}

}  // namespace torpor::testing
