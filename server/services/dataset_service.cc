#include "server/services/dataset_service.h"

#include <algorithm>
#include <bit>
#include <span>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "server/services/unary.h"
#include "server/store/page.h"

namespace torpor {
namespace {

absl::StatusOr<v1::ListDatasetsResponse> List(const DatasetCatalogue& datasets,
                                              const v1::ListDatasetsRequest& request) {
  TORPOR_ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  TORPOR_ASSIGN_OR_RETURN(const std::string after, PageKey("ListDatasets", request.page_token()));
  TORPOR_ASSIGN_OR_RETURN(const std::vector<v1::Dataset> all, datasets.List());
  v1::ListDatasetsResponse response;
  for (const std::string& folder : datasets.path()) response.add_searched(folder);
  for (const v1::Dataset& dataset : all) {
    if (dataset.name() <= after) continue;
    if (response.datasets_size() == size) {
      response.set_next_page_token(PageToken("ListDatasets", response.datasets(size - 1).name()));
      break;
    }
    *response.add_datasets() = dataset;
  }
  return response;
}

// Below the 4 MiB that gRPC lets a client receive unless it asks for more.
constexpr int64_t kMostBytes = 3 << 20;
constexpr int kMostSamples = 4096;

absl::Status CheckRead(const v1::ReadSamplesRequest& request) {
  Violations violations;
  if (!v1::Split::Kind_IsValid(request.split()) || request.split() == v1::Split::VALIDATION) {
    violations.Add("split", "must be TRAIN or TEST: a validation set is chosen by each training");
  }
  if (request.count() < 0 || request.count() > kMostSamples) {
    violations.Add("count",
                   absl::StrCat("must be in 0..", kMostSamples, ", got ", request.count()));
  }
  return violations.ToStatus();
}

// An empty tensor of n rows of this shape, with room for its elements.
void Prepare(v1::DataType::Kind type, int64_t n, std::span<const int64_t> row_shape,
             int64_t row_bytes, v1::Tensor& tensor) {
  tensor.set_dtype(type);
  tensor.add_shape(n);
  for (const int64_t dimension : row_shape) tensor.add_shape(dimension);
  tensor.mutable_data()->resize(static_cast<size_t>(n * row_bytes));
}

// The i-th row of the tensor's data as elements.
template <typename Element>
std::span<Element> RowOf(v1::Tensor& tensor, int64_t i, int64_t elements) {
  return {reinterpret_cast<Element*>(tensor.mutable_data()->data()) + i * elements,
          static_cast<size_t>(elements)};
}

absl::StatusOr<v1::ReadSamplesResponse> Read(const DatasetCatalogue& datasets,
                                             const v1::ReadSamplesRequest& request) {
  static_assert(std::endian::native == std::endian::little, "tensors are little-endian");
  TORPOR_RETURN_IF_ERROR(CheckRead(request));
  TORPOR_ASSIGN_OR_RETURN(
      const Dataset data,
      datasets.Load(request.name(),
                    request.split() == v1::Split::UNSPECIFIED ? v1::Split::TEST : request.split()));
  if (request.first() < 0 || request.first() >= data.size()) {
    return FieldError("first",
                      absl::StrCat("must be in 0..", data.size() - 1, ", got ", request.first()));
  }
  const int64_t features = data.features();
  const int64_t input_bytes = features * static_cast<int64_t>(data.has_bytes() ? 1 : sizeof(float));
  const int64_t fitting = kMostBytes / (input_bytes + data.target_values());
  const int64_t n = std::clamp<int64_t>(
      std::min<int64_t>(std::max(request.count(), 1), data.size() - request.first()), 1,
      std::max<int64_t>(fitting, 1));

  v1::ReadSamplesResponse response;
  response.set_split_samples(data.size());
  v1::Tensor& inputs = *response.mutable_inputs();
  Prepare(data.has_bytes() ? v1::DataType::UINT8 : v1::DataType::FLOAT32, n, data.sample_shape(),
          input_bytes, inputs);
  if (data.has_targets()) {
    Prepare(v1::DataType::UINT8, n, data.target_shape(), data.target_values(),
            *response.mutable_targets());
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t sample = request.first() + i;
    response.add_labels(data.label(sample));
    if (data.has_bytes()) {
      data.CopyBytes(sample, RowOf<uint8_t>(inputs, i, features));
    } else {
      data.CopySample(sample, RowOf<float>(inputs, i, features));
    }
    if (data.has_targets()) {
      data.CopyTarget(sample, RowOf<uint8_t>(*response.mutable_targets(), i, data.target_values()));
    }
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* DatasetServiceImpl::ListDatasets(grpc::CallbackServerContext* context,
                                                           const v1::ListDatasetsRequest* request,
                                                           v1::ListDatasetsResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ListDatasetsRequest& r) { return List(*datasets_, r); });
}

grpc::ServerUnaryReactor* DatasetServiceImpl::GetDataset(grpc::CallbackServerContext* context,
                                                         const v1::GetDatasetRequest* request,
                                                         v1::Dataset* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::GetDatasetRequest& r) { return datasets_->Get(r.name()); });
}

grpc::ServerUnaryReactor* DatasetServiceImpl::VerifyDataset(grpc::CallbackServerContext* context,
                                                            const v1::VerifyDatasetRequest* request,
                                                            v1::VerifyDatasetResponse* reply) {
  return RunUnary(context, executor_, request, reply, [this](const v1::VerifyDatasetRequest& r) {
    return datasets_->Verify(r.name());
  });
}

grpc::ServerUnaryReactor* DatasetServiceImpl::ReadSamples(grpc::CallbackServerContext* context,
                                                          const v1::ReadSamplesRequest* request,
                                                          v1::ReadSamplesResponse* reply) {
  return RunUnary(context, executor_, request, reply,
                  [this](const v1::ReadSamplesRequest& r) { return Read(*datasets_, r); });
}

}  // namespace torpor
