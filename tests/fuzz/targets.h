// Fuzz targets: every parser of bytes that come from outside. Each takes any bytes, must neither
// crash nor allocate beyond what the bytes justify, and checks what must hold of the result. They
// run over a fixed, seeded corpus in ctest, and under libFuzzer with TORPOR_BUILD_FUZZERS. Those of
// whole messages that are run too are in files of their own (*_target.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/definition.h"
#include "client/cli/npy_input.h"
#include "engine/base/digest.h"
#include "engine/base/status.h"
#include "engine/data/gzip.h"
#include "engine/data/idx.h"
#include "engine/data/npy.h"
#include "engine/data/npz.h"
#include "engine/families.h"
#include "engine/job/event_log.h"
#include "engine/network/archive.h"
#include "engine/rate/conv2d.h"
#include "engine/rate/definition.h"
#include "engine/truenorth/cores_file.h"
#include "engine/truenorth/plan.h"

namespace torpor::fuzz {

inline std::string_view AsText(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Returns 1 where the bytes were accepted, 0 where they were refused, as every target here.
inline int FuzzIdx(const uint8_t* data, size_t size) {
  int accepted = 0;
  for (const int rank : {1, 3}) {
    const auto idx = ParseIdx(AsText(data, size), rank);
    if (!idx.ok()) continue;
    int64_t values = 1;
    for (const int64_t dimension : idx->dimensions) values *= dimension;
    TORPOR_CHECK(static_cast<int64_t>(idx->values.size()) == values);
    accepted = 1;
  }
  return accepted;
}

inline int FuzzGzip(const uint8_t* data, size_t size) {
  constexpr size_t kLimit = 1 << 16;
  const auto head = GunzipPrefix(AsText(data, size), 64);
  TORPOR_CHECK(!head.ok() || head->size() <= 64);
  const auto content = Gunzip(AsText(data, size), kLimit);
  if (!content.ok()) return 0;
  TORPOR_CHECK(content->size() <= kLimit);
  return 1;
}

inline int FuzzNpy(const uint8_t* data, size_t size) {
  cli::ParseNpy(absl::string_view(reinterpret_cast<const char*>(data), size), "input")
      .status()
      .IgnoreError();
  const auto npy = ParseNpy(AsText(data, size));
  if (!npy.ok()) return 0;
  int64_t values = 1;
  for (const int64_t dimension : npy->shape) values *= dimension;
  TORPOR_CHECK(static_cast<int64_t>(npy->data.size()) == values * NpyItemSize(npy->type));
  // The last element is inside.
  if (npy->type == NpyType::kFloat32) {
    npy->FloatAt(values - 1);
  } else {
    npy->IntegerAt(values - 1);
  }
  return 1;
}

// Weights from elsewhere. An array that is read has the values that its header names, which the
// file's own bytes bound by zip's compression, at most about 1032 to 1.
inline int FuzzNpz(const uint8_t* data, size_t size) {
  const auto npz = NpzReader::Open(AsText(data, size));
  if (!npz.ok()) return 0;
  int accepted = 0;
  for (size_t i = 0; i < npz->arrays().size(); ++i) {
    const int64_t values = npz->arrays()[i].header.values;
    // An importer reads what its definition needs; this one is small.
    if (values > 1'000'000) continue;
    const auto read = npz->Read(i);
    if (!read.ok()) continue;
    TORPOR_CHECK(static_cast<int64_t>(read->size()) == values);
    accepted = 1;
  }
  return accepted;
}

// A definition as a server receives it; accepted ones stay below the documented sizes.
inline int FuzzNetwork(const uint8_t* data, size_t size) {
  v1::Network network;
  if (!network.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto layers = ResolveRateNetwork(network);
  if (!layers.ok()) {
    TORPOR_CHECK(!layers.status().message().empty());
    return 0;
  }
  int64_t values = layers->front().inputs;
  for (const RateLayerShape& layer : *layers) {
    TORPOR_CHECK(layer.inputs == values && layer.outputs >= 1 && layer.outputs <= 16777216);
    values = layer.outputs;
    TORPOR_CHECK(layer.synapses() <= 268435456);
    // Memory and offsets of a convolution follow from its shape alone.
    if (layer.kind != RateLayerKind::kConv2d || layer.synapses() > 100'000) continue;
    const Conv2d conv(layer);
    TORPOR_CHECK(conv.image_size() > 0 && conv.image_size() <= 1 << 30);
    TORPOR_CHECK(conv.sums_size() >= layer.outputs && conv.delta_size() >= layer.outputs);
  }
  return 1;
}

// A grid of cores as a server receives it: accepted ones fit the hardware.
inline int FuzzGrid(const uint8_t* data, size_t size) {
  v1::Network network;
  if (!network.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto plan = PlanGrid(network.truenorth());
  if (!plan.ok()) {
    TORPOR_CHECK(!plan.status().message().empty());
    return 0;
  }
  TORPOR_CHECK(plan->cores() <= 4096 && plan->ticks >= 1 && plan->ticks <= kMaxTicks);
  TORPOR_CHECK(plan->classes >= 2 && plan->neurons_per_class >= 1);
  for (size_t l = 0; l < plan->layers.size(); ++l) {
    const CoreLayerPlan& layer = plan->layers[l];
    std::vector<bool> driven(l == 0 ? 0 : static_cast<size_t>(layer.inputs));
    for (const CorePlan& core : layer.cores) {
      TORPOR_CHECK(core.axons() >= 1 && core.axons() <= kCoreAxons);
      TORPOR_CHECK(core.neurons >= 1 && core.neurons <= kCoreNeurons);
      for (const int32_t source : core.sources) {
        TORPOR_CHECK(source >= 0 && source < layer.inputs);
        if (l == 0) continue;
        // A neuron drives one axon.
        TORPOR_CHECK(!driven[static_cast<size_t>(source)]);
        driven[static_cast<size_t>(source)] = true;
      }
    }
  }
  return 1;
}

// Two cores, one above the other: the definition of the cores files below.
inline v1::Network TwoCores() {
  v1::Network network;
  v1::TrueNorthNetwork& grid = *network.mutable_truenorth();
  grid.set_classes(2);
  grid.set_output_neurons(6);
  grid.set_ticks(3);
  for (const int block : {4, 1}) {
    grid.mutable_input()->add_shape(4);
    v1::BlockLayer* layer = grid.add_layers();
    layer->set_block(block);
    layer->set_stride(block);
  }
  return network;
}

// What a file of cores says comes back as it was, or the file is refused.
inline int AcceptCores(std::string_view npz) {
  const auto reader = CoresReader::Create(TwoCores(), v1::Loss::CE);
  TORPOR_CHECK(reader.ok());
  const auto archive = reader->ToArchive(npz);
  if (!archive.ok()) {
    TORPOR_CHECK(!archive.status().message().empty());
    return 0;
  }
  const auto again = CoresOfArchive(*archive);
  TORPOR_CHECK(again.ok());
  const auto before = NpzReader::Open(npz), after = NpzReader::Open(*again);
  TORPOR_CHECK(before.ok() && after.ok() && before->arrays().size() == after->arrays().size());
  for (size_t i = 0; i < before->arrays().size(); ++i) {
    const NpzReader::Array& array = before->arrays()[i];
    for (size_t j = 0; j < after->arrays().size(); ++j) {
      if (after->arrays()[j].name != array.name) continue;
      // -0 is written as 0.
      TORPOR_CHECK(std::ranges::equal(*before->Read(i), *after->Read(j)));
    }
  }
  return 1;
}

inline int FuzzCores(const uint8_t* data, size_t size) { return AcceptCores(AsText(data, size)); }

// The same behind the checksums of a zip, which otherwise refuse nearly all: eight bytes change one
// value, which is of a file that fits.
inline int FuzzCoresValues(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  static const std::string* const seed = [] {
    const auto model = BuildModel(TwoCores(), 5);
    TORPOR_CHECK(model.ok());
    return new std::string(*CoresOfArchive(SerializeModel(**model)));
  }();
  const auto file = NpzReader::Open(*seed);
  TORPOR_CHECK(file.ok());
  std::vector<std::vector<float>> values;
  for (size_t i = 0; i < file->arrays().size(); ++i) values.push_back(*file->Read(i));
  for (size_t at = 0; at + 8 <= size; at += 8) {
    std::vector<float>& array = values[data[at] % values.size()];
    const size_t element =
        static_cast<size_t>(data[at + 1] | data[at + 2] << 8 | data[at + 3] << 16);
    std::memcpy(&array[element % array.size()], data + at + 4, sizeof(float));
  }
  std::vector<NpzFloats> arrays;
  for (size_t i = 0; i < values.size(); ++i) {
    arrays.push_back({file->arrays()[i].name, file->arrays()[i].header.shape, values[i]});
  }
  const auto npz = WriteNpz(arrays);
  TORPOR_CHECK(npz.ok());
  return AcceptCores(*npz);
}

inline int FuzzArchive(const uint8_t* data, size_t size) {
  const auto archive = ArchiveReader::Parse(AsText(data, size));
  if (!archive.ok()) return 0;
  // Only an intact archive is accepted; its model may still be refused.
  const auto layers = ResolveRateNetwork(archive->network());
  int64_t parameters = 0;
  if (layers.ok()) {
    for (const RateLayerShape& layer : *layers) parameters += layer.synapses();
  }
  // Definitions of a gigabyte are valid, but not for a test.
  if (parameters < 1'000'000) {
    ParseModel(AsText(data, size), BuildModel).status().IgnoreError();
  }
  return 1;
}

// The same behind the outer digest, which otherwise refuses nearly all: the first two bytes say how
// long the manifest is, and the target seals what follows as an archive does.
inline int FuzzSealedArchive(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view body = AsText(data + 2, size - 2);
  const uint64_t length = std::min<uint64_t>(data[0] | data[1] << 8, body.size());
  std::string archive = "TORPORAR";
  const uint32_t version = kArchiveVersion, reserved = 0;
  archive.append(reinterpret_cast<const char*>(&version), 4);
  archive.append(reinterpret_cast<const char*>(&reserved), 4);
  archive.append(reinterpret_cast<const char*>(&length), 8);
  archive.append(body.substr(0, length));
  const std::string hex = Sha256Hex(archive);
  for (size_t i = 0; i < hex.size(); i += 2) {
    archive += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  archive.append(body.substr(length));
  return FuzzArchive(reinterpret_cast<const uint8_t*>(archive.data()), archive.size());
}

inline int FuzzEventLog(const uint8_t* data, size_t size) {
  const std::string_view log = AsText(data, size);
  const ParsedEvents parsed = ParseEvents(log);
  TORPOR_CHECK(parsed.consumed <= size);
  // What was consumed is whole: reading it again gives the same.
  const ParsedEvents again = ParseEvents(log.substr(0, parsed.consumed));
  TORPOR_CHECK(again.consumed == parsed.consumed && again.events.size() == parsed.events.size());
  return parsed.events.empty() ? 0 : 1;
}

// Definition files of the client: YAML, and JSON as a part of it.
inline int FuzzDefinition(const uint8_t* data, size_t size) {
  auto definition = cli::Definition::Parse(std::string(AsText(data, size)), "net.yaml");
  if (!definition.ok()) return 0;
  v1::Network network;
  return definition->Read(definition->Has("network") ? "network" : "", network).ok() ? 1 : 0;
}

}  // namespace torpor::fuzz
