#include "tests/testing/prometheus_text.h"

#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

absl::Status Malformed(absl::string_view line, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(why, ": ", line));
}

// Takes a name from the front of `rest`; empty if there is none. Colons are
// for metric names only.
std::string TakeName(absl::string_view& rest, bool colons) {
  size_t length = 0;
  while (length < rest.size()) {
    const auto c = static_cast<unsigned char>(rest[length]);
    const bool good = absl::ascii_isalpha(c) || c == '_' ||
                      (colons && c == ':') ||
                      (length > 0 && absl::ascii_isdigit(c));
    if (!good) break;
    ++length;
  }
  std::string name(rest.substr(0, length));
  rest.remove_prefix(length);
  return name;
}

// Takes a quoted value with its escapes.
absl::StatusOr<std::string> TakeQuoted(absl::string_view& rest,
                                       absl::string_view line) {
  if (!absl::ConsumePrefix(&rest, "\"")) return Malformed(line, "no quote");
  std::string value;
  while (!rest.empty() && rest[0] != '"') {
    if (rest[0] == '\\') {
      if (rest.size() < 2) return Malformed(line, "cut escape");
      const char escaped = rest[1];
      if (escaped != '\\' && escaped != '"' && escaped != 'n') {
        return Malformed(line, "unknown escape");
      }
      value.push_back(escaped == 'n' ? '\n' : escaped);
      rest.remove_prefix(2);
    } else {
      value.push_back(rest[0]);
      rest.remove_prefix(1);
    }
  }
  if (!absl::ConsumePrefix(&rest, "\"")) return Malformed(line, "open quote");
  return value;
}

absl::Status TakeLabels(absl::string_view& rest, absl::string_view line,
                        std::map<std::string, std::string>& labels) {
  if (!absl::ConsumePrefix(&rest, "{")) return absl::OkStatus();
  while (!absl::ConsumePrefix(&rest, "}")) {
    const std::string name = TakeName(rest, /*colons=*/false);
    if (name.empty() || !absl::ConsumePrefix(&rest, "=")) {
      return Malformed(line, "bad label");
    }
    KMYRIAD_ASSIGN_OR_RETURN(std::string value, TakeQuoted(rest, line));
    if (!labels.emplace(name, std::move(value)).second) {
      return Malformed(line, "label twice");
    }
    if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "}")) {
      return Malformed(line, "no comma between labels");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PrometheusSample> ParseSample(absl::string_view line) {
  PrometheusSample sample;
  absl::string_view rest = line;
  sample.name = TakeName(rest, /*colons=*/true);
  if (sample.name.empty()) return Malformed(line, "bad metric name");
  KMYRIAD_RETURN_IF_ERROR(TakeLabels(rest, line, sample.labels));
  const std::vector<absl::string_view> words =
      absl::StrSplit(rest, ' ', absl::SkipEmpty());
  int64_t timestamp;
  if (!absl::StartsWith(rest, " ") || words.empty() || words.size() > 2 ||
      (words.size() == 2 && !absl::SimpleAtoi(words[1], &timestamp))) {
    return Malformed(line, "no single value");
  }
  if (words[0] == "+Inf" || words[0] == "-Inf") {
    sample.value = words[0][0] == '+' ? HUGE_VAL : -HUGE_VAL;
  } else if (words[0] == "NaN" || words[0] == "Nan") {
    sample.value = std::numeric_limits<double>::quiet_NaN();
  } else if (!absl::SimpleAtod(words[0], &sample.value)) {
    return Malformed(line, "the value is no number");
  }
  return sample;
}

// Name of the family of a sample; empty if no TYPE line fits.
std::string FamilyOf(const PrometheusText& text, const std::string& name) {
  for (const char* suffix : {"_bucket", "_sum", "_count"}) {
    absl::string_view base = name;
    if (!absl::ConsumeSuffix(&base, suffix)) continue;
    const auto found = text.types.find(std::string(base));
    if (found == text.types.end()) continue;
    const bool summary = found->second == "summary" && suffix[1] != 'b';
    if (found->second == "histogram" || summary) return found->first;
  }
  const auto found = text.types.find(name);
  if (found == text.types.end() || found->second == "histogram") return "";
  return name;
}

absl::Status ParseComment(absl::string_view line, PrometheusText& text) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() < 3 || words[1] != "TYPE") return absl::OkStatus();
  static const auto* const kTypes = new std::set<absl::string_view>{
      "counter", "gauge", "histogram", "summary", "untyped"};
  if (words.size() != 4 || kTypes->count(words[3]) == 0) {
    return Malformed(line, "bad TYPE");
  }
  if (!text.types.emplace(words[2], words[3]).second) {
    return Malformed(line, "second TYPE");
  }
  return absl::OkStatus();
}

