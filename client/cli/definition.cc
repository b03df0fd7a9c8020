#include "client/cli/definition.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/errors.h"
#include "client/cli/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "yaml-cpp/yaml.h"

namespace torpor::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxFileBytes = 4 << 20;
// Aliases let a short file stand for an endless tree; no sound definition comes near these.
constexpr int kMaxNodes = 200000;
constexpr int kMaxDepth = 100;

std::string Join(absl::string_view path, absl::string_view field) {
  return path.empty() ? std::string(field) : absl::StrCat(path, ".", field);
}

// How a node looks in a message: a scalar itself, else its kind.
std::string Shown(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "nothing";
  std::string text = node.Scalar();
  if (text.size() > 40) text = text.substr(0, ValidUtf8Prefix(text.substr(0, 37))) + "...";
  return absl::StrCat("`", text, "`");
}

// Walks YAML and descriptor side by side.
class Reader {
 public:
  explicit Reader(std::map<std::string, int, std::less<>>& lines) : lines_(lines) {}

  void ReadMessage(const YAML::Node& node, const std::string& path, Message& message) {
    Remember(node, path);
    if (!Enter(path)) return;
    if (!node.IsMap()) {
      Wrong(path, absl::StrCat("must be a mapping of fields, got ", Shown(node)));
    } else {
      std::set<std::string> seen;
      for (const auto& entry : node) {
        if (!entry.first.IsScalar()) {
          Wrong(path, "has a key that is not a word");
          continue;
        }
        ReadEntry(entry.first, entry.second, path, seen, message);
      }
    }
    --depth_;
  }

  const google::rpc::BadRequest& wrong() const { return wrong_; }

 private:
  void Remember(const YAML::Node& node, const std::string& path) {
    if (node.Mark().line >= 0) lines_.emplace(path, node.Mark().line + 1);
  }

  void Wrong(const std::string& path, std::string description) {
    if (wrong_.field_violations_size() >= 20) return;
    auto* violation = wrong_.add_field_violations();
    violation->set_field(path.empty() ? "file" : path);
    violation->set_description(std::move(description));
  }

  bool Enter(const std::string& path) {
    if (++depth_ > kMaxDepth || ++nodes_ > kMaxNodes) {
      if (!too_large_) Wrong(path, "is nested too deeply or stands for too many values");
      too_large_ = true;
      --depth_;
      return false;
    }
    return true;
  }

