#include "engine/data/npz.h"

#include <zip.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine/base/file_system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/idx_dataset.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/status_matchers.h"

namespace torpor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Member {
  std::string name;
  std::string content;
  int method = ZIP_CM_STORE;
  bool encrypted = false;
};

// A zip as another program would write it.
std::string ZipOf(const std::vector<Member>& members) {
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  zip_source_keep(target);
  zip_t* archive = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  for (const Member& member : members) {
    zip_source_t* content =
        zip_source_buffer(archive, member.content.data(), member.content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, member.name.c_str(), content, 0);
    EXPECT_GE(index, 0) << zip_strerror(archive);
    const auto at = static_cast<zip_uint64_t>(index);
    EXPECT_EQ(zip_set_file_compression(archive, at, member.method, 0), 0) << member.name;
    if (member.encrypted) {
      EXPECT_EQ(zip_file_set_encryption(archive, at, ZIP_EM_AES_256, "secret"), 0);
    }
  }
  EXPECT_EQ(zip_close(archive), 0) << zip_strerror(archive);
  zip_stat_t stat;
  zip_stat_init(&stat);
  zip_source_stat(target, &stat);
  zip_source_open(target);
  std::string bytes(stat.size, '\0');
  zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  zip_source_free(target);
  return bytes;
}

std::string Npy(const std::string& descr, const std::string& shape, const std::string& data,
                const std::string& fortran = "False") {
  const std::string text =
      "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  std::string npy("\x93NUMPY\x01\x00", 8);
  npy += static_cast<char>(text.size());
  npy += '\0';
  return npy + text + data;
}

template <typename T>
std::string Raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

const std::string kTwoFloats = Npy("<f4", "(2,)", Raw({1.5f, -2.0f}));

TEST(Npz, WhatIsWrittenIsRead) {
  const std::vector<float> weight = {1, 2, 3, 4, 5, 6}, bias = {-0.5f, 0.25f};
  TORPOR_ASSERT_OK_AND_ASSIGN(
      const std::string npz,
      WriteNpz(std::vector<NpzFloats>{{"out.weight", {2, 3}, weight}, {"out.bias", {2}, bias}}));
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(npz));
  ASSERT_EQ(reader.arrays().size(), 2u);
  EXPECT_EQ(reader.arrays()[0].name, "out.weight");
  EXPECT_THAT(reader.arrays()[0].header.shape, ElementsAre(2, 3));
  EXPECT_EQ(reader.arrays()[1].name, "out.bias");
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> read_weight, reader.Read(0));
  EXPECT_EQ(read_weight, weight);
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> read_bias, reader.Read(1));
  EXPECT_EQ(read_bias, bias);
}

TEST(Npz, EqualArraysAreEqualBytes) {
  const std::vector<float> values = {1, 2};
  const std::vector<NpzFloats> arrays = {{"a.bias", {2}, values}};
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string first, WriteNpz(arrays));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string second, WriteNpz(arrays));
  EXPECT_EQ(first, second);
}

TEST(Npz, DeflatedDoubleAndColumnsFirstBecomeFloatsRowsFirst) {
  // [[1, 2, 3], [4, 5, 6]] with columns first.
  const std::string columns = Npy("<f8", "(2, 3)", Raw({1.0, 4.0, 2.0, 5.0, 3.0, 6.0}), "True");
  // Element [i, j, k] = 100 i + 10 j + k, shape [2, 1, 3].
  const std::string cube =
      Npy("<f4", "(2, 1, 3)", Raw({0.0f, 100.0f, 1.0f, 101.0f, 2.0f, 102.0f}), "True");
  const std::string npz = ZipOf({{"w.npy", columns, ZIP_CM_DEFLATE}, {"c.npy", cube}});
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(npz));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> values, reader.Read(0));
  EXPECT_THAT(values, ElementsAre(1, 2, 3, 4, 5, 6));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> cubic, reader.Read(1));
  EXPECT_THAT(cubic, ElementsAre(0, 1, 2, 100, 101, 102));
}

TEST(Npz, DoublesAreRoundedToTheNearestFloat) {
  const std::string npz = ZipOf({{"a.npy", Npy("<f8", "(2,)", Raw({0.1, 1e300}))}});
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(npz));
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> values, reader.Read(0));
  EXPECT_THAT(values, ElementsAre(0.1f, std::numeric_limits<float>::infinity()));
}

// Every refusal names the member and says what is wrong with it.
TEST(Npz, RefusesWhatItCannotTrust) {
  const struct {
    std::string what;
    std::string bytes;
    std::string says;
  } cases[] = {
      {"no zip", "PK nothing", "not a whole zip"},
      {"empty", "", "not a whole zip"},
      {"other member", ZipOf({{"readme.txt", "hello"}}), "readme.txt"},
      {"objects", ZipOf({{"a.npy", Npy("|O", "(1,)", "x")}}), "found '|O'"},
      {"big-endian", ZipOf({{"a.npy", Npy(">f4", "(1,)", "abcd")}}), "big-endian"},
      {"integers", ZipOf({{"a.npy", Npy("<i4", "(1,)", "abcd")}}), "found '<i4'"},
      {"half", ZipOf({{"a.npy", Npy("<f2", "(1,)", "ab")}}), "found '<f2'"},
      {"scalar", ZipOf({{"a.npy", Npy("<f4", "()", "abcd")}}), "at least one dimension"},
      {"encrypted", ZipOf({{"a.npy", kTwoFloats, ZIP_CM_STORE, true}}), "is encrypted"},
      {"cut values", ZipOf({{"a.npy", Npy("<f4", "(3,)", Raw({1.0f}))}}), "its header names"},
      {"more values", ZipOf({{"a.npy", kTwoFloats + "z"}}), "its header names"},
      {"other compression", ZipOf({{"a.npy", kTwoFloats, ZIP_CM_BZIP2}}), "stored or deflated"},
  };
  for (const auto& each : cases) {
    const auto reader = NpzReader::Open(each.bytes);
    EXPECT_THAT(reader, StatusIs(absl::StatusCode::kDataLoss, HasSubstr(each.says))) << each.what;
    EXPECT_THAT(reader, HasReason("NPZ_CORRUPT")) << each.what;
  }
}

