#include "client/cli/sample_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/errors.h"
#include "client/cli/job_run.h"
#include "client/cli/rpc.h"
#include "client/cli/spike_stream.h"
#include "torpor/v1/dataset.grpc.pb.h"

namespace torpor::cli {
namespace {

// Of ReadSamplesRequest.
constexpr int64_t kMostACall = 4096;

// Rows of another part of the same split behind those of `whole`.
void Append(const v1::Tensor& part, v1::Tensor& whole) {
  if (whole.shape().empty()) {
    whole = part;
    return;
  }
  whole.set_shape(0, whole.shape(0) + part.shape(0));
  whole.mutable_data()->append(part.data());
}

// Says where the user wrote what the server refused: the first sample, or another field.
absl::Status NamePlace(absl::Status status, absl::string_view first_flag) {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (first_flag.empty() || !bad || bad->field_violations().empty()) return status;
  return bad->field_violations(0).field() == "first" ? WithWhere(std::move(status), first_flag)
                                                     : NameFlag(std::move(status));
}

// Row `sample` of a tensor [n x steps x units]: a spike where a value is at least `least`.
template <typename Value>
absl::StatusOr<v1::SpikeTrain> SpikesFrom(const v1::Tensor& tensor, int64_t sample, Value least) {
  if (tensor.shape_size() != 3 || tensor.shape(1) > kMostChunkSteps) {
    return UsageError(absl::StrCat("its samples are no spike trains [steps, units] of at most ",
                                   kMostChunkSteps, " steps"),
                      "dataset", "synthetic-pattern");
  }
  const int64_t steps = tensor.shape(1), units = tensor.shape(2);
  std::vector<Value> values(static_cast<size_t>(steps * units));
  std::memcpy(values.data(),
              tensor.data().data() + static_cast<size_t>(sample) * values.size() * sizeof(Value),
              values.size() * sizeof(Value));
  v1::SpikeTrain spikes;
  spikes.set_steps(static_cast<int32_t>(steps));
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= least)) continue;
    spikes.add_step(static_cast<int32_t>(static_cast<int64_t>(i) / units));
    spikes.add_index(static_cast<int32_t>(static_cast<int64_t>(i) % units));
  }
  return spikes;
}

}  // namespace

absl::StatusOr<v1::ReadSamplesResponse> ReadSamples(Context& context, const std::string& dataset,
                                                    v1::Split::Kind split, int64_t first,
                                                    int64_t count, absl::string_view first_flag) {
  v1::ReadSamplesRequest request;
  request.set_name(FullName("datasets", dataset));
  request.set_split(split);
  v1::ReadSamplesResponse all;
  int64_t at = first, left = count;
  while (left > 0) {
    request.set_first(at);
    request.set_count(static_cast<int32_t>(std::min(left, kMostACall)));
    const absl::StatusOr<v1::ReadSamplesResponse> read =
        Call<v1::DatasetService>(context, &v1::DatasetService::Stub::ReadSamples, request);
    if (!read.ok()) return NamePlace(read.status(), first_flag);
    const v1::ReadSamplesResponse& part = *read;
    all.set_split_samples(part.split_samples());
    all.mutable_labels()->MergeFrom(part.labels());
    Append(part.inputs(), *all.mutable_inputs());
    if (part.has_targets()) Append(part.targets(), *all.mutable_targets());
    at += part.labels_size();
    left = std::min(left - part.labels_size(), part.split_samples() - at);
  }
  return all;
}

v1::Tensor FlatRows(const v1::Tensor& samples, int64_t first, int64_t count) {
  int64_t inputs = 1;
  for (int i = 1; i < samples.shape_size(); ++i) inputs *= samples.shape(i);
  const size_t row_bytes = samples.data().size() / static_cast<size_t>(samples.shape(0));
  v1::Tensor rows;
  rows.set_dtype(samples.dtype());
  rows.add_shape(count);
  rows.add_shape(inputs);
  rows.set_data(samples.data().substr(static_cast<size_t>(first) * row_bytes,
                                      static_cast<size_t>(count) * row_bytes));
  return rows;
}

absl::StatusOr<v1::SpikeTrain> InputSpikes(const v1::ReadSamplesResponse& samples, int64_t i) {
  constexpr uint8_t kHalfOfABytesRange = 128;
  return samples.inputs().dtype() == v1::DataType::FLOAT32
             ? SpikesFrom<float>(samples.inputs(), i, 0.5f)
             : SpikesFrom<uint8_t>(samples.inputs(), i, kHalfOfABytesRange);
}

absl::StatusOr<v1::SpikeTrain> TargetSpikes(const v1::ReadSamplesResponse& samples, int64_t i) {
  return SpikesFrom<uint8_t>(samples.targets(), i, 1);
}

}  // namespace torpor::cli
