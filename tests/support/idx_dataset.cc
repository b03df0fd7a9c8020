#include "tests/support/idx_dataset.h"

#include <zlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/base/status.h"
#include "engine/data/catalogue.h"

namespace torpor {

std::string IdxBytes(const std::vector<uint32_t>& dimensions, std::string_view values) {
  std::string bytes = {0, 0, 8, static_cast<char>(dimensions.size())};
  for (const uint32_t dimension : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(dimension >> shift);
  }
  return bytes + std::string(values);
}

std::string GzipBytes(std::string_view content) {
  z_stream stream = {};
  TORPOR_CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  TORPOR_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void WriteFile(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  TORPOR_CHECK(file.good());
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  TORPOR_CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string MakeSyntheticIdxDataset(const std::string& root, const std::string& name, int64_t train,
                                    int64_t test, bool gzip) {
  const std::string folder = root + "/" + name;
  std::filesystem::create_directories(folder);
  const auto write = [&](const std::string& file, const std::string& content) {
    WriteFile(folder + "/" + file + (gzip ? ".gz" : ""), gzip ? GzipBytes(content) : content);
  };
  for (const v1::Split::Kind split : {v1::Split::TRAIN, v1::Split::TEST}) {
    const Dataset all = SyntheticDigits(split);
    const bool training = split == v1::Split::TRAIN;
    const Dataset data = all.Slice(0, training ? train : test);
    std::string pixels, labels;
    std::vector<float> sample(static_cast<size_t>(data.features()));
    for (int64_t i = 0; i < data.size(); ++i) {
      data.CopySample(i, sample);
      for (const float value : sample) pixels += static_cast<char>(std::lround(value * 255));
      labels += static_cast<char>(data.label(i));
    }
    const uint32_t n = static_cast<uint32_t>(data.size());
    const std::string prefix = training ? "train" : "t10k";
    write(prefix + "-images-idx3-ubyte", IdxBytes({n, static_cast<uint32_t>(data.sample_shape()[0]),
                                                   static_cast<uint32_t>(data.sample_shape()[1])},
                                                  pixels));
    write(prefix + "-labels-idx1-ubyte", IdxBytes({n}, labels));
  }
  return folder;
}

}  // namespace torpor
