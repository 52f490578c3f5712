#include <cmath>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/config/field_table.h"
#include "common/config/run_config.h"

namespace kmyriad {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

absl::Status Refuse(const FieldPath& path, absl::string_view value,
                    absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat(path.key(), " = ", absl::CEscape(value), ": ", why));
}

absl::Status WrongType(const FieldPath& path, absl::string_view value) {
  return Refuse(
      path, value,
      absl::StrCat(
          "not ", TypeText(*path.field), "; write e.g. --set ", path.key(), "=",
          path.field->is_repeated()                                 ? "512,256"
          : path.field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL ? "true"
                                                                    : "1"));
}

// A whole number that fits the type of `path`.
template <typename T>
absl::StatusOr<T> WholeNumber(const FieldPath& path, absl::string_view text) {
  if (text.empty() ||
      text.find_first_not_of("0123456789") != absl::string_view::npos) {
    return WrongType(path, text);
  }
  T number;
  if (!absl::SimpleAtoi(text, &number)) {
    return Refuse(path, text,
                  absl::StrCat("out of range; the greatest possible value is ",
                               std::numeric_limits<T>::max()));
  }
  return number;
}

absl::StatusOr<double> RealNumber(const FieldPath& path, absl::string_view text,
                                  double greatest) {
  double number;
  if (!absl::SimpleAtod(text, &number) || std::isnan(number)) {
    return WrongType(path, text);
  }
  if (std::abs(number) > greatest) {
    return Refuse(path, text,
                  absl::StrCat("out of range; give a number below ", greatest));
  }
  return number;
}

// Read as a float at once: rounding twice may give another number.
absl::StatusOr<float> Float(const FieldPath& path, absl::string_view text) {
  KMYRIAD_RETURN_IF_ERROR(
      RealNumber(path, text, std::numeric_limits<float>::max()).status());
  float number;
  if (!absl::SimpleAtof(text, &number)) return WrongType(path, text);
  return number;
}

// Adds one element to a list.
absl::Status AddNumber(const FieldPath& path, absl::string_view value,
                       Message& group) {
  const Reflection& access = *group.GetReflection();
  if (path.field->cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) {
    KMYRIAD_ASSIGN_OR_RETURN(const float number, Float(path, value));
    access.AddFloat(&group, path.field, number);
    return absl::OkStatus();
  }
  KMYRIAD_ASSIGN_OR_RETURN(const uint32_t number,
                           WholeNumber<uint32_t>(path, value));
  access.AddUInt32(&group, path.field, number);
  return absl::OkStatus();
}

absl::Status SetList(const FieldPath& path, absl::string_view value,
                     Message& group) {
  absl::string_view inside = value;
  if (absl::ConsumePrefix(&inside, "[") && !absl::ConsumeSuffix(&inside, "]")) {
    return WrongType(path, value);
  }
  group.GetReflection()->ClearField(&group, path.field);
  if (absl::StripAsciiWhitespace(inside).empty()) return absl::OkStatus();
  for (absl::string_view element : absl::StrSplit(inside, ',')) {
    // The whole list says more than its wrong element.
    if (!AddNumber(path, absl::StripAsciiWhitespace(element), group).ok()) {
      return WrongType(path, value);
    }
  }
  return absl::OkStatus();
}

absl::Status SetNumber(const FieldPath& path, absl::string_view value,
                       Message& group) {
  const Reflection& access = *group.GetReflection();
  switch (path.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32: {
      KMYRIAD_ASSIGN_OR_RETURN(const uint32_t number,
                               WholeNumber<uint32_t>(path, value));
      access.SetUInt32(&group, path.field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      KMYRIAD_ASSIGN_OR_RETURN(const uint64_t number,
                               WholeNumber<uint64_t>(path, value));
      access.SetUInt64(&group, path.field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT: {
      KMYRIAD_ASSIGN_OR_RETURN(const float number, Float(path, value));
      access.SetFloat(&group, path.field, number);
      return absl::OkStatus();
    }
    default: {
      KMYRIAD_ASSIGN_OR_RETURN(
          const double number,
          RealNumber(path, value, std::numeric_limits<double>::max()));
      access.SetDouble(&group, path.field, number);
      return absl::OkStatus();
    }
  }
}

}  // namespace

absl::Status SetValue(const FieldPath& path, absl::string_view value,
                      v1::RunConfig* config) {
  Message& group = *config->GetReflection()->MutableMessage(config, path.group);
  const Reflection& access = *group.GetReflection();
  value = absl::StripAsciiWhitespace(value);
  if (path.field->is_repeated()) return SetList(path, value, group);
  if (path.field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    access.SetString(&group, path.field, std::string(value));
    return absl::OkStatus();
  }
  if (path.field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    bool flag;
    if (!absl::SimpleAtob(value, &flag)) return WrongType(path, value);
    access.SetBool(&group, path.field, flag);
    return absl::OkStatus();
  }
  return SetNumber(path, value, group);
}

absl::Status ApplyOverride(absl::string_view override_text,
                           v1::RunConfig* config) {
  const size_t equals = override_text.find('=');
  if (equals == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", absl::CEscape(override_text),
                     ": has no value; write --set group.key=value, e.g. --set "
                     "env.count=64"));
  }
  const absl::string_view key =
      absl::StripAsciiWhitespace(override_text.substr(0, equals));
  const FieldPath* const path = FindFieldPath(key);
  if (path == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--set ", absl::CEscape(override_text), ": key \"",
                     absl::CEscape(key), "\" is unknown", KeySuggestion(key)));
  }
  return SetValue(*path, override_text.substr(equals + 1), config);
}

}  // namespace kmyriad
