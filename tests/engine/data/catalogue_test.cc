#include "engine/data/catalogue.h"

#include <cstring>
#include <filesystem>
#include <string>

#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CatalogueTest : public ::testing::Test {
 protected:
  ScratchDirectory dir_;
  std::unique_ptr<FileSystem> files_ = NewPosixFileSystem();
  DatasetCatalogue catalogue_{{dir_.path()}, files_.get()};
};

TEST_F(CatalogueTest, PlainAndCompressedFilesHoldTheSame) {
  MakeSyntheticIdxDataset(dir_.path(), "plain", 40, 20, false);
  MakeSyntheticIdxDataset(dir_.path(), "packed", 40, 20, true);
  for (const char* name : {"plain", "datasets/packed"}) {
    TORPOR_ASSERT_OK_AND_ASSIGN(const v1::Dataset info, catalogue_.Get(name));
    EXPECT_EQ(info.format(), "idx");
    EXPECT_THAT(info.sample_shape(), ElementsAre(12, 12));
    EXPECT_EQ(info.classes(), 10);
    EXPECT_EQ(info.train_samples(), 40);
    EXPECT_EQ(info.test_samples(), 20);
    TORPOR_ASSERT_OK_AND_ASSIGN(const Dataset test, catalogue_.Load(name, v1::Split::TEST));
    const Dataset expected = SyntheticDigits(v1::Split::TEST);
    ASSERT_EQ(test.size(), 20);
    std::vector<float> a(144), b(144);
    for (int64_t i = 0; i < 20; ++i) {
      test.CopySample(i, a);
      expected.CopySample(i, b);
      EXPECT_EQ(a, b);
      EXPECT_EQ(test.label(i), expected.label(i));
    }
  }
  // The digest is over the content, however it is stored.
  EXPECT_EQ(*catalogue_.Digest("plain"), *catalogue_.Digest("packed"));
}

TEST_F(CatalogueTest, VerifyNamesEveryFileAndTheDigestOverAll) {
  const std::string folder = MakeSyntheticIdxDataset(dir_.path(), "plain", 40, 20, false);
  TORPOR_ASSERT_OK_AND_ASSIGN(const v1::VerifyDatasetResponse response,
                              catalogue_.Verify("datasets/plain"));
  std::string joined;
  ASSERT_EQ(response.dataset().files_size(), 4);
  for (const v1::DatasetFile& file : response.dataset().files()) {
    const std::string content = ReadFile(folder + "/" + file.name());
    EXPECT_EQ(file.sha256(), Sha256Hex(content));
    EXPECT_EQ(file.size_bytes(), static_cast<int64_t>(content.size()));
    joined += file.sha256();
  }
  EXPECT_EQ(response.digest(), Sha256Hex(joined));
  EXPECT_EQ(*catalogue_.Digest("plain"), response.digest());
}

TEST_F(CatalogueTest, TheFirstFolderOfThePathWins) {
  MakeSyntheticIdxDataset(dir_.File("a"), "x", 40, 20);
  MakeSyntheticIdxDataset(dir_.File("b"), "x", 30, 20);
  MakeSyntheticIdxDataset(dir_.File("b"), "y", 30, 20);
  const DatasetCatalogue catalogue({dir_.File("absent"), dir_.File("a"), dir_.File("b")},
                                   files_.get());
  EXPECT_EQ(catalogue.Get("x")->train_samples(), 40);
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<v1::Dataset> all, catalogue.List());
  std::vector<std::string> names;
  for (const v1::Dataset& dataset : all) names.push_back(dataset.name());
  EXPECT_THAT(names, ElementsAre("datasets/synthetic-digits", "datasets/synthetic-pattern",
                                 "datasets/x", "datasets/y"));
}

TEST_F(CatalogueTest, TheSyntheticSetIsAlwaysThere) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const v1::VerifyDatasetResponse response,
                              catalogue_.Verify("synthetic-digits"));
  EXPECT_EQ(response.dataset().format(), "synthetic");
  EXPECT_EQ(response.digest(), *catalogue_.Digest("datasets/synthetic-digits"));
  EXPECT_EQ(catalogue_.Load("synthetic-digits", v1::Split::TRAIN)->size(), 2000);
}

TEST_F(CatalogueTest, AnUnknownNameSaysWhereWasSearchedAndWhatThereIs) {
  MakeSyntheticIdxDataset(dir_.path(), "blobs", 20, 10);
  const auto missing = catalogue_.Load("datasets/mnits", v1::Split::TRAIN);
  EXPECT_THAT(missing, StatusIs(absl::StatusCode::kNotFound,
                                AllOf(HasSubstr("mnits"), HasSubstr(dir_.path()),
                                      HasSubstr("blobs, synthetic-digits, synthetic-pattern"))));
  EXPECT_THAT(missing, HasReason("DATASET_NOT_FOUND"));
}

