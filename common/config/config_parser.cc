#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/config/field_table.h"
#include "common/config/run_config.h"

namespace kmyriad {
namespace {

// The first error of a parse; later ones only follow from it.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!message_.empty()) return;
    line_ = line;
    column_ = column;
    message_ = message;
  }
  int line() const { return line_; }
  int column() const { return column_; }
  const std::string& message() const { return message_; }

 private:
  int line_ = 0;
  int column_ = 0;
  std::string message_;
};

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Where in the text a parse ended, found by reading it up to that place.
struct Place {
  // Names of the messages that are open, then the last name before the place.
  std::vector<std::string> path;
  // Whether a ':' followed that name: the place is in its value.
  bool in_value = false;
  // The word at the place.
  std::string word;
  // The last value before the place.
  std::string last_value;

  std::string key() const { return absl::StrJoin(path, "."); }
};

// Walks over text format without judging it.
class Walker {
 public:
  Walker(absl::string_view text, int line, int column)
      : text_(text), line_(line), column_(column) {}

  Place Walk() {
    while (at_ < text_.size() && Before()) Step();
    Place place;
    place.path = open_;
    if (!name_.empty()) place.path.push_back(name_);
    place.in_value = in_value_;
    place.last_value = last_value_;
    const size_t end = text_.find_first_of(" \t\r\n,;{}#", at_);
    place.word = std::string(text_.substr(at_, end - at_));
    return place;
  }

 private:
  bool Before() const {
    return line_now_ < line_ || (line_now_ == line_ && column_now_ < column_);
  }

  void Advance() {
    const char c = text_[at_++];
    if (c == '\n') {
      ++line_now_;
      column_now_ = 0;
    } else if (c == '\t') {
      // The parser counts columns to the next multiple of eight.
      column_now_ += 8 - column_now_ % 8;
    } else {
      ++column_now_;
    }
  }

  void Step() {
    const char c = text_[at_];
    if (c == '#') {
      while (at_ < text_.size() && text_[at_] != '\n') Advance();
    } else if (c == '"' || c == '\'') {
      StepString(c);
    } else if (IsNameCharacter(c)) {
      StepWord();
    } else {
      if (c == '{' || c == '<') {
        open_.push_back(name_);
        name_.clear();
        in_value_ = false;
      } else if (c == '}' || c == '>') {
        if (!open_.empty()) open_.pop_back();
        name_.clear();
        in_value_ = false;
      } else if (c == ':') {
        in_value_ = true;
      }
      Advance();
    }
  }

  void StepString(char quote) {
    Advance();
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) Advance();
      Advance();
    }
    if (at_ < text_.size() && text_[at_] == quote) Advance();
    in_value_ = false;
  }

  void StepWord() {
    const size_t start = at_;
    while (at_ < text_.size() && IsNameCharacter(text_[at_])) Advance();
    if (in_value_) {
      last_value_ = std::string(text_.substr(start, at_ - start));
      in_value_ = false;
    } else {
      name_ = std::string(text_.substr(start, at_ - start));
    }
  }

  const absl::string_view text_;
  const int line_;
  const int column_;
  size_t at_ = 0;
  int line_now_ = 0;
  int column_now_ = 0;
  std::vector<std::string> open_;
  std::string name_;
  std::string last_value_;
  bool in_value_ = false;
};

bool IsGroup(absl::string_view name) {
  return v1::RunConfig::descriptor()->FindFieldByName(std::string(name)) !=
         nullptr;
}

// Says the error in terms of keys where it is about one, else as the parser
// puts it.
std::string Explain(const FirstError& error, absl::string_view text) {
  const Place place = Walker(text, error.line(), error.column()).Walk();
  const std::string key = place.key();
  const FieldPath* const path = FindFieldPath(key);
  if (path == nullptr && !key.empty() && !IsGroup(key)) {
    return absl::StrCat("key \"", key, "\" is unknown", KeySuggestion(key));
  }
  // The parser steps over a wrong truth value before it complains.
  const bool truth =
      absl::StartsWith(error.message(), "Invalid value for bool");
  if (path != nullptr && (place.in_value || truth)) {
    const bool quotes = path->field->cpp_type() ==
                        google::protobuf::FieldDescriptor::CPPTYPE_STRING;
    return absl::StrCat(
        key, " = ", absl::CEscape(truth ? place.last_value : place.word),
        ": not ", TypeText(*path->field), " that is possible here",
        quotes ? "; write it in quotes" : "");
  }
  return absl::StrCat(
      key.empty() ? "" : absl::StrCat("near key \"", key, "\": "),
      absl::StrReplaceAll(error.message(), {{"\n", " "}}),
      "; the form is  group { key: value }");
}

}  // namespace

absl::StatusOr<v1::RunConfig> ParseRunConfig(absl::string_view text,
                                             absl::string_view name) {
  v1::RunConfig config;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &config)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.line() + 1, ": ", Explain(error, text)));
  }
  return config;
}

}  // namespace kmyriad
