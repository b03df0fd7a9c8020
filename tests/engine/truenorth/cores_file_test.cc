#include "engine/truenorth/cores_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "engine/data/npz.h"
#include "engine/families.h"
#include "engine/truenorth/model.h"
#include "tests/support/bad_fields.h"
#include "tests/support/core_grids.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<Model> Trained(const v1::Network& network) {
  auto model = BuildModel(network, 11);
  EXPECT_TRUE(model.ok()) << model.status();
  auto& grid = static_cast<TrueNorthModel&>(**model);
  float leak = -3.4f;
  for (auto& layer : grid.MutableParameters(v1::Loss::CE, 15)) {
    for (CoreParameters& core : layer) {
      for (float& value : core.leak) value = leak += 0.3f;
    }
  }
  return *std::move(model);
}

struct File {
  std::vector<std::string> names;
  std::map<std::string, std::vector<int64_t>> shapes;
  std::map<std::string, std::vector<float>> values;
};

File ReadFile(const std::string& npz) {
  File file;
  auto reader = NpzReader::Open(npz);
  EXPECT_TRUE(reader.ok()) << reader.status();
  for (size_t i = 0; i < reader->arrays().size(); ++i) {
    const NpzReader::Array& array = reader->arrays()[i];
    file.names.push_back(array.name);
    file.shapes[array.name] = array.header.shape;
    file.values[array.name] = *reader->Read(i);
  }
  return file;
}

std::string Written(const File& file) {
  std::vector<NpzFloats> arrays;
  for (const std::string& name : file.names) {
    arrays.push_back({name, file.shapes.at(name), file.values.at(name)});
  }
  auto npz = WriteNpz(arrays);
  EXPECT_TRUE(npz.ok()) << npz.status();
  return *npz;
}

class CoresFileTest : public ::testing::Test {
 protected:
  File Exported() {
    auto npz = CoresOfArchive(SerializeModel(*model_));
    EXPECT_TRUE(npz.ok()) << npz.status();
    return ReadFile(*npz);
  }
  // The error of importing the file after `change`.
  absl::Status Refusal(const std::function<void(File&)>& change) {
    File file = Exported();
    change(file);
    auto reader = CoresReader::Create(network_, v1::Loss::CE);
    EXPECT_TRUE(reader.ok()) << reader.status();
    const auto archive = reader->ToArchive(Written(file));
    EXPECT_EQ(archive.status().code(), absl::StatusCode::kInvalidArgument);
    return archive.status();
  }

  v1::Network network_ = testing::TinyGrid();
  std::unique_ptr<Model> model_ = Trained(network_);
};

TEST(CoresRoundTripTest, EveryBitAndLeakComesBack) {
  v1::Network doubles = testing::TinyGrid();
  doubles.mutable_truenorth()->set_template_(v1::Template::SIGNS_AND_DOUBLES);
  for (const v1::Network& network : {testing::TinyGrid(), doubles, testing::SmallGrid()}) {
    const auto model = Trained(network);
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string npz, CoresOfArchive(SerializeModel(*model)));
    TORPOR_ASSERT_OK_AND_ASSIGN(const CoresReader reader,
                                CoresReader::Create(network, v1::Loss::UNSPECIFIED));
    EXPECT_LE(static_cast<int64_t>(npz.size()), reader.max_bytes());
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string archive, reader.ToArchive(npz));
    TORPOR_ASSERT_OK_AND_ASSIGN(const auto back, ParseModel(archive, &BuildModel));
    EXPECT_EQ(back->loss(), v1::Loss::CE);
    const BinaryGrid before = static_cast<const TrueNorthModel&>(*model).Thresholded();
    const BinaryGrid after = static_cast<const TrueNorthModel&>(*back).Thresholded();
    ASSERT_EQ(before.layers.size(), after.layers.size());
    for (size_t l = 0; l < before.layers.size(); ++l) {
      ASSERT_EQ(before.layers[l].size(), after.layers[l].size());
      for (size_t k = 0; k < before.layers[l].size(); ++k) {
        EXPECT_EQ(before.layers[l][k].weight, after.layers[l][k].weight);
        EXPECT_EQ(before.layers[l][k].leak, after.layers[l][k].leak);
      }
    }
    // And the file itself, byte for byte.
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::string again, CoresOfArchive(archive));
    EXPECT_EQ(again, npz);
  }
}

