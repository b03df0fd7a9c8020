#include "client/cli/npy_output.h"

#include "client/cli/npy_input.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace torpor::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::Tensor Bytes() {
  v1::Tensor tensor;
  tensor.set_dtype(v1::DataType::UINT8);
  for (const int64_t dimension : {2, 1, 3}) tensor.add_shape(dimension);
  tensor.set_data(std::string("\x00\x01\x02\x03\x04\xff", 6));
  return tensor;
}

TEST(NpyOutputTest, ReadsBackAsItWas) {
  const auto read = ParseNpy(NpyBytes(Bytes()), "file");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->dtype(), v1::DataType::UINT8);
  EXPECT_THAT(read->shape(), ElementsAre(2, 1, 3));
  EXPECT_EQ(read->data(), Bytes().data());
}

TEST(NpyOutputTest, WritesVectorsAsTuples) {
  v1::Tensor floats;
  floats.set_dtype(v1::DataType::FLOAT32);
  floats.add_shape(2);
  floats.set_data(std::string(8, '\0'));
  EXPECT_THAT(NpyBytes(floats),
              HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"));
}

TEST(NpyOutputTest, DataBeginAtAMultipleOf64) {
  for (int64_t rows = 1; rows < int64_t{1} << 40; rows *= 7) {
    v1::Tensor tensor;
    tensor.set_dtype(v1::DataType::FLOAT64);
    tensor.add_shape(rows);
    const std::string bytes = NpyBytes(tensor);
    EXPECT_EQ(bytes.size() % 64, 0u) << rows;
    EXPECT_THAT(bytes, StartsWith("\x93NUMPY\x01"));
    EXPECT_EQ(bytes.back(), '\n');
    const size_t length = static_cast<uint8_t>(bytes[8]) + 256u * static_cast<uint8_t>(bytes[9]);
    EXPECT_EQ(length + 10, bytes.size());
  }
}

}  // namespace
}  // namespace torpor::cli
