#include "deploy/launcher/animated_png.h"

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace kmyriad {
namespace {

using ::testing::ElementsAre;

struct PngChunk {
  std::string name;
  std::string content;
};

uint32_t Number(const std::string& text, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) {
    value = value << 8 | static_cast<uint8_t>(text[i]);
  }
  return value;
}

// All chunks, whose checksums must be right.
std::vector<PngChunk> ChunksOf(const std::string& file) {
  EXPECT_EQ(file.substr(0, 8), "\x89PNG\r\n\x1a\n");
  std::vector<PngChunk> chunks;
  for (size_t at = 8; at < file.size();) {
    const uint32_t size = Number(file, at);
    const std::string checked = file.substr(at + 4, 4 + size);
    EXPECT_EQ(Number(file, at + 8 + size),
              crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
                    static_cast<uInt>(checked.size())));
    chunks.push_back({checked.substr(0, 4), checked.substr(4)});
    at += 12 + size;
  }
  return chunks;
}

std::vector<std::string> NamesOf(const std::vector<PngChunk>& chunks) {
  std::vector<std::string> names;
  for (const PngChunk& chunk : chunks) names.push_back(chunk.name);
  return names;
}

std::string Unpack(const std::string& packed, size_t size) {
  std::string rows(size, '\0');
  uLongf length = static_cast<uLongf>(size);
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(rows.data()), &length,
                       reinterpret_cast<const Bytef*>(packed.data()),
                       static_cast<uLong>(packed.size())),
            Z_OK);
  EXPECT_EQ(length, size);
  return rows;
}

TEST(AnimatedPngTest, FramesHoldWhatChanged) {
  // 4 x 3 pixels; then one of them, the third of the second row, is another.
  std::vector<uint8_t> picture(4 * 3 * 3, 7);
  AnimatedPng film(4, 3, 20);
  ASSERT_THAT(film.Add(picture), IsOk());
  picture[(1 * 4 + 2) * 3 + 1] = 9;
  ASSERT_THAT(film.Add(picture), IsOk());
  ASSERT_THAT(film.Add(picture), IsOk());
  EXPECT_EQ(film.frames(), 3u);
  const std::vector<PngChunk> chunks = ChunksOf(film.Finish());
  EXPECT_THAT(NamesOf(chunks),
              ElementsAre("IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT",
                          "fcTL", "fdAT", "IEND"));
  EXPECT_EQ(Number(chunks[0].content, 0), 4u);
  EXPECT_EQ(Number(chunks[0].content, 4), 3u);
  EXPECT_EQ(Number(chunks[1].content, 0), 3u);
  // Sequence numbers run through all chunks of the animation.
  EXPECT_EQ(Number(chunks[2].content, 0), 0u);
  EXPECT_EQ(Number(chunks[4].content, 0), 1u);
  EXPECT_EQ(Number(chunks[5].content, 0), 2u);
  EXPECT_EQ(Number(chunks[6].content, 0), 3u);
  // Rows begin with the filter's number; those below a row of the same are 0.
  const std::string first = Unpack(chunks[3].content, 3 * 13);
  EXPECT_EQ(first[0], 2);
  EXPECT_EQ(first.substr(1, 12), std::string(12, '\x07'));
  EXPECT_EQ(first[13], 2);
  EXPECT_EQ(first.substr(14, 12), std::string(12, '\0'));
  const std::string& part = chunks[4].content;
  EXPECT_EQ(Number(part, 4), 1u);
  EXPECT_EQ(Number(part, 8), 1u);
  EXPECT_EQ(Number(part, 12), 2u);
  EXPECT_EQ(Number(part, 16), 1u);
  EXPECT_EQ(part.substr(20), std::string("\0\x01\0\x14\0\0", 6));
  EXPECT_EQ(Unpack(chunks[5].content.substr(4), 4), "\x02\x07\x09\x07");
  // Nothing changed: the smallest frame that there is.
  EXPECT_EQ(Number(chunks[6].content, 4), 1u);
  EXPECT_EQ(Number(chunks[6].content, 8), 1u);
}

}  // namespace
}  // namespace kmyriad
