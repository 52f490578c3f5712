#include "learner/checkpoint/proto_json.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "google/protobuf/util/json_util.h"

namespace kmyriad {

std::string FormatJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  // Fails only for message types that have no JSON form; records have one.
  KMYRIAD_CHECK(
      google::protobuf::util::MessageToJsonString(message, &text, options)
          .ok());
  text.push_back('\n');
  return text;
}

absl::Status ParseJson(absl::string_view text, absl::string_view what,
                       google::protobuf::Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(
      std::string(text), message, options);
  if (status.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      what, ": not a valid record: ",
      std::string(status.message().data(), status.message().size())));
}

}  // namespace kmyriad
