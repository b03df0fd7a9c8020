#include "server/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status.h"

namespace torpor {
namespace {

// The sample's dimensions by the definition; a family without them shows a flat sample.
InputShape ShapeOf(const Model& model, int max_samples) {
  InputShape shape;
  shape.features = model.features();
  shape.max_samples = max_samples;
  shape.sample = model.sample_shape();
  return shape;
}

}  // namespace

absl::StatusOr<int> CheckInput(const v1::Tensor& input, const InputShape& shape) {
  int64_t size = 0;
  switch (input.dtype()) {
    case v1::DataType::FLOAT32:
      size = 4;
      break;
    case v1::DataType::UINT8:
      size = 1;
      break;
    default:
      return FieldError("input", absl::StrCat("dtype must be FLOAT32 or UINT8, got ",
                                              v1::DataType::Kind_Name(input.dtype()).empty()
                                                  ? absl::StrCat(static_cast<int>(input.dtype()))
                                                  : v1::DataType::Kind_Name(input.dtype())));
  }
  const auto& dims = input.shape();
  bool fits = dims.size() == 2 && dims[1] == shape.features;
  if (!fits && dims.size() == static_cast<int>(shape.sample.size()) + 1) {
    fits = std::equal(shape.sample.begin(), shape.sample.end(), dims.begin() + 1);
  }
  if (!fits) {
    // A hostile shape may have any number of dimensions.
    const auto shown = std::vector<int64_t>(dims.begin(), dims.begin() + std::min(dims.size(), 8));
    return FieldError(
        "input",
        absl::StrCat("shape must be [n x ", shape.features, "]",
                     shape.sample.size() > 1
                         ? absl::StrCat(" or [n x ", absl::StrJoin(shape.sample, " x "), "]")
                         : "",
                     ", got [", absl::StrJoin(shown, " x "), dims.size() > 8 ? " x ..." : "", "]"));
  }
  if (dims[0] < 1 || dims[0] > shape.max_samples) {
    return FieldError("input",
                      absl::StrCat("must hold 1..", shape.max_samples, " samples, got ", dims[0]));
  }
  const int64_t want = dims[0] * shape.features * size;
  if (static_cast<int64_t>(input.data().size()) != want) {
    return FieldError("input",
                      absl::StrCat("data must have ", want, " bytes for this shape and dtype, got ",
                                   input.data().size()));
  }
  return static_cast<int>(dims[0]);
}

Session::Session(const MicroBatcher::Options& options, int max_samples,
                 std::unique_ptr<Model> model, v1::StoredSession stored, v1::Session view,
                 std::shared_ptr<const Served> served)
    : name_(view.name()),
      input_shape_(ShapeOf(*model, max_samples)),
      model_(std::move(model)),
      stored_(std::move(stored)),
      view_(std::move(view)),
      served_(std::move(served)),
      batcher_(
          options, [this] { return this->served(); }, &meter_) {}

std::shared_ptr<const Served> Session::served() const {
  const std::lock_guard lock(state_mutex_);
  return served_;
}

v1::Session Session::View() const {
  v1::Session view;
  {
    const std::lock_guard lock(state_mutex_);
    view = view_;
  }
  *view.mutable_meter() = meter_.Read();
  view.mutable_meter()->set_queued(batcher_.queued());
  return view;
}

void Session::Apply(v1::StoredSession stored, v1::Session view,
                    std::shared_ptr<const Served> served, std::unique_ptr<Model> model) {
  stored_ = std::move(stored);
  if (model != nullptr) model_ = std::move(model);
  std::shared_ptr<const Served> old;  // freed after the lock: a deployment may be large
  const std::lock_guard lock(state_mutex_);
  view_ = std::move(view);
  if (served != nullptr) {
    old = std::move(served_);
    served_ = std::move(served);
  }
}

}  // namespace torpor
