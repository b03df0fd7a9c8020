#include "engine/data/npz.h"

#include <zip.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr size_t kMaxName = 256;

absl::Status Corrupt(const std::string& part, const std::string& what) {
  return WithReason(absl::DataLossError(absl::StrCat("NPZ: ", part, ": ", what)), "NPZ_CORRUPT",
                    {{"part", part}});
}

// libzip's error as text, released.
std::string TextOf(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Member = std::unique_ptr<zip_file_t, CloseMember>;

// Up to `size` bytes into `to`; how many there were.
absl::StatusOr<size_t> ReadUpTo(zip_file_t* file, const std::string& part, char* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const zip_int64_t count = zip_fread(file, to + done, size - done);
    if (count < 0) return Corrupt(part, zip_file_strerror(file));
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

std::string PartOf(std::string_view member) {
  return absl::StrCat("member \"", std::string(member.substr(0, kMaxName)), "\"");
}

}  // namespace

struct NpzReader::Zip {
  ~Zip() {
    if (archive != nullptr) zip_discard(archive);
  }
  zip_t* archive = nullptr;
};

NpzReader::NpzReader() : zip_(std::make_unique<Zip>()) {}
NpzReader::~NpzReader() = default;
NpzReader::NpzReader(NpzReader&&) noexcept = default;
NpzReader& NpzReader::operator=(NpzReader&&) noexcept = default;

absl::StatusOr<NpzReader> NpzReader::Open(std::string_view bytes) {
  // libzip takes no bytes at all for an archive that is about to be made.
  constexpr size_t kEndOfDirectory = 22;
  if (bytes.size() < kEndOfDirectory) return Corrupt("file", "not a whole zip: too short");
  NpzReader reader;
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  if (source == nullptr) return Corrupt("file", TextOf(&error));
  // The directory at the end must agree with the header before each member.
  reader.zip_->archive = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (reader.zip_->archive == nullptr) {
    zip_source_free(source);
    // A check that opening makes.
    if (zip_error_code_zip(&error) == ZIP_ER_EXISTS) {
      zip_error_fini(&error);
      return Corrupt("file", "a member is stored twice");
    }
    return Corrupt("file", absl::StrCat("not a whole zip: ", TextOf(&error)));
  }
  zip_t* const archive = reader.zip_->archive;
  const zip_int64_t members = zip_get_num_entries(archive, 0);
  if (members > kMaxNpzArrays) {
    return Corrupt("file", absl::StrCat("has ", members, " members, at most ", kMaxNpzArrays));
  }
  for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(members); ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive, i, ZIP_FL_ENC_RAW, &stat) != 0) {
      return Corrupt(absl::StrCat("member ", i), "cannot be read");
    }
    const std::string_view name = stat.name;
    const std::string part = PartOf(name);
    constexpr zip_uint64_t kNeeded =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((stat.valid & kNeeded) != kNeeded) return Corrupt(part, "its size is not stated");
    if (!name.ends_with(kSuffix) || name.size() <= kSuffix.size() || name.size() > kMaxName) {
      return Corrupt(part, "names must be those of arrays, NAME.npy with at most 256 characters");
    }
    if (stat.encryption_method != ZIP_EM_NONE) return Corrupt(part, "is encrypted");
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
      return Corrupt(part, absl::StrCat("must be stored or deflated, has the compression method ",
                                        stat.comp_method));
    }
    const Member file(zip_fopen_index(archive, i, 0));
    if (file == nullptr) return Corrupt(part, zip_strerror(archive));
    std::string head(std::min<uint64_t>(stat.size, kMaxNpyHeaderBytes), '\0');
    TORPOR_ASSIGN_OR_RETURN(const size_t count,
                            ReadUpTo(file.get(), part, head.data(), head.size()));
    head.resize(count);
    absl::StatusOr<NpyHeader> header = ParseNpyHeader(head, NpyUse::kWeights);
    if (!header.ok()) return Corrupt(part, std::string(header.status().message()));
    const uint64_t named = header->offset + static_cast<uint64_t>(header->values) *
                                                static_cast<uint64_t>(NpyItemSize(header->type));
    if (named != stat.size) {
      return Corrupt(part, absl::StrCat("has ", stat.size, " bytes, its header names ", named));
    }
    reader.arrays_.push_back(
        {std::string(name.substr(0, name.size() - kSuffix.size())), *std::move(header)});
  }
  return reader;
}

absl::StatusOr<std::vector<float>> NpzReader::Read(size_t index) const {
  TORPOR_CHECK(index < arrays_.size());
  const Array& array = arrays_[index];
  const std::string part = PartOf(absl::StrCat(array.name, std::string(kSuffix)));
  const Member file(zip_fopen_index(zip_->archive, index, 0));
  if (file == nullptr) return Corrupt(part, zip_strerror(zip_->archive));
  const size_t size = array.header.offset + static_cast<size_t>(array.header.values) *
                                                static_cast<size_t>(NpyItemSize(array.header.type));
  std::string bytes(size, '\0');
  TORPOR_ASSIGN_OR_RETURN(const size_t count, ReadUpTo(file.get(), part, bytes.data(), size));
  if (count != size) return Corrupt(part, "ends early");
  // Reading past the end is what makes libzip compare the checksum.
  char more;
  TORPOR_ASSIGN_OR_RETURN(const size_t beyond, ReadUpTo(file.get(), part, &more, 1));
  if (beyond != 0) return Corrupt(part, "is longer than its stated size");
  return FloatsOf(array.header, std::string_view(bytes).substr(array.header.offset));
}

absl::StatusOr<std::string> WriteNpz(std::span<const NpzFloats> arrays) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const target = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (target == nullptr) return absl::InternalError(absl::StrCat("NPZ: ", TextOf(&error)));
  // Kept beyond the archive, which releases one reference of its own.
  zip_source_keep(target);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> release(target, &zip_source_free);
  zip_t* const archive = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    zip_source_free(target);
    return absl::InternalError(absl::StrCat("NPZ: ", TextOf(&error)));
  }
  // What libzip reads when it closes the archive.
  std::vector<std::string> files;
  files.reserve(arrays.size());
  for (const NpzFloats& array : arrays) {
    files.push_back(NpyOfFloats(array.shape, array.values));
    const std::string name = absl::StrCat(array.name, std::string(kSuffix));
    zip_source_t* const content =
        zip_source_buffer(archive, files.back().data(), files.back().size(), 0);
    const zip_int64_t index =
        content == nullptr ? -1 : zip_file_add(archive, name.c_str(), content, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      if (content != nullptr) zip_source_free(content);
      const std::string text = zip_strerror(archive);
      zip_discard(archive);
      return absl::InternalError(absl::StrCat("NPZ: ", PartOf(name), ": ", text));
    }
    // 1980-01-01 00:00, the first time that a zip can state.
    constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), 0, kFirstDay, 0);
  }
  if (zip_close(archive) != 0) {
    const std::string text = zip_strerror(archive);
    zip_discard(archive);
    return absl::ResourceExhaustedError(absl::StrCat("NPZ: cannot be written: ", text));
  }
  zip_stat_t stat;
  zip_stat_init(&stat);
  std::string npz;
  if (zip_source_stat(target, &stat) != 0 || zip_source_open(target) != 0) {
    return absl::InternalError("NPZ: cannot be read back");
  }
  npz.resize(stat.size);
  const zip_int64_t count = zip_source_read(target, npz.data(), npz.size());
  zip_source_close(target);
  if (count != static_cast<zip_int64_t>(npz.size())) {
    return absl::InternalError("NPZ: cannot be read back");
  }
  return npz;
}

}  // namespace torpor
