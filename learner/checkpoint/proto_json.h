#ifndef KMYRIAD_LEARNER_CHECKPOINT_PROTO_JSON_H_
#define KMYRIAD_LEARNER_CHECKPOINT_PROTO_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace kmyriad {

// JSON form of a record: field names as in the .proto, indented, every field
// written, a newline at the end. Numbers survive the way back exactly.
std::string FormatJson(const google::protobuf::Message& message);

// DATA_LOSS, naming `what`, if `text` is not the JSON form of the message.
// Unknown fields are passed over: the caller compares format versions.
absl::Status ParseJson(absl::string_view text, absl::string_view what,
                       google::protobuf::Message* message);

}  // namespace kmyriad

#endif  // KMYRIAD_LEARNER_CHECKPOINT_PROTO_JSON_H_
