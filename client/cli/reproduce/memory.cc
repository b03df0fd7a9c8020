// What a recipe's networks store, counted in several ways, without any training (study.h).
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/reproduce/study.h"
#include "client/cli/rpc.h"
#include "torpor/v1/network.grpc.pb.h"

namespace torpor::cli::reproduce {
namespace {

constexpr int kFloatBits = 32;

absl::StatusOr<double> BytesOf(Study& study, const v1::Network& network,
                               const v1::MemoryCounting& counting) {
  v1::DescribeNetworkRequest request;
  *request.mutable_network() = network;
  *request.mutable_memory_counting() = counting;
  CLI_ASSIGN_OR_RETURN(
      const v1::NetworkDescription description,
      Call<v1::NetworkService>(study.context, &v1::NetworkService::Stub::DescribeNetwork, request));
  return description.memory_bytes();
}

int WeightBits(const v1::Quantization& storage) {
  return storage.has_weight_bits() ? storage.weight_bits() : kFloatBits;
}

// "weight_bits=8,neuron_bits=16"; weights that are not stored in few bits have 32, neurons that are
// not are left out.
std::string StorageText(const v1::Quantization& storage) {
  std::string text = absl::StrCat("weight_bits=", WeightBits(storage));
  if (storage.has_neuron_bits()) absl::StrAppend(&text, ",neuron_bits=", storage.neuron_bits());
  return text;
}

// What is counted, for people.
std::string CountedText(const recipe::MemoryPlan& plan, const recipe::Counting& counting,
                        const v1::Quantization& storage) {
  return absl::StrCat(plan.title(), ", counting ", counting.name(), ", ", StorageText(storage));
}

Place PlaceOf(const recipe::MemoryPlan& plan, const recipe::Counting& counting,
              const v1::Quantization& storage) {
  Place place;
  place.base_id =
      JoinId({plan.prefix(), absl::StrCat("counting=", counting.name()), StorageText(storage)});
  place.what = absl::StrCat("memory of ", CountedText(plan, counting, storage));
  place.group = absl::StrCat("counting ", counting.name());
  place.metric = "memory";
  place.unit = Unit::kBytes;
  place.line = absl::StrCat(WeightBits(storage), " bits of a weight");
  place.column = absl::StrCat(plan.title(), storage.has_neuron_bits() ? ", neurons too" : "");
  place.x = WeightBits(storage);
  place.x_lever = "precision_bits";
  return place;
}

absl::Status RunCounting(Study& study, const recipe::MemoryPlan& plan,
                         const recipe::Counting& counting) {
  double against = std::nan("");
  for (const recipe::MemoryPlan& other : study.recipe.memories()) {
    if (other.id() != plan.against()) continue;
    CLI_ASSIGN_OR_RETURN(against, BytesOf(study, other.network(), counting.counting()));
  }
  std::vector<v1::Quantization> storages(plan.storages().begin(), plan.storages().end());
  if (storages.empty()) storages.push_back(plan.network().stdp().quantization());
  for (const v1::Quantization& storage : storages) {
    v1::Network network = plan.network();
    if (network.has_stdp()) *network.mutable_stdp()->mutable_quantization() = storage;
    CLI_ASSIGN_OR_RETURN(const double bytes, BytesOf(study, network, counting.counting()));
    Place place = PlaceOf(plan, counting, storage);
    study.rows.Add(place, {.value = bytes});
    if (std::isnan(against)) continue;
    absl::StrAppend(&place.base_id, ",metric=saving");
    place.metric = "saving";
    place.unit = Unit::kNumber;
    place.what = absl::StrCat("how many times as much ", plan.against(), " stores as ",
                              CountedText(plan, counting, storage));
    study.rows.Add(std::move(place), {.value = against / bytes});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunMemories(Study& study) {
  for (const recipe::MemoryPlan& plan : study.recipe.memories()) {
    for (const recipe::Counting& counting : plan.countings()) {
      CLI_RETURN_IF_ERROR(RunCounting(study, plan, counting));
    }
  }
  return absl::OkStatus();
}

}  // namespace torpor::cli::reproduce
