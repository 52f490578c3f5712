#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/clock.h"
#include "common/metrics/metrics_registry.h"
#include "tests/testing/prometheus_text.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Body of GET `path`, from a plain socket; empty unless the answer is 200.
std::string Get(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
      0) {
    const std::string request = absl::StrCat(
        "GET ", path, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(write(fd, request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    char buffer[4096];
    ssize_t got;
    while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
      answer.append(buffer, static_cast<size_t>(got));
    }
  }
  close(fd);
  const size_t body = answer.find("\r\n\r\n");
  if (!absl::StartsWith(answer, "HTTP/1.1 200") || body == std::string::npos) {
    return "";
  }
  return answer.substr(body + 4);
}

TEST(MetricsExposerTest, ServesTheRegistryAndTheProcess) {
  MetricsRegistry registry(MetricLabels{{"role", "learner"}});
  registry.AddGauge("kmyriad_test_value", "Value.").Set(42);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<MetricsExposer> exposer,
                               MetricsExposer::Start("127.0.0.1:0", registry));
  ASSERT_GT(exposer->port(), 0);
  KMYRIAD_ASSERT_OK_AND_ASSIGN(
      const PrometheusText text,
      ParsePrometheusText(Get(exposer->port(), "/metrics")));
  const std::map<std::string, std::string> role = {{"role", "learner"}};
  EXPECT_EQ(text.Value("kmyriad_test_value", role), 42);

  // Each against what another call of the kernel tells.
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = text.Value("process_cpu_seconds_total", role);
  EXPECT_GT(cpu, 0);
  EXPECT_LE(cpu, static_cast<double>(usage.ru_utime.tv_sec +
                                     usage.ru_stime.tv_sec + 2));
  const double memory = text.Value("process_resident_memory_bytes", role);
  EXPECT_GT(memory, 1e6);
  EXPECT_LE(memory, 1024.0 * static_cast<double>(usage.ru_maxrss) * 1.05);
  const double start = text.Value("process_start_time_seconds", role);
  EXPECT_NEAR(start,
              absl::ToDoubleSeconds(RealClock().WallTime() - absl::UnixEpoch()),
              60);
}

TEST(MetricsExposerTest, CountsOpenFiles) {
  MetricsRegistry registry;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<MetricsExposer> exposer,
                               MetricsExposer::Start("127.0.0.1:0", registry));
  const auto open_files = [&] {
    const auto text = ParsePrometheusText(Get(exposer->port(), "/metrics"));
    return text.ok() ? text->Value("process_open_fds") : -1;
  };
  const double before = open_files();
  std::ifstream files[20];
  for (std::ifstream& file : files) file.open("/dev/null");
  // The server may still hold the connection of the first request.
  EXPECT_NEAR(open_files() - before, 20, 2);
}

TEST(MetricsExposerTest, ServesNothingElse) {
  MetricsRegistry registry;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<MetricsExposer> exposer,
                               MetricsExposer::Start("127.0.0.1:0", registry));
  EXPECT_EQ(Get(exposer->port(), "/etc/passwd"), "");
}

TEST(MetricsExposerTest, APortInUseIsUnavailableWithTheMend) {
  MetricsRegistry registry;
  KMYRIAD_ASSERT_OK_AND_ASSIGN(std::unique_ptr<MetricsExposer> first,
                               MetricsExposer::Start("127.0.0.1:0", registry));
  const std::string address = absl::StrCat("127.0.0.1:", first->port());
  EXPECT_THAT(MetricsExposer::Start(address, registry),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(address), HasSubstr("in use"),
                             HasSubstr("port 0"))));
  first.reset();
  EXPECT_THAT(MetricsExposer::Start(address, registry), IsOk());
}

TEST(MetricsExposerTest, RefusesWhatIsNoAddress) {
  MetricsRegistry registry;
  for (const char* wrong : {"", "9464", "127.0.0.1", ":9464", "127.0.0.1:",
                            "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1",
                            "127.0.0.1:0,127.0.0.1:0", "127.0.0.1:80s"}) {
    EXPECT_THAT(
        MetricsExposer::Start(wrong, registry),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("HOST:PORT")))
        << wrong;
  }
}

}  // namespace
}  // namespace kmyriad
