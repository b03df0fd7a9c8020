#include "engine/network/image_windows.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/network/validation.h"

namespace torpor {
namespace {

constexpr int kMaxWindow = 1024;

using Sizes = ConvolutionFields::Sizes;

// One value for both directions or two, each at least `least`; an empty list leaves `pair` as it is
// where `optional`. False where a wrong field was added.
bool ReadPair(const Sizes& values, const std::string& path, int least, bool optional,
              HeightWidth& pair, Violations& violations) {
  if (values.empty() && optional) return true;
  if (values.empty() || values.size() > 2) {
    violations.Add(path,
                   absl::StrCat("must have one value, or two: height, width; has ", values.size()));
    return false;
  }
  bool valid = true;
  for (int i = 0; i < values.size(); ++i) {
    if (values[i] >= least && values[i] <= kMaxWindow) continue;
    valid = false;
    violations.Add(values.size() == 1 ? path : absl::StrCat(path, "[", i, "]"),
                   absl::StrCat("must be in ", least, "..", kMaxWindow, ", got ", values[i]));
  }
  pair = {.height = values[0], .width = values[values.size() - 1]};
  return valid;
}

// The way out names the two shapes that plain lists of square images go by.
std::string NoImage(const LayerFlow& input, const std::string& path) {
  const std::string family = path.substr(0, path.find('.'));
  if (!path.starts_with(absl::StrCat(family, ".layers[0]"))) {
    return absl::StrCat("needs an image [channels, height, width], and the layer before gives a ",
                        "list of ", input.values, " values; put it before dense and flatten");
  }
  const int64_t side = std::llround(std::sqrt(static_cast<double>(input.values)));
  const std::string way =
      side * side == input.values
          ? absl::StrCat("[1, ", side, ", ", side, "] or [", side, ", ", side, "]")
          : std::string("[channels, height, width]");
  return absl::StrCat("needs an image, and ", family, ".input.shape is [", input.values,
                      "]; declare ", way, ": data with ", input.values, " values fits both");
}

// Whether the window fits into the padded image in both directions.
bool CheckFit(const ImageWindows& windows, const std::string& path, Violations& violations) {
  bool fits = true;
  auto check = [&](const char* what, int kernel, int size, int padding) {
    if (kernel <= size + 2 * padding) return;
    fits = false;
    violations.Add(
        absl::StrCat(path, ".kernel"),
        absl::StrCat("must be at most the input's ", what, " of ", size,
                     padding > 0 ? absl::StrCat(" with padding ", padding, " on each side") : "",
                     ", got ", kernel));
  };
  check("height", windows.kernel.height, windows.input_image.height, windows.padding.height);
  check("width", windows.kernel.width, windows.input_image.width, windows.padding.width);
  return fits;
}

// Output image and sizes from the windows.
LayerFlow Place(int channels, const std::string& path, const std::string& channels_path,
                ImageWindows& windows, Violations& violations) {
  const ImageShape& in = windows.input_image;
  const int64_t height = in.height + 2 * int64_t{windows.padding.height};
  const int64_t width = in.width + 2 * int64_t{windows.padding.width};
  windows.output_image = {
      .channels = channels,
      .height = static_cast<int>((height - windows.kernel.height) / windows.stride.height + 1),
      .width = static_cast<int>((width - windows.kernel.width) / windows.stride.width + 1)};
  // Every factor is below 2^17: the products cannot overflow.
  if (windows.output_image.values() > kMaxInputElements) {
    violations.Add(channels_path,
                   absl::StrCat("the layer's output must have at most ", kMaxInputElements,
                                " values, got ", channels, " x ", windows.output_image.height,
                                " x ", windows.output_image.width));
    return {};
  }
  if (std::max(in.channels, channels) * height * width > kMaxSynapses) {
    violations.Add(absl::StrCat(path, ".padding"),
                   absl::StrCat("channels times the padded input's height and width must be at "
                                "most ",
                                kMaxSynapses, ", got ", std::max(in.channels, channels), " x ",
                                height, " x ", width));
    return {};
  }
  return {.values = windows.output_image.values(), .image = windows.output_image};
}

}  // namespace

LayerFlow InputFlow(const v1::Input& input, int64_t values) {
  LayerFlow flow{.values = values};
  const int rank = input.shape_size();
  if (values == 0 || rank < 2 || rank > 3) return flow;
  flow.image = {.channels = rank == 3 ? static_cast<int>(input.shape(0)) : 1,
                .height = static_cast<int>(input.shape(rank - 2)),
                .width = static_cast<int>(input.shape(rank - 1))};
  return flow;
}

LayerFlow ResolveConvolution(const ConvolutionFields& fields, const std::string& path,
                             const LayerFlow& input, ImageWindows& windows,
                             Violations& violations) {
  windows.stride = {.height = 1, .width = 1};
  const std::string channels_path = absl::StrCat(path, ".channels");
  bool valid = fields.channels >= 1 && fields.channels <= kMaxDimension;
  if (!valid) {
    violations.Add(channels_path,
                   absl::StrCat("must be in 1..", kMaxDimension, ", got ", fields.channels));
  }
  const bool kernel =
      ReadPair(fields.kernel, absl::StrCat(path, ".kernel"), 1, false, windows.kernel, violations);
  valid &= kernel;
  valid &=
      ReadPair(fields.stride, absl::StrCat(path, ".stride"), 1, true, windows.stride, violations);
  const std::string padding_path = absl::StrCat(path, ".padding");
  bool padding = ReadPair(fields.padding, padding_path, 0, true, windows.padding, violations);
  if (kernel && padding &&
      (windows.padding.height >= windows.kernel.height ||
       windows.padding.width >= windows.kernel.width)) {
    violations.Add(padding_path,
                   absl::StrCat("must be below the kernel, ", windows.kernel.height, " x ",
                                windows.kernel.width, ", got ", windows.padding.height, " x ",
                                windows.padding.width));
    padding = false;
  }
  valid &= padding;
  if (input.values == 0) return {};
  if (input.image.channels == 0) {
    violations.Add(path, NoImage(input, path));
    return {};
  }
  windows.input_image = input.image;
  if (!valid || !CheckFit(windows, path, violations)) return {};
  // At most 2^24 values of the input times padding: each factor is below 2^17.
  const int64_t fan_in =
      int64_t{input.image.channels} * windows.kernel.height * windows.kernel.width;
  if (fan_in > kMaxSynapses / fields.channels) {
    violations.Add(channels_path,
                   absl::StrCat("channels times the weights of one must be at most ", kMaxSynapses,
                                ", got ", fields.channels, " x ", fan_in));
    return {};
  }
  return Place(fields.channels, path, channels_path, windows, violations);
}

LayerFlow ResolvePooling(const v1::PoolLayer& layer, const std::string& path,
                         const LayerFlow& input, ImageWindows& windows, Violations& violations) {
  const bool kernel =
      ReadPair(layer.kernel(), absl::StrCat(path, ".kernel"), 1, false, windows.kernel, violations);
  windows.stride = windows.kernel;
  const bool stride =
      ReadPair(layer.stride(), absl::StrCat(path, ".stride"), 1, true, windows.stride, violations);
  if (input.values == 0) return {};
  if (input.image.channels == 0) {
    violations.Add(path, NoImage(input, path));
    return {};
  }
  windows.input_image = input.image;
  if (!kernel || !stride || !CheckFit(windows, path, violations)) return {};
  return Place(input.image.channels, path, absl::StrCat(path, ".kernel"), windows, violations);
}

}  // namespace torpor
