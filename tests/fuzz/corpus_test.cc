// Every fuzz target over a fixed, seeded corpus: each seed as it is, then thousands of mutations of
// the seeds.
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/file_system.h"
#include "engine/base/status.h"
#include "gtest/gtest.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/targets.h"
#include "tests/support/convnets.h"
#include "tests/support/core_grids.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/status_matchers.h"

namespace torpor::fuzz {
namespace {

v1::Network SmallNetwork() {
  v1::Network network;
  network.set_display_name("small");
  v1::RateNetwork* rate = network.mutable_rate();
  rate->mutable_input()->add_shape(2);
  rate->mutable_input()->add_shape(3);
  for (const int units : {4, 2}) {
    v1::RateLayer* layer = rate->add_layers();
    layer->set_name(absl::StrCat("layer", units));
    layer->mutable_dense()->set_units(units);
    layer->set_activation(units == 4 ? v1::Activation::RELU : v1::Activation::SIGMOID);
  }
  return network;
}

std::string NpyBytes(const std::string& descr, const std::string& shape, size_t bytes) {
  const std::string text =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy += static_cast<char>(text.size());
  npy += '\0';
  return npy + text + std::string(bytes, 'a');
}

std::string SmallArchive() {
  const auto model = BuildModel(SmallNetwork(), 1);
  TORPOR_CHECK(model.ok());
  return SerializeModel(**model);
}

TEST(Fuzz, Idx) {
  RunCorpus(FuzzIdx, {IdxBytes({3}, "abc"), IdxBytes({2, 2, 2}, "abcdefgh")}, 60000);
}

TEST(Fuzz, Gzip) {
  RunCorpus(FuzzGzip,
            {GzipBytes(""), GzipBytes("hello, hello"), GzipBytes(std::string(5000, 'z')),
             GzipBytes(IdxBytes({2, 2, 2}, "abcdefgh")), GzipBytes("a") + GzipBytes("b")},
            20000);
}

TEST(Fuzz, Npy) {
  RunCorpus(FuzzNpy,
            {NpyBytes("<f4", "(2, 3)", 24), NpyBytes("|u1", "(5,)", 5), NpyBytes("<i8", "(1,)", 8),
             NpyBytes("<i4", "(1, 1, 2)", 8)},
            20000);
}

TEST(Fuzz, Npz) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const auto ours = WriteNpz(std::vector<NpzFloats>{
      {"hidden.weight", {2, 3}, values}, {"hidden.bias", {2}, std::span(values).first(2)}});
  ASSERT_TRUE(ours.ok()) << ours.status();
  // Written by numpy 1.24: savez_compressed, one array with columns first, one of float64.
  const std::string deflated = ReadFile(TORPOR_TEST_SOURCE_DIR "/fuzz/seeds/deflated.npz");
  RunCorpus(FuzzNpz, {*ours, deflated}, 20000);
}

TEST(Fuzz, Network) {
  v1::Network single = SmallNetwork();
  single.mutable_rate()->mutable_layers()->RemoveLast();
  RunCorpus(FuzzNetwork,
            {SmallNetwork().SerializeAsString(), single.SerializeAsString(),
             testing::SmallConvnet().SerializeAsString()},
            60000);
}

TEST(Fuzz, Grid) {
  std::vector<std::string> seeds;
  for (const v1::Network& network : {testing::SmallGrid(), testing::TinyGrid(), TwoCores()}) {
    seeds.push_back(network.SerializeAsString());
  }
  RunCorpus(FuzzGrid, seeds, 20000);
}

TEST(Fuzz, Cores) {
  const auto model = BuildModel(TwoCores(), 1);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto npz = CoresOfArchive(SerializeModel(**model));
  ASSERT_TRUE(npz.ok()) << npz.status();
  RunCorpus(FuzzCores, {*npz}, 1000);
}

TEST(Fuzz, CoresValues) {
  // The fourth array of a layer is its crossbar, the third its leaks: whole small numbers fit.
  const auto change = [](uint8_t array, uint8_t element, float value) {
    std::string bytes = {static_cast<char>(array), static_cast<char>(element), 0, 0};
    return bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  RunCorpus(FuzzCoresValues,
            {change(2, 3, -7), change(3, 0, 255) + change(3, 1, 0), change(2, 255, 12)}, 1000);
}

TEST(Fuzz, Archive) { RunCorpus(FuzzArchive, {SmallArchive()}, 20000); }

TEST(Fuzz, ArchiveBehindItsDigest) {
  const std::string archive = SmallArchive();
  uint64_t length = 0;
  std::memcpy(&length, archive.data() + 16, sizeof(length));
  ASSERT_LT(length, 65536u);
  std::string seed = {static_cast<char>(length & 0xFF), static_cast<char>(length >> 8)};
  seed += archive.substr(24, length) + archive.substr(24 + length + 32);
  RunCorpus(FuzzSealedArchive, {seed}, 60000);
}

TEST(Fuzz, EventLog) {
  ScratchDirectory dir;
  const auto files = NewPosixFileSystem();
  TORPOR_ASSERT_OK_AND_ASSIGN(auto log,
                              EventLogWriter::Open(dir.File("events.log"), 1, files.get()));
  for (int i = 0; i < 3; ++i) TORPOR_ASSERT_OK(log->Append(v1::JobEvent(), false));
  RunCorpus(FuzzEventLog, {ReadFile(dir.File("events.log"))}, 60000);
}

TEST(Fuzz, Definition) {
  std::vector<std::string> seeds = {
      "displayName: mlp\nrate:\n  input: {shape: [784]}\n  layers:\n"
      "  - {name: hidden, dense: {units: 1000}, activation: RELU}\n"
      "  - {name: out, dense: {units: 10}, activation: SIGMOID}\n",
      R"({"rate": {"input": {"shape": ["4"]}, "layers": [{"dense": {"units": 2}, "activation": "relu"}]}})",
      "network: &n\n  rate: {input: {shape: [4]}, layers: [{dense: {units: 2}, activation: "
      "STEP}]}\n",
  };
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(TORPOR_SOURCE_ROOT) / "client/recipes")) {
    if (entry.path().extension() == ".yaml") seeds.push_back(ReadFile(entry.path().string()));
  }
  EXPECT_GT(seeds.size(), 3u) << "the recipes are seeds too";
  RunCorpus(FuzzDefinition, seeds, 10000);
}

}  // namespace
}  // namespace torpor::fuzz
