#include "engine/data/npy.h"

#include <cstring>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string NpyBytes(const std::string& dictionary, const std::string& data, int major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(major);
  bytes += '\0';
  const uint32_t length = static_cast<uint32_t>(dictionary.size());
  bytes.append(reinterpret_cast<const char*>(&length), major == 1 ? 2 : 4);
  return bytes + dictionary + data;
}

std::string Dictionary(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

template <typename T>
std::string Raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

// The bytes that numpy 1.24 writes for np.save(f, np.arange(3, dtype='<i4')).
TEST(Npy, WhatNumpyWritesIsRead) {
  std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
  bytes += "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }";
  bytes.resize(127, ' ');
  bytes += '\n';
  bytes += Raw<int32_t>({0, 1, 2});
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpyArray array, ParseNpy(bytes));
  EXPECT_THAT(array.shape, ElementsAre(3));
  EXPECT_EQ(array.type, NpyType::kInt32);
  EXPECT_EQ(array.IntegerAt(2), 2);
}

TEST(Npy, TypesAndVersions) {
  for (const int major : {1, 2}) {
    const std::string bytes = NpyBytes(Dictionary("|u1", "(2, 2)"), "\x01\x02\x03\xff", major);
    TORPOR_ASSERT_OK_AND_ASSIGN(const NpyArray bytes_array, ParseNpy(bytes));
    EXPECT_EQ(bytes_array.IntegerAt(3), 255);
    EXPECT_THAT(bytes_array.shape, ElementsAre(2, 2));
  }
  const std::string longs = NpyBytes(Dictionary("<i8", "(2,)"), Raw<int64_t>({-1, 1ll << 40}));
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpyArray long_array, ParseNpy(longs));
  EXPECT_EQ(long_array.IntegerAt(0), -1);
  EXPECT_EQ(long_array.IntegerAt(1), 1ll << 40);
  const std::string floats = NpyBytes(Dictionary("<f4", "(1,)"), Raw<float>({0.25f}));
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpyArray float_array, ParseNpy(floats));
  EXPECT_EQ(float_array.FloatAt(0), 0.25f);
}

TEST(Npy, TheOrderOfKeysIsFree) {
  TORPOR_EXPECT_OK(
      ParseNpy(NpyBytes("{'shape': (1,), 'fortran_order': False, 'descr': '|u1'}", "x")));
}

TEST(Npy, EveryTruncationIsRefused) {
  const std::string bytes = NpyBytes(Dictionary("<f4", "(2, 3)"), std::string(24, 'x'));
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THAT(ParseNpy(bytes.substr(0, length)), StatusIs(absl::StatusCode::kDataLoss)) << length;
  }
  TORPOR_EXPECT_OK(ParseNpy(bytes));
  EXPECT_THAT(ParseNpy(bytes + "x"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("trailing")));
}

class BadNpyHeader : public ::testing::TestWithParam<const char*> {};

TEST_P(BadNpyHeader, IsRefused) {
  EXPECT_THAT(ParseNpyHeader(NpyBytes(GetParam(), "x")), StatusIs(absl::StatusCode::kDataLoss));
}

INSTANTIATE_TEST_SUITE_P(
    Headers, BadNpyHeader,
    ::testing::Values("", "{", "{}", "{}x", "{'descr'", "{'descr': '|u1'}",
                      "{'descr': '|u1', 'fortran_order': True, 'shape': (1,), }",
                      "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }",
                      "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
                      "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (1, }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (1 2), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': 1, }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), } x",
                      "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': '1', }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967297,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (65536, 65537), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999999999,), }",
                      "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }"));

TEST(Npy, OtherVersionsAndLongHeadersAreRefused) {
  EXPECT_THAT(ParseNpyHeader(NpyBytes(Dictionary("|u1", "(1,)"), "x", 3)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("version")));
  EXPECT_THAT(ParseNpyHeader(NpyBytes(Dictionary("|u1", "(1,)") + std::string(5000, ' '), "x")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("longer than 4096")));
}

}  // namespace
}  // namespace torpor
