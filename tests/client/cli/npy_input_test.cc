#include "client/cli/npy_input.h"

#include <cstring>

#include "client/cli/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of version 1 as numpy.save writes it.
std::string Npy(const std::string& header, const std::string& data) {
  std::string padded = header;
  while ((10 + padded.size() + 1) % 64 != 0) padded += ' ';
  padded += '\n';
  std::string file = "\x93NUMPY";
  file += '\x01';
  file += '\x00';
  file += static_cast<char>(padded.size() & 0xff);
  file += static_cast<char>(padded.size() >> 8);
  return file + padded + data;
}

std::string Header(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

TEST(NpyTest, ReadsTheThreeTypes) {
  const auto bytes = ParseNpy(Npy(Header("|u1", "(2, 3)"), "abcdef"), "x.npy");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->dtype(), v1::DataType::UINT8);
  EXPECT_THAT(bytes->shape(), ElementsAre(2, 3));
  EXPECT_EQ(bytes->data(), "abcdef");

  const auto singles = ParseNpy(Npy(Header("<f4", "(2,)"), std::string(8, '\0')), "x.npy");
  ASSERT_TRUE(singles.ok()) << singles.status();
  EXPECT_EQ(singles->dtype(), v1::DataType::FLOAT32);
  EXPECT_THAT(singles->shape(), ElementsAre(2));

  const double wide[] = {0.5, -2};
  const auto doubles = ParseNpy(
      Npy(Header("<f8", "(2,)"), std::string(reinterpret_cast<const char*>(wide), sizeof wide)),
      "x.npy");
  ASSERT_TRUE(doubles.ok()) << doubles.status();
  float narrow[2];
  ASSERT_EQ(doubles->data().size(), sizeof narrow);
  std::memcpy(narrow, doubles->data().data(), sizeof narrow);
  EXPECT_THAT(narrow, ElementsAre(0.5F, -2.0F));
}

TEST(NpyTest, RefusesTheRestByName) {
  const auto error = [](const std::string& file) {
    const auto tensor = ParseNpy(file, "x.npy");
    EXPECT_FALSE(tensor.ok());
    EXPECT_EQ(ExitCodeOfError(tensor.status()), 2);
    return FormatError(tensor.status(), false);
  };
  EXPECT_THAT(error("PK"), HasSubstr("no .npy file\n  x.npy"));
  EXPECT_THAT(error(Npy(Header("<i8", "(1,)"), std::string(8, 'a'))), HasSubstr("<i8"));
  EXPECT_THAT(error(Npy(Header("|u1", "(2, 3)"), "abc")), HasSubstr("holds 3 bytes"));
  EXPECT_THAT(error(Npy(Header("|u1", "(0,)"), "")), HasSubstr("is no input"));
  EXPECT_THAT(error(Npy(Header("|u1", "(-1,)"), "a")), HasSubstr("is no input"));
  EXPECT_THAT(error(Npy(Header("|u1", "(99999999, 99999999, 99999999)"), "a")),
              HasSubstr("larger than 256 MiB"));
  EXPECT_THAT(error(Npy("{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }", "a")),
              HasSubstr("Fortran order"));
  EXPECT_THAT(error(Npy("{'descr': '|u1', 'fortran_order': False}", "a")), HasSubstr("no shape"));
  EXPECT_THAT(error(Npy(Header("|u1", "(1,)"), "a").substr(0, 40)), HasSubstr("cut off"));
}

TEST(NpyTest, NoPrefixOfAFileIsTaken) {
  const std::string file = Npy(Header("|u1", "(4,)"), "abcd");
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(ParseNpy(file.substr(0, length), "x.npy").ok()) << length;
  }
  EXPECT_TRUE(ParseNpy(file, "x.npy").ok());
}

}  // namespace
}  // namespace torpor::cli
