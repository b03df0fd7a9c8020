// The fuzz target of memory organisations over a fixed, seeded corpus.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/energy/memory_profiles.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/memory_target.h"

namespace torpor::fuzz {
namespace {

template <typename Request>
Request RequestOf(const std::string& text) {
  Request request;
  TORPOR_CHECK(google::protobuf::TextFormat::ParseFromString(text, &request));
  return request;
}

constexpr char kDense[] = "arrays { dense { inputs: 64 outputs: 10 } bits: 8 density: 0.1 } ";
constexpr char kConv[] =
    "arrays { name: 'c' conv2d { height: 9 width: 8 kernel_height: 3 kernel_width: 3 "
    "input_channels: 2 output_channels: 4 places: 42 } bits: 4 input_activity: 0.05 } ";

TEST(Fuzz, Memory) {
  std::vector<std::string> seeds;
  const auto add = [&](bool compares, const auto& request) {
    seeds.push_back(absl::StrCat(compares ? "\x01" : "\x02", request.SerializeAsString()));
  };
  using Estimate = v1::EstimateMemoryRequest;
  using Compare = v1::CompareMemoryRequest;
  add(false, RequestOf<Estimate>(absl::StrCat("subject { ", kDense, kConv, "}")));
  add(false, RequestOf<Estimate>(absl::StrCat("subject { ", kConv, "} schemes: FUNCTIONAL")));
  add(true, RequestOf<Compare>(absl::StrCat("subject { ", kDense, kConv, "} draws: 9")));
  add(true,
      RequestOf<Compare>(absl::StrCat("subject { ", kDense,
                                      "} schemes: [POINTER_INDEX, CROSSBAR] seed: 3 draws: 20 "
                                      "costs { profile_name: 'memory-45nm-packed' }")));
  // Nothing is stored: against that every scheme costs infinitely more.
  add(true, RequestOf<Compare>("subject { arrays { dense { inputs: 5 outputs: 7 } bits: 3 "
                               "density: 0 } } draws: 20"));
  // A client's own costs.
  for (const v1::DeviceProfile& profile : MemoryProfiles()) {
    auto request = RequestOf<Compare>(absl::StrCat("subject { ", kDense, "} draws: 20"));
    *request.mutable_costs()->mutable_device_profile() = profile;
    add(true, request);
  }
  RunCorpus(FuzzMemory, seeds, 1500);
}

}  // namespace
}  // namespace torpor::fuzz
