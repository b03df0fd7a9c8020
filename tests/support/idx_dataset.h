// Datasets on disk for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace torpor {

// An IDX file of unsigned bytes.
std::string IdxBytes(const std::vector<uint32_t>& dimensions, std::string_view values);

// A gzip file of one member.
std::string GzipBytes(std::string_view content);

// Writes the content; aborts if that fails.
void WriteFile(const std::string& path, std::string_view content);
std::string ReadFile(const std::string& path);

// Writes the first `train` and `test` samples of SyntheticDigits as the dataset `root/name` in the
// four standard files, compressed or plain. Returns the folder.
std::string MakeSyntheticIdxDataset(const std::string& root, const std::string& name = "blobs",
                                    int64_t train = 200, int64_t test = 50, bool gzip = false);

}  // namespace torpor