TEST_F(CatalogueTest, NamesCannotLeaveThePath) {
  MakeSyntheticIdxDataset(dir_.path(), "secret", 20, 10);
  const DatasetCatalogue inner({dir_.File("inner")}, files_.get());
  for (const char* name :
       {"", "datasets/", "../secret", "datasets/../secret", "a/b", ".hidden", ".."}) {
    EXPECT_THAT(inner.Get(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
}

// Each way to damage one file, and what the error must say.
struct Damage {
  const char* name;
  const char* file;
  std::string (*apply)(std::string);
  const char* message;
};

class DamagedDataset : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedDataset, IsRefusedWithFileAndReasonButStaysListed) {
  ScratchDirectory dir;
  const auto files = NewPosixFileSystem();
  const DatasetCatalogue catalogue({dir.path()}, files.get());
  const std::string folder = MakeSyntheticIdxDataset(dir.path(), "blobs", 40, 20);
  const std::string path = folder + "/" + GetParam().file;
  const std::string content = GetParam().apply(ReadFile(path));
  if (content.empty()) {
    std::filesystem::remove(path);
  } else {
    WriteFile(path, content);
  }
  const auto verified = catalogue.Verify("blobs");
  EXPECT_THAT(verified, StatusIs(absl::StatusCode::kDataLoss,
                                 AllOf(HasSubstr(path), HasSubstr(GetParam().message))));
  EXPECT_THAT(verified, HasReason("DATASET_DAMAGED"));
  EXPECT_EQ(catalogue.List()->size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DamagedDataset,
    ::testing::Values(Damage{"Missing", "t10k-labels-idx1-ubyte",
                             [](std::string) { return std::string(); }, "missing"},
                      Damage{"CutOff", "train-images-idx3-ubyte",
                             [](std::string s) { return s.substr(0, s.size() - 1); }, "cut off"},
                      Damage{"Trailing", "t10k-images-idx3-ubyte",
                             [](std::string s) { return s + "x"; }, "trailing"},
                      Damage{"LabelsAsImages", "train-images-idx3-ubyte",
                             [](std::string) { return IdxBytes({40}, std::string(40, 1)); },
                             "magic"},
                      Damage{"TooFewImages", "train-images-idx3-ubyte",
                             [](std::string) {
                               return IdxBytes({39, 12, 12}, std::string(39 * 144, 9));
                             },
                             "holds 39 samples, but there are 40 labels"},
                      Damage{"LabelOutOfRange", "t10k-labels-idx1-ubyte",
                             [](std::string s) {
                               s.back() = 77;
                               return s;
                             },
                             "label 19 is 77"},
                      Damage{"OtherShape", "t10k-images-idx3-ubyte",
                             [](std::string) {
                               return IdxBytes({20, 6, 24}, std::string(20 * 144, 1));
                             },
                             "another shape"},
                      Damage{"HugeClaim", "train-images-idx3-ubyte",
                             [](std::string) {
                               return IdxBytes({0xFFFFFFFF, 0xFFFFFFFF, 1}, "x");
                             },
                             "more than"},
                      Damage{"DamagedGzip", "train-images-idx3-ubyte",
                             [](std::string s) {
                               s = GzipBytes(s);
                               s[s.size() / 2] = static_cast<char>(s[s.size() / 2] ^ 0x40);
                               return s;
                             },
                             "gzip"}),
    [](const ::testing::TestParamInfo<Damage>& info) { return info.param.name; });

std::string Npy(const std::string& descr, const std::string& shape, const std::string& data) {
  const std::string text =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(text.size());
  bytes += '\0';
  return bytes + text + data;
}

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

class NpyCatalogueTest : public CatalogueTest {
 protected:
  void SetUp() override {
    const std::string folder = dir_.File("points/");
    std::filesystem::create_directories(folder);
    WriteFile(folder + "train-images.npy", Npy("<f4", "(3, 2)", Floats({0, 1, 2, 3, 4, 5})));
    WriteFile(folder + "train-labels.npy", Npy("|u1", "(3,)", std::string("\0\1\2", 3)));
    WriteFile(folder + "test-images.npy", Npy("<f4", "(1, 2)", Floats({-1, 0.5f})));
    WriteFile(folder + "test-labels.npy", Npy("|u1", "(1,)", std::string("\2", 1)));
  }
};

TEST_F(NpyCatalogueTest, ArraysAreRead) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const v1::Dataset info, catalogue_.Get("points"));
  EXPECT_EQ(info.format(), "npy");
  EXPECT_EQ(info.classes(), 3);
  TORPOR_ASSERT_OK_AND_ASSIGN(const Dataset test, catalogue_.Load("points", v1::Split::TEST));
  std::vector<float> sample(2);
  test.CopySample(0, sample);
  EXPECT_THAT(sample, ElementsAre(-1, 0.5f));
  EXPECT_EQ(test.label(0), 2);
  TORPOR_EXPECT_OK(catalogue_.Verify("points"));
}

TEST_F(NpyCatalogueTest, NotANumberIsRefused) {
  WriteFile(dir_.File("points/test-images.npy"),
            Npy("<f4", "(1, 2)", Floats({0, std::numeric_limits<float>::quiet_NaN()})));
  EXPECT_THAT(catalogue_.Verify("points"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("must be finite, value 1")));
}

TEST_F(NpyCatalogueTest, NegativeLabelsAreRefused) {
  const int32_t label = -1;
  WriteFile(dir_.File("points/test-labels.npy"),
            Npy("<i4", "(1,)", std::string(reinterpret_cast<const char*>(&label), 4)));
  EXPECT_THAT(catalogue_.Verify("points"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("label 0 is -1")));
}

class TargetsTest : public NpyCatalogueTest {
 protected:
  void SetUp() override {
    NpyCatalogueTest::SetUp();
    std::string spikes(3 * 2 * 4, '\0');
    spikes[2 * 8 + 5] = '\1';
    WriteFile(dir_.File("points/train-targets.npy"), Npy("|u1", "(3, 2, 4)", spikes));
    WriteFile(dir_.File("points/test-targets.npy"),
              Npy("|u1", "(1, 2, 4)", std::string("\1\0\0\0\0\0\0\1", 8)));
  }
  // What loading says once a file is changed.
  absl::Status With(const char* file, const std::string& content) {
    WriteFile(dir_.File(std::string("points/") + file), content);
    return catalogue_.Verify("points").status();
  }
};

TEST_F(TargetsTest, AreReadAndReported) {
  TORPOR_ASSERT_OK_AND_ASSIGN(const v1::VerifyDatasetResponse verified,
                              catalogue_.Verify("points"));
  EXPECT_THAT(verified.dataset().target_shape(), ElementsAre(2, 4));
  ASSERT_EQ(verified.dataset().files_size(), 6);
  std::string joined;
  for (const v1::DatasetFile& file : verified.dataset().files()) {
    EXPECT_EQ(file.sha256(), Sha256Hex(ReadFile(dir_.File("points/" + file.name()))));
    joined += file.sha256();
  }
  EXPECT_EQ(verified.digest(), Sha256Hex(joined));
  TORPOR_ASSERT_OK_AND_ASSIGN(const Dataset train, catalogue_.Load("points", v1::Split::TRAIN));
  EXPECT_THAT(train.target_shape(), ElementsAre(2, 4));
  std::vector<uint8_t> target(8);
  train.CopyTarget(2, target);
  EXPECT_THAT(target, ElementsAre(0, 0, 0, 0, 0, 1, 0, 0));
  TORPOR_ASSERT_OK_AND_ASSIGN(const Dataset test, catalogue_.Load("points", v1::Split::TEST));
  test.CopyTarget(0, target);
  EXPECT_THAT(target, ElementsAre(1, 0, 0, 0, 0, 0, 0, 1));
}

TEST_F(TargetsTest, ThatDoNotFitAreRefused) {
  const auto damaged = [](const std::string& what) {
    return StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("-targets.npy"), HasSubstr(what)));
  };
  const std::string eight(8, '\0');
  EXPECT_THAT(With("test-targets.npy", Npy("|u1", "(1, 8)", eight)), damaged("three dimensions"));
  EXPECT_THAT(With("test-targets.npy", Npy("|u1", "(1, 4, 2)", eight)), damaged("another shape"));
  EXPECT_THAT(With("test-targets.npy", Npy("|u1", "(2, 2, 4)", eight + eight)),
              damaged("targets of 2 samples, but there are 1"));
  EXPECT_THAT(With("test-targets.npy", Npy("<f4", "(1, 2, 4)", std::string(32, '\0'))),
              damaged("'|u1'"));
  EXPECT_THAT(With("test-targets.npy", Npy("|u1", "(1, 2, 4)", "\1\1\1\1\1\2\1\1")),
              damaged("value 5 is 2"));
  EXPECT_THAT(With("test-targets.npy", Npy("|u1", "(1, 2, 4)", "\1")), damaged("cut off"));
  std::filesystem::remove(dir_.File("points/test-targets.npy"));
  EXPECT_THAT(catalogue_.Verify("points"), damaged("missing"));
  EXPECT_THAT(catalogue_.Load("points", v1::Split::TRAIN), damaged("missing"));
}

TEST(SplitDatasetPath, LeavesEmptyPartsOut) {
  EXPECT_THAT(SplitDatasetPath("/a::/b:"), ElementsAre("/a", "/b"));
  EXPECT_TRUE(SplitDatasetPath("").empty());
}

}  // namespace
}  // namespace torpor
