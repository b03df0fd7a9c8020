#include "engine/network/archive.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "engine/base/random.h"
#include "engine/base/status.h"
#include "gtest/gtest.h"

namespace torpor {
namespace {

v1::Network SmallNetwork() {
  v1::Network network;
  network.set_display_name("small");
  network.mutable_rate()->mutable_input()->add_shape(3);
  v1::RateLayer& layer = *network.mutable_rate()->add_layers();
  layer.mutable_dense()->set_units(2);
  layer.set_activation(v1::Activation::RELU);
  return network;
}

std::string SmallArchive() {
  ArchiveWriter writer("model", SmallNetwork());
  const std::vector<float> weights = {1, -2, 3, std::numeric_limits<float>::denorm_min(), 5, -0.0f};
  const std::vector<double> statistics = {0.1, 1e300};
  const std::vector<uint8_t> bytes = {0, 255, 7};
  writer.AddFloats("w", {2, 3}, weights);
  writer.AddDoubles("s", {2}, statistics);
  writer.AddBytes("b", {3, 1}, bytes);
  writer.AddFloats("empty", {0}, {});
  writer.SetText("loss", "BCE");
  writer.SetText("a", "1");
  return writer.Serialize();
}

TEST(ArchiveTest, KeepsEveryBit) {
  auto reader = ArchiveReader::Parse(SmallArchive());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->kind(), "model");
  EXPECT_EQ(reader->network().SerializeAsString(), SmallNetwork().SerializeAsString());
  auto weights = reader->Floats("w", {2, 3});
  ASSERT_TRUE(weights.ok());
  EXPECT_EQ((*weights)[3], std::numeric_limits<float>::denorm_min());
  EXPECT_TRUE(std::signbit((*weights)[5]));
  EXPECT_EQ(*reader->Doubles("s", {2}), (std::vector<double>{0.1, 1e300}));
  EXPECT_EQ(*reader->Bytes("b", {3, 1}), (std::vector<uint8_t>{0, 255, 7}));
  EXPECT_TRUE(reader->Floats("empty", {0})->empty());
  EXPECT_EQ(reader->Text("loss"), "BCE");
  EXPECT_EQ(reader->Text("absent"), "");
  EXPECT_TRUE(reader->Has("w"));
  EXPECT_FALSE(reader->Has("x"));
}

TEST(ArchiveTest, AModelsFloatsAreFinite) {
  for (const std::string kind : {"model", "checkpoint"}) {
    ArchiveWriter writer(kind, SmallNetwork());
    writer.AddFloats("w", {2}, std::vector<float>{1, 2});
    EXPECT_EQ(writer.not_finite(), "");
    writer.AddFloats("v", {3}, std::vector<float>{1, 2, std::nanf("")});
    writer.AddFloats("u", {1}, std::vector<float>{std::numeric_limits<float>::infinity()});
    EXPECT_EQ(writer.not_finite(), "v");
    const auto reader = ArchiveReader::Parse(writer.Serialize());
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_TRUE(reader->Floats("w", {2}).ok());
    const auto floats = reader->Floats("v", {3});
    EXPECT_EQ(floats.ok(), kind == "checkpoint");
    if (kind == "model") {
      EXPECT_EQ(ReasonOf(floats.status()), "ARCHIVE_CORRUPT");
      EXPECT_NE(floats.status().message().find("\"v\": number 2"), std::string::npos);
    }
  }
}

TEST(ArchiveTest, SameContentGivesSameBytes) { EXPECT_EQ(SmallArchive(), SmallArchive()); }

TEST(ArchiveTest, WrongShapeOrTypeNamesBoth) {
  auto reader = ArchiveReader::Parse(SmallArchive());
  ASSERT_TRUE(reader.ok());
  const absl::Status shape = reader->Floats("w", {3, 2}).status();
  EXPECT_EQ(shape.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(shape.message().find("FLOAT32[3, 2]"), std::string::npos) << shape;
  EXPECT_NE(shape.message().find("FLOAT32[2, 3]"), std::string::npos) << shape;
  EXPECT_EQ(reader->Doubles("w", {2, 3}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(reader->Floats("nowhere", {1}).status().message().find("nowhere"), std::string::npos);
}

TEST(ArchiveTest, NewerVersionIsRefusedAsNewer) {
  std::string archive = SmallArchive();
  const uint32_t version = kArchiveVersion + 1;
  std::memcpy(archive.data() + 8, &version, sizeof(version));
  const absl::Status status = ArchiveReader::Parse(archive).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "ARCHIVE_TOO_NEW");
}

TEST(ArchiveTest, EveryTruncationIsRefused) {
  const std::string archive = SmallArchive();
  for (size_t length = 0; length < archive.size(); ++length) {
    const absl::Status status = ArchiveReader::Parse(archive.substr(0, length)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << length;
    EXPECT_EQ(ReasonOf(status), "ARCHIVE_CORRUPT") << length;
  }
  EXPECT_FALSE(ArchiveReader::Parse(archive + "x").ok());
}

// Flips, overwrites, removals and insertions at seeded places.
TEST(ArchiveTest, AThousandCorruptionsAreRefused) {
  const std::string archive = SmallArchive();
  for (uint64_t i = 0; i < 1000; ++i) {
    RandomStream random(17, RandomPurpose::kTest, 0, i);
    std::string damaged = archive;
    const size_t at = random.NextBelow(archive.size());
    switch (random.NextBelow(4)) {
      case 0:
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.NextBelow(8)));
        break;
      case 1:
        for (size_t k = at; k < std::min(at + 8, damaged.size()); ++k) {
          damaged[k] = static_cast<char>(random.NextU32());
        }
        break;
      case 2:
        damaged.erase(at, 1 + random.NextBelow(16));
        break;
      default:
        damaged.insert(at, 1 + random.NextBelow(16), static_cast<char>(random.NextU32()));
    }
    if (damaged == archive) continue;
    const absl::Status status = ArchiveReader::Parse(damaged).status();
    ASSERT_FALSE(status.ok()) << "corruption " << i << " at byte " << at;
    const std::string reason = ReasonOf(status);
    EXPECT_TRUE(reason == "ARCHIVE_CORRUPT" || reason == "ARCHIVE_TOO_NEW") << status;
  }
}

// The digests are right, the content is not: what a digest cannot catch must still be refused.
TEST(ArchiveTest, ShapeThatOverflowsIsRefused) {
  ArchiveWriter writer("model", SmallNetwork());
  writer.AddFloats("w", {1}, std::vector<float>{1});
  auto reader = ArchiveReader::Parse(writer.Serialize());
  ASSERT_TRUE(reader.ok());
  EXPECT_FALSE(reader->Floats("w", {int64_t{1} << 62, 4}).ok());
}

}  // namespace
}  // namespace torpor