// What the header of the room documents, against the plan and the grid by themselves.
TEST_F(CoresFileTest, FileIsAsDocumented) {
  File file = Exported();
  const auto& model = static_cast<const TrueNorthModel&>(*model_);
  const BinaryGrid grid = model.Thresholded();
  const CoreLayerPlan& eyes = model.plan().layers[0];
  const CoreLayerPlan& out = model.plan().layers[1];
  EXPECT_THAT(file.shapes["eyes.tables"], ElementsAre(4, 256, 4));
  EXPECT_THAT(file.shapes["eyes.crossbar"], ElementsAre(4, 256, 32));
  EXPECT_THAT(file.shapes["out.leak"], ElementsAre(1, 256));
  for (int k = 0; k < 4; ++k) {
    const CorePlan& core = eyes.cores[static_cast<size_t>(k)];
    for (int i = 0; i < 256; ++i) {
      const size_t at = static_cast<size_t>(k * 256 + i);
      const bool used = i < core.axons();
      EXPECT_EQ(file.values["eyes.axon_types"][at], used ? i % 4 : -1);
      EXPECT_EQ(file.values["eyes.pixel"][at],
                used ? static_cast<float>(core.sources[static_cast<size_t>(i)]) : -1);
    }
    for (int j = 0; j < 256; ++j) {
      const size_t at = static_cast<size_t>(k * 256 + j);
      const bool used = j < core.neurons;
      // The neuron's axon listens to it.
      EXPECT_EQ(file.values["eyes.destination_core"][at], used ? 0 : -1);
      if (used) {
        const auto axon = static_cast<size_t>(file.values["eyes.destination_axon"][at]);
        EXPECT_EQ(out.cores[0].sources[axon], core.first_neuron + j);
        EXPECT_EQ(file.values["out.source_core"][axon], k);
        EXPECT_EQ(file.values["out.source_neuron"][axon], j);
      }
      for (int i = 0; i < core.axons() && used; ++i) {
        const int byte =
            static_cast<int>(file.values["eyes.crossbar"][at * 32 + static_cast<size_t>(i / 8)]);
        const int type =
            static_cast<int>(file.values["eyes.axon_types"][static_cast<size_t>(k * 256 + i)]);
        const float strength = file.values["eyes.tables"][at * 4 + static_cast<size_t>(type)];
        EXPECT_EQ((byte >> (i % 8) & 1) * strength,
                  grid.layers[0][static_cast<size_t>(k)]
                      .weight[static_cast<size_t>(j * core.axons() + i)]);
      }
    }
  }
  EXPECT_EQ(file.values["out.destination_core"][0], -1);
}

TEST_F(CoresFileTest, NeuronOfTwoAxonsIsRefused) {
  const absl::Status status = Refusal([](File& file) {
    file.values["out.source_core"][9] = file.values["out.source_core"][4];
    file.values["out.source_neuron"][9] = file.values["out.source_neuron"][4];
  });
  EXPECT_THAT(testing::FieldsOf(status), ElementsAre("out.source_neuron"));
  EXPECT_THAT(
      testing::DescriptionOf(status, "out.source_neuron"),
      HasSubstr("axons [0, 4] and [0, 9] both have neuron [0, 4]; a neuron drives one axon"));
}

TEST_F(CoresFileTest, AxonOfTwoNeuronsIsRefused) {
  const absl::Status status =
      Refusal([](File& file) { file.values["eyes.destination_axon"][3 * 256 + 2] = 5; });
  EXPECT_THAT(testing::FieldsOf(status), ElementsAre("eyes.destination_axon"));
  EXPECT_THAT(testing::DescriptionOf(status, "eyes.destination_axon"),
              HasSubstr("neurons [0, 5] and [3, 2] both have axon [0, 5]"));
}

struct Change {
  const char* name;
  const char* array;
  size_t element;
  float value;
  const char* why;
};