absl::Status CheckHistograms(const PrometheusText& text) {
  // Series without `le` to the bucket counts in order of their bounds.
  std::map<std::pair<std::string, std::map<std::string, std::string>>,
           std::map<double, double>>
      buckets;
  for (const PrometheusSample& sample : text.samples) {
    const std::string family = FamilyOf(text, sample.name);
    if (text.types.at(family) != "histogram" ||
        !absl::EndsWith(sample.name, "_bucket")) {
      continue;
    }
    auto labels = sample.labels;
    const std::string bound = labels["le"];
    labels.erase("le");
    double le = HUGE_VAL;
    if (bound != "+Inf" && !absl::SimpleAtod(bound, &le)) {
      return Malformed(sample.name, "bad le");
    }
    buckets[{family, labels}][le] = sample.value;
  }
  for (const auto& [series, counts] : buckets) {
    double last = 0;
    for (const auto& [bound, count] : counts) {
      if (count < last) return Malformed(series.first, "falling buckets");
      last = count;
    }
    if (!std::isinf(counts.rbegin()->first) ||
        text.Value(series.first + "_count", series.second) != last) {
      return Malformed(series.first, "the +Inf bucket is not the count");
    }
  }
  return absl::OkStatus();
}

}  // namespace

double PrometheusText::Value(
    const std::string& name,
    const std::map<std::string, std::string>& labels) const {
  const PrometheusSample* found = nullptr;
  for (const PrometheusSample& sample : samples) {
    bool fits = sample.name == name;
    for (const auto& [key, value] : labels) {
      const auto label = sample.labels.find(key);
      fits = fits && label != sample.labels.end() && label->second == value;
    }
    if (!fits) continue;
    if (found != nullptr) return std::numeric_limits<double>::quiet_NaN();
    found = &sample;
  }
  return found == nullptr ? std::numeric_limits<double>::quiet_NaN()
                          : found->value;
}

absl::StatusOr<PrometheusText> ParsePrometheusText(absl::string_view text) {
  PrometheusText parsed;
  if (!text.empty() && text.back() != '\n') {
    return absl::InvalidArgumentError("the last line does not end");
  }
  std::set<std::pair<std::string, std::map<std::string, std::string>>> seen;
  for (absl::string_view line :
       absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
    if (line[0] == '#') {
      KMYRIAD_RETURN_IF_ERROR(ParseComment(line, parsed));
      continue;
    }
    KMYRIAD_ASSIGN_OR_RETURN(PrometheusSample sample, ParseSample(line));
    const std::string family = FamilyOf(parsed, sample.name);
    if (family.empty()) return Malformed(line, "no TYPE before");
    if (parsed.types[family] == "counter" && !(sample.value >= 0)) {
      return Malformed(line, "negative counter");
    }
    if (!seen.emplace(sample.name, sample.labels).second) {
      return Malformed(line, "series twice");
    }
    parsed.samples.push_back(std::move(sample));
  }
  KMYRIAD_RETURN_IF_ERROR(CheckHistograms(parsed));
  return parsed;
}

}  // namespace kmyriad