TEST(Npz, RefusesAMemberThatIsStoredTwice) {
  // libzip does not write two members of one name, but other programs do.
  std::string npz = ZipOf({{"a.npy", kTwoFloats}, {"b.npy", kTwoFloats}});
  for (size_t at = npz.find("b.npy"); at != std::string::npos; at = npz.find("b.npy"))
    npz[at] = 'a';
  EXPECT_THAT(NpzReader::Open(npz), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twice")));
}

TEST(Npz, RefusesEveryCutAndFindsDamage) {
  const std::string npz = ZipOf({{"a.npy", kTwoFloats, ZIP_CM_DEFLATE}});
  for (size_t length = 0; length < npz.size(); ++length) {
    EXPECT_FALSE(NpzReader::Open(npz.substr(0, length)).ok()) << length;
  }
  std::string damaged = ZipOf({{"a.npy", kTwoFloats}});
  const size_t values = damaged.find(Raw({1.5f, -2.0f}));
  ASSERT_NE(values, std::string::npos);
  damaged[values] ^= 1;
  TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(damaged));
  EXPECT_THAT(reader.Read(0), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a.npy")));
}

// A deflated megabyte of zeros behind a header that names eight bytes, and the reverse: the sizes
// that the file states are compared before any memory is taken.
TEST(Npz, RefusesBombsBeforeInflatingThem) {
  const std::string zeros(1 << 20, '\0');
  EXPECT_THAT(NpzReader::Open(ZipOf({{"a.npy", kTwoFloats + zeros, ZIP_CM_DEFLATE}})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("its header names")));
  const std::string huge = Npy("<f8", "(65536, 65536)", "");
  EXPECT_THAT(NpzReader::Open(ZipOf({{"a.npy", huge, ZIP_CM_DEFLATE}})),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("its header names 343597")));
  // The directory says 8 bytes of values, as the header does, but a megabyte is deflated there.
  std::string lie = ZipOf({{"a.npy", kTwoFloats + zeros, ZIP_CM_DEFLATE}});
  const std::string stated = Raw({static_cast<uint32_t>(kTwoFloats.size() + zeros.size())});
  const std::string wanted = Raw({static_cast<uint32_t>(kTwoFloats.size())});
  for (size_t at = lie.find(stated); at != std::string::npos; at = lie.find(stated)) {
    lie.replace(at, 4, wanted);
  }
  const auto reader = NpzReader::Open(lie);
  // Refused at once, or when the member proves longer than it says.
  EXPECT_THAT(reader.ok() ? reader->Read(0).status() : reader.status(),
              StatusIs(absl::StatusCode::kDataLoss));
}

// Both directions against numpy itself, with and without compression.
TEST(Npz, NumpyReadsOursAndWeReadItsFiles) {
  ScratchDirectory dir;
  const std::vector<float> weight = {0.1f, -2, 3, 4e-30f, 5, 6};
  TORPOR_ASSERT_OK_AND_ASSIGN(const std::string npz,
                              WriteNpz(std::vector<NpzFloats>{{"hidden.weight", {2, 3}, weight}}));
  const auto files = NewPosixFileSystem();
  TORPOR_ASSERT_OK(files->WriteAtomically(dir.File("ours.npz"), npz));
  const std::string script =
      "import numpy as np, sys\n"
      "d = sys.argv[1]\n"
      "z = np.load(d + '/ours.npz')\n"
      "w = z['hidden.weight']\n"
      "assert list(z) == ['hidden.weight'] and w.dtype == np.float32 and w.shape == (2, 3), w\n"
      "np.savez(d + '/plain.npz', **{'hidden.weight': w, 'one.bias': w[0]})\n"
      "np.savez_compressed(d + '/deflated.npz',\n"
      "                    **{'hidden.weight': np.asfortranarray(w.astype('f8')),\n"
      "                       'one.bias': w[0]})\n";
  TORPOR_ASSERT_OK(files->WriteAtomically(dir.File("check.py"), script));
  ASSERT_EQ(std::system(("/usr/bin/python3 " + dir.File("check.py") + " " + dir.path()).c_str()), 0)
      << "this test needs python3-numpy";
  for (const char* name : {"plain.npz", "deflated.npz"}) {
    const std::string bytes = ReadFile(dir.File(name));
    TORPOR_ASSERT_OK_AND_ASSIGN(const NpzReader reader, NpzReader::Open(bytes));
    ASSERT_EQ(reader.arrays().size(), 2u) << name;
    EXPECT_EQ(reader.arrays()[0].name, "hidden.weight");
    TORPOR_ASSERT_OK_AND_ASSIGN(const std::vector<float> read, reader.Read(0));
    EXPECT_EQ(read, weight) << name;
  }
}

}  // namespace
}  // namespace torpor