  static const FieldDescriptor* FindField(const Descriptor* descriptor, const std::string& key) {
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      if (field->name() == key || field->json_name() == key) return field;
    }
    return nullptr;
  }

  void ReadEntry(const YAML::Node& key, const YAML::Node& value, const std::string& path,
                 std::set<std::string>& seen, Message& message) {
    if (too_large_) return;
    const Descriptor* descriptor = message.GetDescriptor();
    const FieldDescriptor* field = FindField(descriptor, key.Scalar());
    if (field == nullptr) {
      std::vector<std::string> known;
      for (int i = 0; i < descriptor->field_count(); ++i) {
        known.push_back(descriptor->field(i)->json_name());
      }
      const std::string at = Join(path, key.Scalar());
      Remember(key, at);
      const std::string close = ClosestTo(key.Scalar(), known);
      Wrong(at, close.empty()
                    ? absl::StrCat("unknown field; known are ", absl::StrJoin(known, ", "))
                    : absl::StrCat("unknown field; did you mean `", close, "`?"));
      return;
    }
    const std::string at = Join(path, field->name());
    Remember(key, at);
    if (!seen.insert(field->name()).second) return Wrong(at, "is given twice");
    if (value.IsNull()) return;
    if (const auto* oneof = field->real_containing_oneof()) {
      const FieldDescriptor* other =
          message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
      if (other != nullptr) {
        return Wrong(at, absl::StrCat("cannot stand beside `", other->json_name(), "`"));
      }
    }
    if (field->is_map()) {
      ReadMap(value, at, field, message);
    } else if (field->is_repeated()) {
      ReadList(value, at, field, message);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      ReadMessage(value, at, *message.GetReflection()->MutableMessage(&message, field));
    } else {
      ReadScalar(value, at, field, false, message);
    }
  }

  void ReadList(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                Message& message) {
    if (!value.IsSequence()) return Wrong(path, absl::StrCat("must be a list, got ", Shown(value)));
    int index = 0;
    for (const YAML::Node& item : value) {
      const std::string at = absl::StrCat(path, "[", index++, "]");
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        ReadMessage(item, at, *message.GetReflection()->AddMessage(&message, field));
      } else {
        Remember(item, at);
        ReadScalar(item, at, field, true, message);
      }
      if (too_large_) return;
    }
  }

  void ReadMap(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
               Message& message) {
    if (!value.IsMap()) return Wrong(path, absl::StrCat("must be a mapping, got ", Shown(value)));
    const FieldDescriptor* key_field = field->message_type()->map_key();
    const FieldDescriptor* value_field = field->message_type()->map_value();
    for (const auto& item : value) {
      if (!item.first.IsScalar()) return Wrong(path, "has a key that is not a word");
      const std::string at = absl::StrCat(path, "[", item.first.Scalar(), "]");
      Remember(item.first, at);
      Message& entry = *message.GetReflection()->AddMessage(&message, field);
      ReadScalar(item.first, at, key_field, false, entry);
      if (value_field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        ReadMessage(item.second, at, *entry.GetReflection()->MutableMessage(&entry, value_field));
      } else {
        ReadScalar(item.second, at, value_field, false, entry);
      }
      if (too_large_) return;
    }
  }

  void ReadScalar(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                  bool add, Message& message) {
    if (++nodes_ > kMaxNodes) return;
    if (!value.IsScalar()) {
      return Wrong(path, absl::StrCat("must be ", Kind(field), ", got ", Shown(value)));
    }
    const Reflection* reflection = message.GetReflection();
    const std::string& text = value.Scalar();
    const auto refuse = [&] {
      Wrong(path, absl::StrCat("must be ", Kind(field), ", got ", Shown(value)));
    };
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: {
        int32_t number;
        if (!absl::SimpleAtoi(text, &number)) return refuse();
        return add ? reflection->AddInt32(&message, field, number)
                   : reflection->SetInt32(&message, field, number);
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        int64_t number;
        if (!absl::SimpleAtoi(text, &number)) return refuse();
        return add ? reflection->AddInt64(&message, field, number)
                   : reflection->SetInt64(&message, field, number);
      }
      case FieldDescriptor::CPPTYPE_UINT32: {
        uint32_t number;
        if (!absl::SimpleAtoi(text, &number)) return refuse();
        return add ? reflection->AddUInt32(&message, field, number)
                   : reflection->SetUInt32(&message, field, number);
      }
      case FieldDescriptor::CPPTYPE_UINT64: {
        uint64_t number;
        if (!absl::SimpleAtoi(text, &number)) return refuse();
        return add ? reflection->AddUInt64(&message, field, number)
                   : reflection->SetUInt64(&message, field, number);
      }
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        double number;
        if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) return refuse();
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
          return add ? reflection->AddFloat(&message, field, static_cast<float>(number))
                     : reflection->SetFloat(&message, field, static_cast<float>(number));
        }
        return add ? reflection->AddDouble(&message, field, number)
                   : reflection->SetDouble(&message, field, number);
      }
      case FieldDescriptor::CPPTYPE_BOOL: {
        if (text != "true" && text != "false") return refuse();
        return add ? reflection->AddBool(&message, field, text == "true")
                   : reflection->SetBool(&message, field, text == "true");
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumValueDescriptor* number = field->enum_type()->FindValueByName(
            absl::AsciiStrToUpper(absl::StrReplaceAll(text, {{"-", "_"}})));
        if (number == nullptr || number->number() == 0) return refuse();
        return add ? reflection->AddEnum(&message, field, number)
                   : reflection->SetEnum(&message, field, number);
      }
      default:
        if (field->type() == FieldDescriptor::TYPE_BYTES) return refuse();
        return add ? reflection->AddString(&message, field, text)
                   : reflection->SetString(&message, field, text);
    }
  }

  static std::string Kind(const FieldDescriptor* field) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return "a whole number within 32 bits";
      case FieldDescriptor::CPPTYPE_INT64:
        return "a whole number within 64 bits";
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64:
        return "a whole number, 0 or more";
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return "a finite number";
      case FieldDescriptor::CPPTYPE_BOOL:
        return "true or false";
      case FieldDescriptor::CPPTYPE_ENUM: {
        std::vector<std::string> names;
        for (int i = 0; i < field->enum_type()->value_count(); ++i) {
          const EnumValueDescriptor* value = field->enum_type()->value(i);
          if (value->number() != 0) names.push_back(value->name());
        }
        return absl::StrCat("one of ", absl::StrJoin(names, ", "));
      }
      default:
        return "text";
    }
  }

  std::map<std::string, int, std::less<>>& lines_;
  google::rpc::BadRequest wrong_;
  int depth_ = 0;
  int nodes_ = 0;
  bool too_large_ = false;
};

}  // namespace