class WrongValueTest : public CoresFileTest, public ::testing::WithParamInterface<Change> {};

TEST_P(WrongValueTest, NamesArrayIndexAndBound) {
  const Change& change = GetParam();
  const absl::Status status =
      Refusal([&](File& file) { file.values[change.array][change.element] = change.value; });
  EXPECT_THAT(testing::FieldsOf(status), ElementsAre(change.array));
  EXPECT_THAT(testing::DescriptionOf(status, change.array), HasSubstr(change.why));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongValueTest,
    ::testing::Values(
        Change{"Leak", "eyes.leak", 256 + 3, 0.5f, "must hold integers, has 0.5 at [1, 3]"},
        Change{"NaN", "eyes.leak", 1, NAN, "must hold integers, has nan at [0, 1]"},
        Change{"LargeLeak", "out.leak", 2, 2e6f, "in -1048576..1048576, has 2e+06 at [0, 2]"},
        Change{"UnusedLeak", "out.leak", 6, 1, "must be 0 where the neuron is not used, has 1"},
        Change{"Type", "eyes.axon_types", 5, 2,
               "must be 1 there by the definition's plan, has 2 at [0, 5]"},
        Change{"Table", "eyes.tables", 4 * 256 + 1, 3,
               "by the definition's plan, has 3 at [1, 0, 1]"},
        Change{"Byte", "eyes.crossbar", 0, 256, "bytes in 0..255, has 256 at [0, 0, 0]"},
        Change{"UnusedAxon", "eyes.crossbar", 2, 1,
               "axons or neurons that are not used, has 1 at [0, 0, 2]"},
        Change{"UnusedNeuron", "out.crossbar", 6 * 32, 4, "not used, has 4 at [0, 6, 0]"},
        Change{"Pixel", "eyes.pixel", 0, 7,
               "must be 0 there by the definition's plan, has 7 at [0, 0]"},
        Change{"OutputWire", "out.destination_axon", 0, 7, "must be -1 there"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(CoresFileTest, WrongDimensionsAreNamedBeforeValues) {
  const absl::Status status = Refusal([](File& file) {
    file.shapes["out.leak"] = {256};
    file.values["eyes.leak"][0] = 0.5f;
    file.names.erase(file.names.begin());
    file.names.push_back("extra");
    file.shapes["extra"] = {2};
    file.values["extra"] = {0, 0};
  });
  EXPECT_THAT(testing::FieldsOf(status), ElementsAre("eyes.axon_types", "out.leak", "extra"));
  EXPECT_THAT(testing::DescriptionOf(status, "out.leak"),
              HasSubstr("must have the shape [1, 256], has [256]"));
}

TEST_F(CoresFileTest, DamagedFilesAreDataLoss) {
  TORPOR_ASSERT_OK_AND_ASSIGN(std::string npz, CoresOfArchive(SerializeModel(*model_)));
  TORPOR_ASSERT_OK_AND_ASSIGN(const CoresReader reader,
                              CoresReader::Create(network_, v1::Loss::CE));
  EXPECT_THAT(reader.ToArchive(npz.substr(0, npz.size() / 2)),
              StatusIs(absl::StatusCode::kDataLoss));
  npz[npz.size() / 3] = static_cast<char>(npz[npz.size() / 3] ^ 0x40);
  EXPECT_FALSE(reader.ToArchive(npz).ok());
}

TEST(CoresReaderTest, OtherFamiliesAndLossesAreRefused) {
  v1::Network rate;
  EXPECT_THAT(testing::FieldsOf(CoresReader::Create(rate, v1::Loss::CE).status()),
              ElementsAre("network"));
  EXPECT_THAT(testing::FieldsOf(CoresReader::Create(testing::TinyGrid(), v1::Loss::BCE).status()),
              ElementsAre("loss"));
  v1::Network wrong = testing::TinyGrid();
  wrong.mutable_truenorth()->mutable_layers(0)->set_block(0);
  EXPECT_THAT(testing::FieldsOf(CoresReader::Create(wrong, v1::Loss::CE).status()),
              ElementsAre("network.truenorth.layers[0].block"));
}

}  // namespace
}  // namespace torpor
