#ifndef KMYRIAD_COMMON_BASE_JSON_STRING_H_
#define KMYRIAD_COMMON_BASE_JSON_STRING_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kmyriad {

// `text` as a JSON string, quotes included, on one line. Bytes that are no
// UTF-8 (RFC 3629) become U+FFFD, one each, so that the result is always valid.
std::string JsonString(absl::string_view text);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_JSON_STRING_H_