Definition::Definition(std::shared_ptr<const YAML::Node> root, std::string name)
    : root_(std::move(root)), name_(std::move(name)) {}

absl::StatusOr<Definition> Definition::Load(Context& context, const std::string& path) {
  const bool from_stdin = path == "-";
  std::ifstream file;
  if (!from_stdin) {
    file.open(path, std::ios::binary);
    if (!file) return UsageError(absl::StrCat("cannot read `", path, "`"), path, "ls -l " + path);
  }
  std::istream& in = from_stdin ? context.in : file;
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  const std::string name = from_stdin ? "stdin" : path;
  if (in.bad()) return UsageError(absl::StrCat("cannot read `", path, "`"), name);
  if (text.size() > kMaxFileBytes) {
    return UsageError("a definition is at most 4 MiB", name, "a file that holds a network");
  }
  return Parse(text, name);
}

absl::StatusOr<Definition> Definition::Parse(const std::string& text, const std::string& name) {
  if (const size_t valid = ValidUtf8Prefix(text); valid < text.size()) {
    return WithTry(
        WithWhere(
            absl::InvalidArgumentError("the file is not UTF-8 text"),
            absl::StrCat(name, ":", 1 + std::count(text.begin(), text.begin() + valid, '\n'))),
        "saving the file with the encoding UTF-8");
  }
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    auto root = std::make_shared<const YAML::Node>(YAML::Load(text));
    if (!root->IsMap()) {
      return WithWhere(absl::InvalidArgumentError("the file holds no definition"),
                       absl::StrCat(name, ":1"));
    }
    return Definition(std::move(root), name);
  } catch (const YAML::Exception& error) {
    return WithTry(WithWhere(absl::InvalidArgumentError(absl::StrCat("no YAML: ", error.msg)),
                             absl::StrCat(name, ":", error.mark.line + 1)),
                   "the indentation, brackets and quotes near that line");
  }
}

bool Definition::Has(absl::string_view key) const {
  for (const auto& entry : *root_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return true;
  }
  return false;
}

absl::Status Definition::Read(absl::string_view key, Message& message) {
  lines_.clear();
  message.Clear();
  Reader reader(lines_);
  try {
    if (key.empty()) {
      reader.ReadMessage(*root_, "", message);
    } else {
      for (const auto& entry : *root_) {
        if (entry.first.IsScalar() && entry.first.Scalar() == key) {
          reader.ReadMessage(entry.second, "", message);
          break;
        }
      }
    }
  } catch (const YAML::Exception& error) {
    return WithWhere(absl::InvalidArgumentError(absl::StrCat("no YAML: ", error.msg)),
                     absl::StrCat(name_, ":", error.mark.line + 1));
  }
  if (reader.wrong().field_violations().empty()) return absl::OkStatus();
  const auto& first = reader.wrong().field_violations(0);
  absl::Status status =
      absl::InvalidArgumentError(absl::StrCat(first.field(), ": ", first.description()));
  status.SetPayload("type.googleapis.com/google.rpc.BadRequest",
                    absl::Cord(reader.wrong().SerializeAsString()));
  return Locate(std::move(status), "");
}

std::string Definition::Where(absl::string_view path) const {
  while (true) {
    if (const auto found = lines_.find(path); found != lines_.end()) {
      return absl::StrCat(name_, ":", found->second);
    }
    // "a.b[1].c" -> "a.b[1]" -> "a.b" -> "a"
    const size_t cut = path.find_last_of(".[");
    if (cut == absl::string_view::npos) break;
    path = path.substr(0, cut);
  }
  const auto root = lines_.find("");
  return absl::StrCat(name_, ":", root == lines_.end() ? 1 : root->second);
}

absl::Status Definition::Locate(absl::Status status, absl::string_view prefix) const {
  const auto bad = DetailOf<google::rpc::BadRequest>(status);
  if (status.ok() || !bad || bad->field_violations().empty()) return status;
  absl::string_view path = bad->field_violations(0).field();
  absl::ConsumePrefix(&path, prefix);
  return WithWhere(std::move(status), Where(path));
}

}  // namespace torpor::cli
