// kmyriad-health: what `kmyriad health` runs; the health check of containers.
// Exit code 0: it serves, 1: it does not, 69: nobody answers.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/process/exit_codes.h"
#include "common/rpc/health_client.h"

namespace kmyriad {
namespace {

int Main(int argc, char** argv) {
  std::string address = "127.0.0.1:50052";
  std::string service;
  double deadline_seconds = 2;
  CLI::App app("Asks a process whether it lives, or whether it serves",
               "kmyriad health");
  app.add_option("address", address,
                 "Its health service (--health), HOST:PORT or unix:PATH")
      ->capture_default_str();
  app.add_option("--service", service,
                 "Ask whether this is ready: kmyriad.v1.Learner, "
                 "kmyriad.v1.Control, kmyriad.v1.EntropyService or "
                 "kmyriad.v1.Actor; else whether the process lives");
  app.add_option("--deadline", deadline_seconds, "Seconds to wait")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  const absl::StatusOr<bool> serving =
      CheckHealth(address, service, deadline_seconds);
  if (serving.ok()) {
    std::printf("%s\n", *serving ? "serving" : "not serving");
    return *serving ? kExitDone : kExitFailure;
  }
  std::fprintf(stderr, "kmyriad health: error: %s\n",
               std::string(serving.status().message()).c_str());
  switch (serving.status().code()) {
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    default:
      return kExitFailure;
  }
}

}  // namespace
}  // namespace kmyriad

int main(int argc, char** argv) { return kmyriad::Main(argc, argv); }
