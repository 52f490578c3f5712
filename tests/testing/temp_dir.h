#ifndef KMYRIAD_TESTS_TESTING_TEMP_DIR_H_
#define KMYRIAD_TESTS_TESTING_TEMP_DIR_H_

#include <string>

namespace kmyriad {

// A fresh, empty folder with a short path (unix sockets fit in it), removed
// with its content at the end of the object's life.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // Path of `name` in the folder; nothing is created.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_TEMP_DIR_H_
