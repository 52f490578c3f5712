#include "entropy_service/epoch_particles.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/base/status_macros.h"

namespace kmyriad {

absl::StatusOr<EpochParticles> EpochParticles::Create(ScoreRequest request) {
  KMYRIAD_RETURN_IF_ERROR(request.Validate());
  return EpochParticles(std::move(request));
}

absl::Status EpochParticles::AppendDistances(absl::string_view bytes,
                                             absl::string_view mask) {
  const size_t have = mask_.size();
  if (bytes.empty() != squared_distances_.empty() && have > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "chunk.squared_distances of particle ", have, " = ", bytes.size(),
        " bytes: send them with every chunk or with none"));
  }
  if (bytes.empty()) return absl::OkStatus();
  if (!request_.takes_distances() || request_.shard_count > 0) {
    return absl::InvalidArgumentError(
        "chunk.squared_distances: only a whole epoch for REWARD_KIND_FORWARD "
        "is scored by distances that others have found");
  }
  std::vector<float> distances(mask.size());
  if (bytes.size() != distances.size() * sizeof(float)) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.squared_distances = ", bytes.size(),
                     " bytes: ", distances.size(), " particles need ",
                     distances.size() * sizeof(float)));
  }
  CopyBytes(distances.data(), bytes.data(), bytes.size());
  for (size_t i = 0; i < distances.size(); ++i) {
    const bool masked = mask[i] == 0;
    if (std::isfinite(distances[i]) && distances[i] >= 0 &&
        (!masked || distances[i] == 0)) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "squared distance of particle ", have + i, " = ", distances[i],
        ": use finite numbers >= 0, and 0 for masked particles"));
  }
  squared_distances_.insert(squared_distances_.end(), distances.begin(),
                            distances.end());
  return absl::OkStatus();
}

absl::Status EpochParticles::Append(uint64_t first, absl::string_view features,
                                    absl::string_view mask,
                                    absl::string_view squared_distances) {
  const size_t have = mask_.size();
  if (first != have) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.first = ", first, ": expected particle ", have));
  }
  const size_t count = mask.size();
  if (count == 0 || count > request_.particles() - have) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.mask = ", count, " particles after ", have,
                     ": the epoch has ", request_.particles()));
  }
  const size_t values = count * request_.dims;
  if (features.size() != values * sizeof(float)) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.features = ", features.size(), " bytes: ", count,
                     " particles of ", request_.dims, " features need ",
                     values * sizeof(float)));
  }
  const auto wrong = std::find_if(mask.begin(), mask.end(), [](char byte) {
    return byte != 0 && byte != 1;
  });
  if (wrong != mask.end()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "mask of particle ", have + static_cast<size_t>(wrong - mask.begin()),
        " = ", static_cast<int>(static_cast<uint8_t>(*wrong)), ": use 0 or 1"));
  }
  KMYRIAD_RETURN_IF_ERROR(AppendDistances(squared_distances, mask));
  const size_t old = features_.size();
  features_.resize(old + values);
  CopyBytes(features_.data() + old, features.data(), features.size());
  mask_.insert(mask_.end(), mask.begin(), mask.end());
  return absl::OkStatus();
}

absl::Status EpochParticles::Verify() const {
  if (!complete()) {
    return absl::InvalidArgumentError(absl::StrCat("particles = ", mask_.size(),
                                                   ": the header announced ",
                                                   request_.particles()));
  }
  Sha256 hash;
  hash.Update(features_.data(), features_.size() * sizeof(float));
  hash.Update(mask_.data(), mask_.size());
  const Digest digest = hash.Finish();
  if (digest != request_.particle_digest) {
    return absl::DataLossError(
        absl::StrCat("particle_digest = ", ToHex(request_.particle_digest),
                     ": the particles that arrived have ", ToHex(digest)));
  }
  return absl::OkStatus();
}

}  // namespace kmyriad
