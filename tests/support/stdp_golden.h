// The golden run of a competitive network that learns by STDP: tests/golden/stdp/parity.bin, whose
// format and equations the opening lines of generate.py beside it tell.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/status.h"
#include "nlohmann/json.hpp"

namespace torpor::testing {

// A spike of an input or of an excitatory neuron; a train lists them by step, then by index.
struct GoldenSpike {
  int step = 0;
  int index = 0;
};
inline bool operator==(const GoldenSpike& a, const GoldenSpike& b) {
  return a.step == b.step && a.index == b.index;
}

struct GoldenSample {
  std::vector<GoldenSpike> inputs;
  std::vector<GoldenSpike> spikes;
};

struct StdpGolden {
  // The constants of every population and rule (mV, ms), by name.
  nlohmann::json parameters;
  int inputs = 0;
  int neurons = 0;
  int steps = 0;
  // 6 samples at trained_weight and trained_theta, which stay as they are.
  std::vector<GoldenSample> inference;
  // 8 samples, one after the other, from trained_weight and learning_theta to learned_weight and
  // learned_theta.
  std::vector<GoldenSample> learning;
  // [inputs x neurons], row by input. Every neuron's weights sum to the norm.
  std::vector<float> trained_weight, learned_weight;
  // [neurons], mV above the threshold at rest.
  std::vector<float> trained_theta, learning_theta, learned_theta;
};

// Aborts if the file is not there or not whole.
inline StdpGolden LoadStdpGolden() {
  static_assert(std::endian::native == std::endian::little);
  std::ifstream file(std::string(TORPOR_TEST_SOURCE_DIR) + "/golden/stdp/parity.bin",
                     std::ios::binary);
  TORPOR_CHECK(file.good());
  std::string line;
  std::getline(file, line);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};

  StdpGolden golden;
  golden.parameters = nlohmann::json::parse(line);
  golden.inputs = golden.parameters["inputs"];
  golden.neurons = golden.parameters["neurons"];
  golden.steps = golden.parameters["steps"];
  std::map<std::string, std::vector<float>> floats;
  std::map<std::string, std::vector<GoldenSpike>> trains;
  size_t at = 0;
  for (const nlohmann::json& array : golden.parameters["arrays"]) {
    const std::string name = array["name"];
    const size_t count = array["count"];
    const bool is_float = array["type"] == "f4";
    TORPOR_CHECK(at + count * (is_float ? 4 : 2) <= bytes.size());
    if (is_float) {
      std::vector<float>& values = floats[name];
      values.resize(count);
      std::memcpy(values.data(), bytes.data() + at, count * 4);
      at += count * 4;
    } else {
      std::vector<uint16_t> pairs(count);
      std::memcpy(pairs.data(), bytes.data() + at, count * 2);
      at += count * 2;
      for (size_t i = 0; i + 1 < count; i += 2) trains[name].push_back({pairs[i], pairs[i + 1]});
    }
  }
  TORPOR_CHECK(at == bytes.size());
  golden.trained_weight = std::move(floats.at("trained_weight"));
  golden.learned_weight = std::move(floats.at("learned_weight"));
  golden.trained_theta = std::move(floats.at("trained_theta"));
  golden.learning_theta = std::move(floats.at("learning_theta"));
  golden.learned_theta = std::move(floats.at("learned_theta"));
  for (auto& [phase, samples] :
       {std::pair{std::string("inference"), &golden.inference}, {"learning", &golden.learning}}) {
    samples->resize(golden.parameters["samples"][phase].get<size_t>());
    for (size_t k = 0; k < samples->size(); ++k) {
      (*samples)[k] = {trains.at(phase + "_inputs_" + std::to_string(k)),
                       trains.at(phase + "_spikes_" + std::to_string(k))};
    }
  }
  return golden;
}

}  // namespace torpor::testing
