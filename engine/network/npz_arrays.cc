#include "engine/network/npz_arrays.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// An error names so many arrays one by one, and more of them by kind: so many characters of names
// in all, and about so many a line.
constexpr size_t kNamedOneByOne = 16;
constexpr size_t kNamedTogether = 2400;
constexpr size_t kNamesALine = 500;

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

void NpzMismatches::Add(std::string array, std::string kind, std::string description) {
  mismatches_.push_back({std::move(array), std::move(kind), std::move(description)});
}

absl::Status NpzMismatches::ToStatus() const {
  Violations violations;
  if (mismatches_.size() <= kNamedOneByOne) {
    for (const Mismatch& each : mismatches_) violations.Add(each.array, each.description);
    return violations.ToStatus();
  }
  std::map<std::string, std::vector<std::string>> kinds;
  for (const Mismatch& each : mismatches_) kinds[each.kind].push_back(each.array);
  size_t room = kNamedTogether;
  for (const auto& [kind, arrays] : kinds) {
    std::string names;
    size_t named = 0;
    while (named < arrays.size() && arrays[named].size() + 2 <= room) {
      if (names.size() > kNamesALine) {
        violations.Add("arrays", absl::StrCat(kind, ": ", names));
        names.clear();
      }
      absl::StrAppend(&names, names.empty() ? "" : ", ", arrays[named]);
      room -= arrays[named].size() + 2;
      ++named;
    }
    if (named < arrays.size()) absl::StrAppend(&names, " and ", arrays.size() - named, " more");
    violations.Add("arrays", absl::StrCat(kind, ": ", names));
  }
  return violations.ToStatus();
}

absl::Status CheckNpzShapes(const NpzReader& reader, const std::vector<NpzShape>& wanted) {
  std::map<std::string, const std::vector<int64_t>*> stored;
  for (const NpzReader::Array& array : reader.arrays()) stored[array.name] = &array.header.shape;
  NpzMismatches mismatches;
  for (const NpzShape& each : wanted) {
    const auto found = stored.find(each.name);
    if (found == stored.end()) {
      mismatches.Add(each.name, "missing",
                     absl::StrCat("is missing, must have the shape ", ShapeText(each.shape)));
      continue;
    }
    const std::vector<int64_t>& shape = *found->second;
    if (shape == each.shape) continue;
    const bool transposed = shape.size() == 2 && each.shape.size() == 2 &&
                            shape[0] == each.shape[1] && shape[1] == each.shape[0];
    mismatches.Add(each.name, "other shapes",
                   absl::StrCat("must have the shape ", ShapeText(each.shape), ", has ",
                                ShapeText(shape), transposed ? "; transpose it" : ""));
  }
  for (const NpzReader::Array& array : reader.arrays()) {
    const bool known = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const NpzShape& each) { return each.name == array.name; });
    if (known) continue;
    mismatches.Add(array.name, "not in the definition",
                   absl::StrCat("belongs to no layer of the definition, has the shape ",
                                ShapeText(array.header.shape)));
  }
  return mismatches.ToStatus();
}

absl::StatusOr<std::vector<float>> ReadNpzArray(const NpzReader& reader, const std::string& name) {
  const auto& arrays = reader.arrays();
  const auto found = std::find_if(arrays.begin(), arrays.end(),
                                  [&](const NpzReader::Array& each) { return each.name == name; });
  TORPOR_CHECK(found != arrays.end());
  return reader.Read(static_cast<size_t>(found - arrays.begin()));
}

std::string NpzIndexText(const std::vector<int64_t>& shape, int64_t flat) {
  std::vector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    index[d] = flat % shape[d];
    flat /= shape[d];
  }
  return ShapeText(index);
}

}  // namespace torpor
