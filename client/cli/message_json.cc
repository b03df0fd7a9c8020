// ToJson: protobuf reflection to JSON as the CLI writes it (output.h).
#include <cmath>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/output.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "torpor/v1/common.pb.h"

namespace torpor::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Messages of a type that has a generated class, e.g. As<v1::Tensor>(message); null for others.
template <typename T>
const T* As(const Message& message) {
  return google::protobuf::DynamicCastToGenerated<T>(&message);
}

std::string EnumWord(const EnumValueDescriptor* value) {
  return absl::AsciiStrToLower(value->name());
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ",
                          absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
                          absl::UTCTimeZone());
}

// The elements nested by the tensor's shape.
Json Nested(const v1::Tensor& tensor, int axis, size_t& offset) {
  if (axis == tensor.shape_size()) {
    if (tensor.dtype() == v1::DataType::UINT8) {
      return offset < tensor.data().size() ? Json(static_cast<uint8_t>(tensor.data()[offset++]))
                                           : Json(nullptr);
    }
    if (tensor.dtype() == v1::DataType::FLOAT32) {
      float value = NAN;
      if (offset + sizeof value <= tensor.data().size()) {
        std::memcpy(&value, tensor.data().data() + offset, sizeof value);
        offset += sizeof value;
      }
      return value;
    }
    double value = NAN;
    if (offset + sizeof value <= tensor.data().size()) {
      std::memcpy(&value, tensor.data().data() + offset, sizeof value);
      offset += sizeof value;
    }
    return value;
  }
  Json list = Json::array();
  for (int64_t i = 0; i < tensor.shape(axis) && offset < tensor.data().size(); ++i) {
    list.push_back(Nested(tensor, axis + 1, offset));
  }
  return list;
}

// An error inside a message: {code, reason, message}.
Json StatusJson(const google::rpc::Status& status) {
  Json json = {{"code", status.code()}, {"message", status.message()}};
  for (const auto& detail : status.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) json["reason"] = info.reason();
  }
  return json;
}

// One value of a field: `index` < 0 for a singular field.
Json FieldJson(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection* reflection = message.GetReflection();
  const bool repeated = index >= 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return repeated ? reflection->GetRepeatedInt32(message, field, index)
                      : reflection->GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return repeated ? reflection->GetRepeatedInt64(message, field, index)
                      : reflection->GetInt64(message, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection->GetRepeatedUInt32(message, field, index)
                      : reflection->GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection->GetRepeatedUInt64(message, field, index)
                      : reflection->GetUInt64(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection->GetRepeatedDouble(message, field, index)
                      : reflection->GetDouble(message, field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection->GetRepeatedFloat(message, field, index)
                      : reflection->GetFloat(message, field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? reflection->GetRepeatedBool(message, field, index)
                      : reflection->GetBool(message, field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumWord(repeated ? reflection->GetRepeatedEnum(message, field, index)
                               : reflection->GetEnum(message, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = repeated ? reflection->GetRepeatedString(message, field, index)
                                   : reflection->GetString(message, field);
      return field->type() == FieldDescriptor::TYPE_BYTES ? absl::Base64Escape(value) : value;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToJson(repeated ? reflection->GetRepeatedMessage(message, field, index)
                             : reflection->GetMessage(message, field));
  }
  return nullptr;
}

// A map by sorted key, so that the output is stable.
Json MapJson(const Message& message, const FieldDescriptor* field) {
  const Reflection* reflection = message.GetReflection();
  const FieldDescriptor* key = field->message_type()->map_key();
  const FieldDescriptor* value = field->message_type()->map_value();
  std::map<std::string, Json> sorted;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    const Json name = FieldJson(entry, key, -1);
    sorted[name.is_string() ? name.get<std::string>() : Dump(name, -1)] =
        FieldJson(entry, value, -1);
  }
  Json json = Json::object();
  for (auto& [name, entry] : sorted) json[name] = std::move(entry);
  return json;
}

}  // namespace

Json ToJson(const Message& message) {
  if (const auto* time = As<google::protobuf::Timestamp>(message)) return TimeText(*time);
  if (const auto* duration = As<google::protobuf::Duration>(message)) {
    return static_cast<double>(duration->seconds()) + 1e-9 * duration->nanos();
  }
  if (const auto* status = As<google::rpc::Status>(message)) return StatusJson(*status);
  if (const auto* tensor = As<v1::Tensor>(message)) {
    size_t offset = 0;
    return Nested(*tensor, 0, offset);
  }
  Json json = Json::object();
  const Descriptor* descriptor = message.GetDescriptor();
  const Reflection* reflection = message.GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    std::string name = field->name();
    if (field->is_map()) {
      json[name] = MapJson(message, field);
    } else if (field->is_repeated()) {
      Json list = Json::array();
      for (int k = 0; k < reflection->FieldSize(message, field); ++k) {
        list.push_back(FieldJson(message, field, k));
      }
      json[name] = std::move(list);
    } else if (!field->has_presence() || reflection->HasField(message, field)) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
          field->message_type() == google::protobuf::Duration::descriptor()) {
        name += "_seconds";
      }
      json[name] = FieldJson(message, field, -1);
    }
  }
  return json;
}

std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace torpor::cli
